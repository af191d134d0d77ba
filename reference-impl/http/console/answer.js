// Answers as they are shown: text with its markers, confidence, what was missing, and what went wrong.

import { button, fill, h, said } from "./dom.js";
import { Bytes, percent, span, words } from "./text.js";
import { openPassage } from "./passage.js";

/** Something to know, in a box of its own. */
export function notice(text, kind = "") {
  return h("p", { class: `notice ${kind}`.trim() }, text);
}

/** What went wrong: the message, where it went wrong, and the id to ask the operator about. */
export function trouble(error) {
  if (error?.name === "AbortError") return notice("Stopped.");
  const known = error?.code ? `${words(error.code.toLowerCase())}` : "the page failed";
  return h("div", { class: "notice fail" },
    h("p", {}, h("strong", {}, `${known}: `), said(error.message)),
    error.details?.length > 0
      ? h("ul", {}, error.details.map((detail) => h("li", {},
        detail.pointer ? h("code", {}, detail.pointer) : null, detail.pointer ? " " : null, said(detail.message))))
      : null,
    error.requestId ? h("p", { class: "hint" }, "Request ", h("code", {}, error.requestId)) : null);
}

const BANDS = { none: "no support", low: "low", medium: "medium", high: "high" };

/** How far an answer can be relied on, in words, a bar and its reasons. */
export function confidence({ score, band, reasons }) {
  return h("div", { class: `confidence ${band}` },
    h("span", { class: "band" }, `Confidence: ${BANDS[band] ?? band}`),
    h("meter", { min: 0, max: 1, value: score, "aria-label": `Confidence ${percent(score)}` }),
    h("span", { class: "num" }, percent(score)),
    reasons.length > 0 ? h("ul", { class: "reasons" }, reasons.map((reason) => said(reason, "li"))) : null);
}

/** What the platform did without, and what the safety filters found. */
export function caveats({ degraded = [], safety = [] }) {
  return [
    degraded.length > 0 ? notice(`Answered without everything: ${degraded.map(words).join(", ")}.`, "warn") : null,
    safety.length > 0
      ? notice(`Safety filters: ${safety.map((it) => `${words(it.category)} ${words(it.action)}`).join(", ")}.`, "warn") : null,
  ];
}

/**
 * The answer's text. Each `[n]` that has a citation becomes a button that opens the passage; the words that it proves are
 * marked while the button has the focus or the pointer.
 */
export function answerText(text, citations) {
  const bytes = new Bytes(text);
  const cuts = new Set([0, bytes.length]);
  for (const { answer_span: { start, end } } of citations) cuts.add(bytes.edge(start)).add(bytes.edge(end));
  const places = [...cuts].sort((a, b) => a - b);
  const claims = [];
  const body = h("p", { class: "answer-text said", dir: "auto" });
  for (let at = 0; at + 1 < places.length; at += 1) {
    const [start, end] = [places[at], places[at + 1]];
    const proofs = citations.filter(({ answer_span: it }) => bytes.edge(it.start) <= start && bytes.edge(it.end) >= end);
    const claim = h("span", { class: proofs.length > 0 ? "claim" : null }, pieces(bytes.slice(start, end), citations, claims));
    claims.push({ claim, markers: proofs.map((it) => it.marker) });
    body.append(claim);
  }
  return body;
}

function pieces(text, citations, claims) {
  const found = [];
  let from = 0;
  for (const match of text.matchAll(/\[(\d{1,4})\]/g)) {
    const citation = citations.find(({ marker }) => marker === Number(match[1]));
    if (!citation) continue;
    found.push(text.slice(from, match.index), marker(citation, claims));
    from = match.index + match[0].length;
  }
  return [...found, text.slice(from)];
}

function marker(citation, claims) {
  const light = (on) => () => claims.filter(({ markers }) => markers.includes(citation.marker))
    .forEach(({ claim }) => claim.classList.toggle("lit", on));
  const it = button(String(citation.marker), () => openPassage(citation), {
    class: "cite", "aria-label": `Citation ${citation.marker}: open the passage in ${citation.source}` });
  for (const name of ["mouseenter", "focus"]) it.addEventListener(name, light(true));
  for (const name of ["mouseleave", "blur"]) it.addEventListener(name, light(false));
  return it;
}

/** The citations as a list, each with its quote. */
export function citationList(citations, titles = new Map()) {
  if (citations.length === 0) return null;
  return h("ol", { class: "citations" }, citations.map((citation) => h("li", { value: citation.marker },
    button([said(titles.get(citation.source) ?? citation.source, "strong"), h("small", {}, ` ${percent(citation.confidence)}`)],
      () => openPassage(citation), { class: "link" }),
    said(citation.quote, "q"))));
}

/** An answer while it is being written: text and citations come in, and the element grows with them. */
export class Growing {
  constructor() {
    this.text = "";
    this.citations = [];
    this.element = h("div", { class: "answer growing", "aria-busy": "true" });
    this.show();
  }

  add(event, data) {
    if (event === "token") this.text += data.text;
    else if (event === "citation") this.citations.push(data.citation);
    else return;
    this.show();
  }

  show() {
    fill(this.element, this.text === "" ? h("p", { class: "hint" }, "Looking for an answer…") : answerText(this.text, this.citations));
  }
}

/** What a request used, in one line. */
export function consumption(usage, totalMs) {
  const parts = [totalMs === undefined ? null : span(totalMs), usage.model ?? null, `${usage.tokens_in} tokens read`, `${usage.tokens_out} written`];
  return h("p", { class: "hint" }, parts.filter(Boolean).join(" · "));
}
