// Tools: each with a form made from its own schema, its result, and the audit of what was called.

import { get, path, post } from "../api.js";
import { consumption, trouble } from "../answer.js";
import { check, facts, fill, h, said, table } from "../dom.js";
import { watch } from "../jobs.js";
import { schemaForm } from "../schema_form.js";
import { decimal, moment, size, span, words } from "../text.js";

export function tools({ has }) {
  const list = h("div", { class: "tools-list" });
  const audit = h("div");

  async function load() {
    if (list.childElementCount > 0) return;
    fill(list, h("p", { class: "hint" }, "Reading the tools…"));
    try {
      const found = await get("/tools");
      fill(list, found.tools.length > 0 ? found.tools.map(card) : h("p", { class: "hint" }, "This key may call no tool."));
    } catch (error) {
      fill(list, trouble(error));
    }
  }

  async function records() {
    try {
      const page = await get(path("/audit", {}, { limit: 20 }));
      const heads = [{ name: "Tool" }, { name: "Outcome" }, { name: "Time", num: true }, { name: "When", wide: true }, { name: "Request", wide: true }];
      fill(audit, page.records.length > 0
        ? table("Latest calls", heads, page.records.map((it) => [h("code", {}, it.tool), words(it.outcome), span(it.latency_ms), moment(it.at), h("code", {}, it.request_id)]), { aloud: true })
        : h("p", { class: "hint" }, "No calls yet."));
    } catch (error) {
      fill(audit, trouble(error));
    }
  }

  const log = has("audit") ? h("details", {}, h("summary", {}, "Audit"), audit) : null;
  log?.addEventListener("toggle", () => { if (log.open) records(); });
  return {
    element: h("section", { class: "tools" }, h("h2", {}, "Tools"), list, log),
    shown: load,
  };
}

function card(tool) {
  const form = schemaForm(tool.arguments_schema);
  const later = check("As a job");
  const result = h("div", { class: "tool-result", role: "status" });
  const call = h("button", { type: "submit" }, "Call");
  const submit = async (event) => {
    event.preventDefault();
    form.clear();
    call.disabled = true;
    fill(result, h("p", { class: "hint" }, "Calling…"));
    try {
      const answer = await post("/tools/execute", { tool: tool.name, arguments: form.value(), async: later.box.checked || undefined }, { idempotent: true });
      if (!later.box.checked) fill(result, shown(answer));
      else {
        const watched = watch(answer);
        fill(result, watched.element);
        const ended = await watched.ended;
        if (ended.status === "succeeded") result.append(shown(await get(path("/jobs/{id}/result", { id: ended.id }))));
      }
    } catch (error) {
      fill(result, trouble(error));
      const at = error.details?.find(({ pointer }) => pointer?.startsWith("/arguments"));
      if (at) form.point(at.pointer.slice("/arguments".length));
    } finally {
      call.disabled = false;
    }
  };
  return h("details", { class: "tool", name: "tool" },
    h("summary", {}, h("strong", {}, tool.title ?? words(tool.name)), h("code", {}, `${tool.name} ${tool.version}`), said(tool.description, "span", { class: "told" })),
    h("form", { on: { submit } }, form.element, later.row, h("div", { class: "actions" }, call)),
    result,
    facts([
      ["Side effects", words(tool.side_effects)],
      ["Works on", tool.data.length > 0 ? tool.data.map(words).join(", ") : "its arguments alone"],
      ["Needs", tool.scopes.length > 0 ? tool.scopes.join(", ") : "tools:execute"],
      ["Longest run", span(tool.limits.time_ms)],
      ["Largest arguments", size(tool.limits.argument_bytes)],
      ["A model may call it", tool.model_callable ? "yes" : "no"],
    ]));
}

/** A result by its kinds of values: texts as texts, lists of likes as tables, everything else as JSON. */
function shown(answer) {
  const parts = Object.entries(answer.result).map(([key, value]) => [h("h4", {}, words(key)), valued(key, value)]);
  return [h("p", {}, h("code", {}, `${answer.tool} ${answer.version}`), ` took ${span(answer.duration_ms)}`), parts,
    answer.usage ? consumption(answer.usage) : null,
    h("details", {}, h("summary", {}, "As JSON"), h("pre", { tabindex: "0" }, JSON.stringify(answer.result, null, 2)))];
}

function valued(key, value) {
  const flat = (it) => it === null || typeof it !== "object";
  if (typeof value === "number") return h("p", {}, decimal(value));
  if (flat(value)) return said(String(value), "p");
  if (Array.isArray(value) && value.length === 0) return h("p", { class: "hint" }, "none");
  if (Array.isArray(value) && value.every(flat)) return h("ul", {}, value.map((it) => said(String(it), "li")));
  if (Array.isArray(value) && value.every((it) => it !== null && !Array.isArray(it) && typeof it === "object")) {
    const heads = [...new Set(value.flatMap((it) => Object.keys(it)))].slice(0, 8);
    if (heads.length > 0) {
      return table(words(key), heads.map((name) => ({ name: words(name) })),
        value.map((it) => heads.map((name) => (flat(it[name]) ? said(String(it[name] ?? "")) : h("code", {}, JSON.stringify(it[name]))))), { aloud: true });
    }
  }
  return h("pre", { tabindex: "0" }, JSON.stringify(value, null, 2));
}
