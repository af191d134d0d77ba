// A passage in its document: opened from a citation or a ranking, with the quoted words marked.

import { get, pages, path } from "./api.js";
import { button, dialog, facts, fill, h, said } from "./dom.js";
import { trouble } from "./answer.js";
import { Bytes, moment, plural, shown, size } from "./text.js";

/** Bytes of a document that are shown around a passage before the whole is asked for. */
const AROUND = 4000;

/** Opens the document of a citation at its quote. The quote itself is shown at once; the rest needs documents:read. */
export async function openPassage(citation) {
  const place = h("div", { class: "passage" }, said(citation.quote, "blockquote"), h("p", { class: "hint" }, "Opening the document…"));
  dialog(`Passage ${citation.marker}`, h("p", { class: "hint" }, "From ", h("code", {}, citation.source)), place);
  try {
    const chunk = await chunkOf(citation.source, citation.chunk_id);
    const document = await get(path("/documents/{id}", { id: citation.source }));
    const from = chunk.span.start;
    const marked = { start: from + citation.chunk_span.start, end: from + citation.chunk_span.end };
    fill(place, documentText(document, marked), chunk.heading_path.length > 0 ? said(chunk.heading_path.join(" › "), "p", { class: "hint" }) : null,
      documentFacts(document));
    place.querySelector("mark")?.scrollIntoView({ block: "center" });
  } catch (error) {
    const why = error.status === 403 ? h("p", { class: "hint" }, "This key may not read documents, so the quote is all there is to see.") : trouble(error);
    fill(place, said(citation.quote, "blockquote"), why);
  }
}

async function chunkOf(document, wanted) {
  for await (const chunk of pages(path("/documents/{id}/chunks", { id: document }), { limit: 100 }, "chunks")) {
    if (chunk.id === wanted) return chunk;
  }
  throw new Error("The document has changed since the answer was written, and the passage is no longer in it.");
}

/** Opens a document from the list: its text, its facts, its chunks. */
export async function openDocument(id) {
  const place = h("div", { class: "passage" }, h("p", { class: "hint" }, "Opening the document…"));
  dialog(id, place);
  try {
    const document = await get(path("/documents/{id}", { id }));
    const chunks = h("ol", { class: "chunks" });
    const show = async () => {
      try {
        for await (const chunk of pages(path("/documents/{id}/chunks", { id }), { limit: 100 }, "chunks", 200)) {
          chunks.append(h("li", {}, h("p", { class: "hint" }, `${plural(chunk.tokens, "token")}, bytes ${chunk.span.start} to ${chunk.span.end}`),
            said(chunk.text, "p")));
        }
      } catch (error) {
        chunks.append(h("li", {}, trouble(error)));
      }
    };
    const details = h("details", {}, h("summary", {}, plural(document.chunks, "chunk")), chunks);
    details.addEventListener("toggle", show, { once: true });
    fill(place, documentText(document), documentFacts(document), details);
  } catch (error) {
    fill(place, trouble(error));
  }
}

function documentText(document, marked) {
  const bytes = new Bytes(document.text);
  const box = h("pre", { class: "document", tabindex: "0", dir: "auto", "aria-label": "Text of the document" });
  const show = (start, end) => {
    const parts = marked
      ? [bytes.slice(start, marked.start), h("mark", {}, bytes.slice(marked.start, marked.end)), bytes.slice(marked.end, end)]
      : [bytes.slice(start, end)];
    fill(box, start > 0 ? "… " : null, parts, end < bytes.length ? " …" : null);
  };
  const start = Math.max(0, (marked?.start ?? 0) - AROUND);
  const end = Math.min(bytes.length, (marked?.end ?? 0) + AROUND);
  show(start, end);
  const whole = start > 0 || end < bytes.length
    ? button("Show the whole text", (event) => { show(0, bytes.length); event.target.remove(); }, { class: "quiet" }) : null;
  return [document.text === "" ? h("p", { class: "hint" }, "The document holds no text.") : box, whole];
}

function documentFacts(document) {
  return facts([
    ["Document", h("code", {}, document.id)],
    ["Format", document.content_type],
    ["Size", size(document.size_bytes)],
    ["Chunks", document.chunks],
    ["First ingested", moment(document.created_at)],
    ["Last changed", moment(document.updated_at)],
    ...Object.entries(document.metadata).map(([key, value]) => [said(key), said(shown(value))]),
  ]);
}
