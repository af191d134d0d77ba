// The console's frame: the credential, the views, and which of them is shown.

import { figures, forgetCredential, get, onFigures, onLost, useCredential } from "./api.js";
import { button, field, fill, h } from "./dom.js";
import { notice, trouble } from "./answer.js";
import { percent, words } from "./text.js";
import { chat } from "./views/chat.js";
import { documents } from "./views/documents.js";
import { listen } from "./views/listen.js";
import { search } from "./views/search.js";
import { tools } from "./views/tools.js";
import { usage } from "./views/usage.js";

/** Each view with the optional feature without which it shows nothing. */
const VIEWS = [
  { id: "search", name: "Search", make: search },
  { id: "documents", name: "Documents", make: documents },
  { id: "chat", name: "Chat", make: chat, feature: "chat" },
  { id: "tools", name: "Tools", make: tools, feature: "tools" },
  { id: "listen", name: "Listen", make: listen, feature: "tts" },
  { id: "usage", name: "Usage and limits", make: usage },
];

const [who, tabs, main] = ["who", "views", "main"].map((id) => document.getElementById(id));

/** What is known of the tenant, and the views that were made for it. Null until a credential has been taken. */
let opened = null;

function signIn(message) {
  opened = null;
  forgetCredential();
  fill(who);
  fill(tabs);
  const key = h("input", { type: "password", autocomplete: "off", spellcheck: "false", autocapitalize: "off", required: true });
  const told = h("div", { role: "alert" }, message ? notice(message) : null);
  const open = h("button", { type: "submit" }, "Open");
  const submit = async (event) => {
    event.preventDefault();
    open.disabled = true;
    fill(told);
    useCredential(key.value.trim());
    try {
      const capabilities = await get("/capabilities");
      key.value = "";
      start(capabilities);
    } catch (error) {
      forgetCredential();
      fill(told, trouble(error));
      open.disabled = false;
      key.focus();
    }
  };
  fill(main, h("section", { class: "sign-in" },
    h("h2", {}, "Open a tenant"),
    h("form", { on: { submit } },
      field("API key or token", key, "It stays in this page's memory: no storage, no cookie, no address holds it, and a reload forgets it."),
      h("div", { class: "actions" }, open)),
    told));
  key.focus();
}

function start(capabilities) {
  const has = (feature) => capabilities.features.includes(feature);
  opened = { capabilities, has, views: new Map(), go };
  onLost(() => signIn("The deployment no longer takes this key."));
  const warning = h("span", { class: "budget", role: "status" });
  onFigures(() => fill(warning, figures.budget === null ? null : `${percent(figures.budget)} of today's tokens used`));
  fill(who, warning, h("span", { class: "tenant" }, capabilities.tenant),
    button("Forget key", () => signIn("The key is forgotten."), { class: "quiet" }));
  fill(tabs, VIEWS.map((view) => {
    const off = view.feature && !has(view.feature);
    return h("a", { href: `#${view.id}`, id: `tab-${view.id}`, class: off ? "off" : null }, view.name, off ? h("small", {}, "off") : null);
  }));
  show();
}

/** Goes to a view and hands it something to begin with. */
function go(id, handed) {
  opened.handed = { id, handed };
  if (location.hash === `#${id}`) show();
  else location.hash = id;
}

function show() {
  if (!opened) return;
  if (location.hash === "#main") return;
  const view = VIEWS.find(({ id }) => `#${id}` === location.hash) ?? VIEWS[0];
  for (const tab of tabs.children) {
    if (tab.id === `tab-${view.id}`) {
      tab.setAttribute("aria-current", "page");
      tab.scrollIntoView({ block: "nearest", inline: "nearest" });
    } else tab.removeAttribute("aria-current");
  }
  document.title = `${view.name} · Plumbline console`;
  const made = opened.views.get(view.id) ?? make(view);
  opened.views.set(view.id, made);
  if (main.firstChild !== made.element) fill(main, made.element);
  const handed = opened.handed?.id === view.id ? opened.handed.handed : undefined;
  opened.handed = null;
  made.shown?.(handed);
}

function make(view) {
  if (view.feature && !opened.has(view.feature)) {
    return { element: h("section", {}, h("h2", {}, view.name),
      notice(`Not enabled: ${opened.capabilities.tenant} does not have the feature ${words(view.feature)}.`)) };
  }
  return view.make({ ...opened, capabilities: opened.capabilities, go });
}

addEventListener("hashchange", show);
signIn();
