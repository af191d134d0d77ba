// Search: a question, its answer as it is written, and everything that the answer rests on.

import { post, stream } from "../api.js";
import { Growing, answerText, caveats, citationList, confidence, consumption, notice, trouble } from "../answer.js";
import { button, check, choice, field, fill, h, said } from "../dom.js";
import { Filters } from "../filters.js";
import { percent, plural } from "../text.js";
import { explain } from "./explain.js";

export function search({ capabilities, has, go }) {
  const filters = new Filters();
  const query = h("textarea", { rows: "2", maxlength: capabilities.limits.query_chars, required: true, placeholder: "How long can a customer ask for a refund?" });
  const mode = choice([["", "as configured"], ...capabilities.retrieval_modes.map((it) => [it, it])]);
  const model = choice([["", "as configured"], ...capabilities.models.map((it) => [it, it])]);
  const most = h("input", { type: "number", min: 1, max: 100, placeholder: "as configured" });
  const fresh = check("Leave the cache aside");
  const spelling = check("Correct spelling", { checked: true });
  const rerank = check("Rerank the passages", { checked: capabilities.reranker.enabled });
  const ask = h("button", { type: "submit" }, "Ask");
  const stop = button("Stop", () => running?.abort(), { class: "quiet", hidden: true });
  const status = h("p", { class: "aloud", role: "status" });
  const result = h("div", { class: "result" });
  let running = null;

  const request = () => ({
    query: query.value.trim(),
    filter: filters.value(),
    mode: mode.value || undefined,
    model: model.value || undefined,
    top_k: most.value === "" ? undefined : Number(most.value),
    cache: fresh.box.checked ? "bypass" : undefined,
    correct_spelling: has("spell_correction") ? spelling.box.checked : undefined,
    rerank: has("rerank") ? rerank.box.checked : undefined,
  });

  async function run() {
    if (query.value.trim() === "") return;
    running?.abort();
    const mine = new AbortController();
    running = mine;
    stop.hidden = false;
    status.textContent = "Looking for an answer";
    const asked = request();
    try {
      const answer = has("search_streaming") ? await streamed(asked, mine.signal) : await whole(asked, mine.signal);
      if (running === mine) show(answer, asked);
    } catch (error) {
      if (running === mine) {
        status.textContent = "No answer";
        result.append(trouble(error));
        result.querySelector(".growing")?.removeAttribute("aria-busy");
      }
    } finally {
      if (running === mine) {
        running = null;
        stop.hidden = true;
      }
    }
  }

  async function whole(asked, signal) {
    fill(result, new Growing().element);
    return post("/search", asked, { signal });
  }

  async function streamed(asked, signal) {
    const growing = new Growing();
    fill(result, growing.element);
    for await (const { event, data } of stream("/search", { ...asked, stream: true }, signal)) {
      growing.add(event, data);
      if (event === "done") return data.answer;
      if (event === "error") throw Object.assign(new Error(data.error.message), { code: data.error.code, details: data.error.details, requestId: data.error.request_id });
    }
    throw new Error("The stream ended without an answer.");
  }

  function show(answer, asked) {
    const titles = new Map(answer.sources.map((source) => [source.document_id, source.title ?? source.document_id]));
    status.textContent = `Answered with confidence ${answer.confidence.band}, ${plural(answer.citations.length, "citation")}`;
    fill(result,
      h("article", { class: "answer", "aria-label": "Answer" },
        answer.answer === "" ? notice("There is no written answer; the sources are below.") : answerText(answer.answer, answer.citations),
        confidence(answer.confidence),
        caveats(answer),
        answer.citations.length > 0 ? [h("h3", {}, "Citations"), citationList(answer.citations, titles)] : null,
        followUps(answer.follow_ups),
        sources(answer.sources),
        has("tts") && answer.answer !== "" ? button("Listen to the answer", () => go("listen", answer.answer.replace(/\s*\[\d+\]/g, "")), { class: "quiet" }) : null,
        consumption(answer.usage, answer.timings_ms.total),
        explain(answer, asked)));
  }

  function followUps(questions) {
    if (questions.length === 0) return null;
    return [h("h3", {}, "Ask next"), h("ul", { class: "follow-ups" }, questions.map((question) => h("li", {},
      button(said(question), () => { query.value = question; run(); query.focus(); }, { class: "chip" }))))];
  }

  function sources(found) {
    if (found.length === 0) return null;
    return h("details", {}, h("summary", {}, plural(found.length, "source")), h("ul", { class: "sources" }, found.map((source) => h("li", {},
      said(source.title ?? source.document_id, "strong"), " ", h("code", {}, source.document_id),
      h("small", {}, ` ${percent(source.score)}, ${plural(source.chunk_ids.length, "passage")}`)))));
  }

  query.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      run();
    }
  });
  const form = h("form", { class: "ask", on: { submit: (event) => { event.preventDefault(); run(); } } },
    field("Question", query, "Enter asks; Shift and Enter begin a new line."),
    h("div", { class: "actions" }, ask, stop),
    filters.element,
    h("details", {}, h("summary", {}, "Options"), h("div", { class: "options" },
      field("Retrieval", mode), field("Model", model), field("Most passages", most),
      fresh.row, has("spell_correction") ? spelling.row : null, has("rerank") ? rerank.row : null)));
  return {
    element: h("section", { class: "search" }, h("h2", {}, "Search"), form, status, result),
    shown: () => query.focus({ preventScroll: true }),
  };
}
