// Chat: turns in a session, streamed, with the passages and tool calls behind each answer.

import { get, pages, path, remove, stream } from "../api.js";
import { Growing, answerText, caveats, citationList, consumption, trouble } from "../answer.js";
import { button, check, choice, confirmed, field, fill, h, said } from "../dom.js";
import { moment, plural, span, words } from "../text.js";

/** Most sessions in the list. */
const SESSIONS = 50;

export function chat({ capabilities, has }) {
  const message = h("textarea", { rows: "2", maxlength: capabilities.limits.message_chars, required: true, placeholder: "What does the warranty cover?" });
  const model = choice([["", "as configured"], ...capabilities.models.map((it) => [it, it])]);
  const rag = check("Rest on the documents", { checked: true });
  const allowed = capabilities.tools.map((name) => ({ name, ...check(words(name)) }));
  const log = h("ol", { class: "turns", "aria-label": "Conversation" });
  const status = h("p", { class: "aloud", role: "status" });
  const stop = button("Stop", () => running?.abort(), { class: "quiet", hidden: true });
  const list = h("ul", { class: "sessions" });
  let running = null;
  let session;
  /** Without sessions the conversation lives here and is sent whole each time. */
  let history = [];

  function begin() {
    running?.abort();
    [session, history] = [undefined, []];
    fill(log);
    mark();
    message.focus();
  }

  async function send() {
    const content = message.value.trim();
    if (content === "" || running) return;
    message.value = "";
    log.append(turn("user", said(content, "p")));
    const growing = new Growing();
    const calls = h("ul", { class: "calls" });
    const place = turn("assistant", growing.element, calls);
    log.append(place);
    place.scrollIntoView({ block: "nearest" });
    const mine = running = new AbortController();
    stop.hidden = false;
    status.textContent = "Answering";
    const messages = has("sessions") ? [{ role: "user", content }]
      : [...history, { role: "user", content }].slice(-capabilities.limits.messages_per_chat);
    const tools = allowed.filter(({ box }) => box.checked).map(({ name }) => name);
    const body = { messages, session_id: session, model: model.value || undefined, rag: rag.box.checked, tools: tools.length > 0 ? tools : undefined };
    try {
      await answered(body, mine.signal, growing, calls, place, content);
      status.textContent = "Answered";
    } catch (error) {
      growing.element.removeAttribute("aria-busy");
      if (growing.text === "") growing.element.remove();
      place.append(trouble(error));
      status.textContent = "No answer";
      if (message.value === "" && place.isConnected) message.value = content;
    } finally {
      if (running === mine) running = null;
      stop.hidden = true;
    }
  }

  async function answered(body, signal, growing, calls, place, content) {
    let usage;
    for await (const { event, data } of stream("/chat", { ...body, stream: true }, signal)) {
      growing.add(event, data);
      if (event === "start") session = data.session_id ?? session;
      else if (event === "tool_call") calls.append(called(data.call));
      else if (event === "tool_result") calls.append(ended(data.result));
      else if (event === "usage") usage = data.usage;
      else if (event === "error") throw Object.assign(new Error(data.error.message), { code: data.error.code, details: data.error.details, requestId: data.error.request_id });
      else if (event === "done") {
        fill(growing.element, written(growing.text, growing.citations), caveats(data),
          data.finish_reason === "stop" ? null : h("p", { class: "hint" }, `Ended by ${words(data.finish_reason)}`), usage ? consumption(usage) : null);
        growing.element.classList.remove("growing");
        growing.element.removeAttribute("aria-busy");
      }
    }
    history.push({ role: "user", content });
    if (growing.text !== "") history.push({ role: "assistant", content: growing.text });
    place.scrollIntoView({ block: "nearest" });
    await listed();
  }

  function written(text, citations) {
    return [text === "" ? h("p", { class: "hint" }, "No text.") : answerText(text, citations),
      citations.length > 0 ? h("details", {}, h("summary", {}, plural(citations.length, "citation")), citationList(citations)) : null];
  }

  async function listed() {
    if (!has("sessions")) return;
    try {
      const found = [];
      for await (const it of pages("/sessions", { limit: SESSIONS }, "sessions", SESSIONS)) found.push(it);
      fill(list, found.map((it) => h("li", { "data-session": it.id },
        button([said(it.title ?? "Empty"), h("small", {}, `${plural(it.turn_count, "turn")}, ${moment(it.updated_at)}`)], () => open(it.id), { class: "session" }),
        button("×", () => forget(it), { class: "quiet", "aria-label": `Delete the session ${it.title ?? it.id}` }))));
      mark();
    } catch (error) {
      fill(list, h("li", {}, trouble(error)));
    }
  }

  function mark() {
    for (const row of list.children) row.firstChild?.toggleAttribute?.("aria-current", row.dataset.session === session);
    for (const row of list.children) if (row.firstChild?.hasAttribute("aria-current")) row.firstChild.setAttribute("aria-current", "true");
  }

  async function open(id) {
    running?.abort();
    try {
      const found = await get(path("/sessions/{id}", { id }));
      session = found.id;
      fill(log, found.turns.map((it) => turn(it.role, it.role === "user" ? said(it.content, "p") : h("div", { class: "answer" }, written(it.content, it.citations ?? [])))));
      mark();
      log.lastChild?.scrollIntoView({ block: "nearest" });
      message.focus({ preventScroll: true });
    } catch (error) {
      fill(log, h("li", {}, trouble(error)));
    }
  }

  async function forget(it) {
    if (!(await confirmed("Delete this session with its turns?", "Delete"))) return;
    try {
      await remove(path("/sessions/{id}", { id: it.id }));
      if (session === it.id) begin();
    } catch (error) {
      fill(log, h("li", {}, trouble(error)));
    }
    await listed();
  }

  message.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      send();
    }
  });
  const form = h("form", { class: "ask", on: { submit: (event) => { event.preventDefault(); send(); } } },
    field("Message", message, "Enter sends; Shift and Enter begin a new line."),
    h("div", { class: "actions" }, h("button", { type: "submit" }, "Send"), stop),
    h("details", {}, h("summary", {}, "Options"), h("div", { class: "options" }, field("Model", model), rag.row,
      allowed.length > 0 ? h("fieldset", {}, h("legend", {}, "Tools that the model may call"), allowed.map(({ row }) => row)) : null)));
  const aside = has("sessions")
    ? h("aside", { "aria-label": "Sessions" }, h("div", { class: "aside-head" }, h("h3", {}, "Sessions"), button("New", begin, { class: "quiet" })), list)
    : null;
  return {
    element: h("section", { class: "chat" }, h("h2", {}, "Chat"), h("div", { class: "chat-body" }, aside, h("div", { class: "talk" }, log, status, form))),
    shown: () => { listed(); message.focus({ preventScroll: true }); },
  };
}

const SPEAKERS = { user: "You", assistant: "Platform" };

function turn(role, ...content) {
  return h("li", { class: `turn ${role}` }, h("p", { class: "speaker" }, SPEAKERS[role] ?? role), content);
}

function called(call) {
  return h("li", {}, "Calls ", h("code", {}, call.tool), h("details", {}, h("summary", {}, "Arguments"), h("pre", {}, JSON.stringify(call.arguments, null, 2))));
}

function ended(result) {
  return h("li", {}, h("code", {}, result.tool), ` ${words(result.outcome)} in ${span(result.duration_ms)}`,
    result.error ? said(` ${result.error.message}`, "span", { class: "fail" }) : null,
    result.result ? h("details", {}, h("summary", {}, "Result"), h("pre", {}, JSON.stringify(result.result, null, 2))) : null);
}
