// How an answer came about: how the query was understood, where the time went, and how the candidates were ranked.

import { post } from "../api.js";
import { trouble } from "../answer.js";
import { facts, fill, h, said, table } from "../dom.js";
import { money, percent, span, words } from "../text.js";

const STEPS = ["rewrite", "embed", "retrieve", "rerank", "generate"];
/** Most candidates in the table. */
const SHOWN = 20;

/** `request` is what was asked; the ranking is asked for with it once the part is opened. */
export function explain(answer, request) {
  const ranking = h("div");
  const details = h("details", { class: "explain" }, h("summary", {}, "How this answer came about"),
    h("h3", {}, "Time"), timings(answer.timings_ms),
    h("h3", {}, "Query"), query(answer.query),
    h("h3", {}, "Answer"), facts([
      ["Cache", answer.cache.hit ? `stored answer, ${span(answer.cache.age_ms)} old` : "written anew"],
      ["May be served for", answer.cache.ttl_ms > 0 ? span(answer.cache.ttl_ms) : "not stored"],
      ["Model", answer.usage.model ?? "none was called"],
      ["Tokens", `${answer.usage.tokens_in} read, ${answer.usage.tokens_out} written`],
      ["Estimated cost", money(answer.usage.cost_usd)],
      ["Request", h("code", {}, answer.request_id)],
    ]),
    h("h3", {}, "Ranking"), ranking);
  details.addEventListener("toggle", () => rank(ranking, answer, request), { once: true });
  return details;
}

/** One bar for each step, as wide as its share of the whole. */
function timings(times) {
  const named = STEPS.reduce((sum, step) => sum + times[step], 0);
  const rest = Math.max(0, times.total - named);
  const most = Math.max(times.total, named, 0.001);
  const rows = [...STEPS.map((step) => [step, times[step]]), ["everything else", rest]];
  return h("div", { class: "timings" },
    h("p", {}, "Total ", h("strong", {}, span(times.total))),
    h("dl", {}, rows.map(([step, ms]) => {
      const bar = h("span", { class: "bar", "aria-hidden": "true" });
      bar.style.setProperty("--share", String(ms / most));
      return h("div", {}, h("dt", {}, step), h("dd", {}, bar, h("span", { class: "num" }, span(ms))));
    })));
}

function query(report) {
  return facts([
    ["Understood as", `${words(report.intent)} (${percent(report.intent_score)})`],
    ["Searched for", said(report.rewritten)],
    ["Corrected", report.corrections.length > 0 ? said(report.corrections.map(({ from, to }) => `${from} → ${to}`).join(", ")) : null],
    ["Added terms", report.expansions.length > 0 ? said(report.expansions.join(", ")) : null],
  ]);
}

async function rank(place, answer, request) {
  fill(place, h("p", { class: "hint" }, "Ranking…"));
  const { filter, top_k, min_score, mode, rerank } = request;
  try {
    const found = await post("/retrieve", { query: answer.query.rewritten, filter, top_k, min_score, mode, rerank, explain: true });
    const chunks = new Map(found.chunks.map((chunk) => [chunk.chunk_id, chunk]));
    const score = (value) => (value === undefined ? "–" : value.toFixed(3));
    const { candidates } = found.explain;
    const rows = candidates.slice(0, SHOWN).map((candidate) => {
      const chunk = chunks.get(candidate.chunk_id);
      return [
        chunk ? [h("span", {}, chunk.document_id), h("small", { class: "told" }, said(chunk.heading_path.at(-1) ?? ""))] : h("code", {}, candidate.chunk_id.slice(0, 12)),
        score(candidate.dense), score(candidate.lexical), score(candidate.fused), score(candidate.reranked),
        chunk ? `${chunk.rank}` : "–",
      ];
    });
    fill(place,
      facts([["Mode", found.explain.mode], ["Embedding model", found.explain.embedding_model],
        ["Vector of the query", found.explain.embedding_cache_hit ? "from the cache" : "made anew"],
        ["Left out by the filter", found.explain.filtered_out === undefined ? null : `${found.explain.filtered_out} chunks`]]),
      h("p", { class: "hint" }, candidates.length > SHOWN ? `The best ${SHOWN} of ${candidates.length} candidates.` : null),
      rows.length > 0
        ? table("Candidates", [{ name: "Passage" }, ...["Vectors", "Words", "Fused", "Reranked", "Rank"].map((name) => ({ name, num: true }))], rows, { aloud: true })
        : h("p", { class: "hint" }, "Nothing was found."));
  } catch (error) {
    fill(place, trouble(error));
  }
}
