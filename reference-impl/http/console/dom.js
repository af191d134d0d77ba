// Elements made of text. Strings become text nodes and nothing else, so that what a document or a model says is never markup.

const SVG = "http://www.w3.org/2000/svg";

/**
 * An element.
 *
 * `given` holds attributes; `on` holds listeners by event, and a property of `set` is set as such. An attribute that is false,
 * null or undefined is left out, one that is true is set without a value. Children are nodes, texts, or lists of them.
 */
export function h(tag, given = {}, ...children) {
  return build(document.createElement(tag), given, children);
}

/** The same for an element of a drawing. */
export function svg(tag, given = {}, ...children) {
  return build(document.createElementNS(SVG, tag), given, children);
}

function build(element, { on = {}, set = {}, ...attributes }, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) throw new Error("listeners are given in `on`");
    // An address that came with data must not become a link: the page's own places and its own sounds are all there is.
    if ((name === "href" || name === "src") && !/^(#|blob:)/.test(String(value))) throw new Error(`no address for ${name}`);
    if (value === false || value === null || value === undefined) continue;
    element.setAttribute(name, value === true ? "" : String(value));
  }
  for (const [name, listener] of Object.entries(on)) element.addEventListener(name, listener);
  for (const [name, value] of Object.entries(set)) element[name] = value;
  element.append(...nodes(children));
  return element;
}

function nodes(children) {
  return children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false)
    .map((child) => (child instanceof Node ? child : document.createTextNode(String(child))));
}

/** Puts `children` in place of what `element` holds. */
export function fill(element, ...children) {
  element.replaceChildren(...nodes(children));
  return element;
}

/** Text of a document, model or tool: isolated in its direction of writing, so that it cannot reorder what stands around it. */
export function said(text, tag = "span", given = {}) {
  return h(tag, { dir: "auto", ...given, class: `said ${given.class ?? ""}`.trim() }, text);
}

let last = 0;

/** An id that no other element has. */
export function fresh(stem) {
  last += 1;
  return `${stem}-${last}`;
}

/** A description with what stands between back-quotes as code; every part is text and nothing else. */
export const coded = (text) => text.split(/`([^`]+)`/).map((part, at) => (at % 2 === 1 ? h("code", {}, part) : part));

/** A labelled control. `hint` explains it below. */
export function field(label, control, hint) {
  control.id ||= fresh("field");
  const told = hint ? h("small", { id: `${control.id}-hint`, class: "hint" }, coded(hint)) : null;
  if (told) control.setAttribute("aria-describedby", told.id);
  return h("div", { class: "field" }, h("label", { for: control.id }, label), control, told);
}

/** A check box with its label behind it. */
export function check(label, given = {}, hint) {
  const box = h("input", { type: "checkbox", id: fresh("check"), ...given });
  return { box, row: h("div", { class: "check" }, box, h("label", { for: box.id }, label), hint ? h("small", { class: "hint" }, coded(hint)) : null) };
}

/** A choice of `[value, label]` pairs. */
export function choice(pairs, given = {}) {
  return h("select", given, pairs.map(([value, label]) => h("option", { value }, label)));
}

export function button(label, press, given = {}) {
  return h("button", { type: "button", ...given, on: { click: press } }, label);
}

/** A table that scrolls by itself where the page is narrow. A column with `wide` is left out there. */
export function table(caption, heads, rows, given = {}) {
  const kinds = (head) => [head.num ? "num" : "", head.wide ? "wide" : ""].join(" ").trim() || null;
  const cell = (tag, value, head, scope) => h(tag, { class: kinds(head), scope }, value);
  return h("div", { class: "scroll", role: "region", "aria-label": caption, tabindex: "0" },
    h("table", given, h("caption", { class: given.aloud ? "aloud" : null }, caption),
      h("thead", {}, h("tr", {}, heads.map((head) => cell("th", head.name, head, "col")))),
      h("tbody", {}, rows.map((row) => h("tr", {}, row.map((value, at) =>
        (at === 0 ? cell("th", value, heads[at], "row") : cell("td", value, heads[at]))))))));
}

/** Names and values, such as the facts of an answer. */
export function facts(pairs) {
  const known = pairs.filter(([, value]) => value !== undefined && value !== null && value !== "");
  return h("dl", { class: "facts" }, known.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
}

/** A window over the page, closed by Esc or its button; the focus goes back to where it was. */
export function dialog(title, ...children) {
  const before = document.activeElement;
  const heading = h("h2", { id: fresh("dialog"), tabindex: "-1" }, title);
  const close = () => window.close();
  const window = h("dialog", { "aria-labelledby": heading.id, on: {
    close: () => { window.remove(); before?.focus?.(); },
    click: (event) => { if (event.target === window) close(); },
  } }, h("div", { class: "dialog" }, h("div", { class: "dialog-head" }, heading, button("Close", close, { class: "quiet" })), children));
  document.body.append(window);
  window.showModal();
  heading.focus();
  return { window, close };
}

/** Asks before something is done that cannot be undone. Resolves to whether it shall be done. */
export function confirmed(question, verb) {
  return new Promise((resolve) => {
    let answer = false;
    const { window, close } = dialog(question, h("div", { class: "actions" },
      button(verb, () => { answer = true; close(); }, { class: "danger" }), button("Cancel", () => close(), { class: "quiet" })));
    window.addEventListener("close", () => resolve(answer));
  });
}
