// Documents: dropped or chosen files go in, the list shows what is there.

import { get, path, post, remove } from "../api.js";
import { trouble } from "../answer.js";
import { button, check, confirmed, facts, field, fill, h, said, table } from "../dom.js";
import { watch } from "../jobs.js";
import { openDocument } from "../passage.js";
import { moment, plural, shown, size } from "../text.js";

const TYPES = { md: "text/markdown", markdown: "text/markdown", html: "text/html", htm: "text/html", json: "application/json", txt: "text/plain", text: "text/plain" };
/** Share of the body limit that is left for names and quotes. */
const ROOM = 0.8;

export function documents({ capabilities, has }) {
  const limits = capabilities.limits;
  const files = h("input", { type: "file", multiple: true, id: "files", class: "aloud", accept: [".md", ".txt", ".html", ".htm", ".json", ".markdown", ".text"].join(",") });
  const drop = h("label", { for: "files", class: "drop" }, h("strong", {}, "Drop files here"), h("span", {}, "or choose them: Markdown, text, HTML or JSON"));
  const metadata = h("textarea", { rows: "2", spellcheck: "false", placeholder: '{"area": "policies"}' });
  const job = check("Ingest as a job and watch it", { checked: has("async_ingest") });
  const told = h("div", { role: "status" });
  const list = h("div");
  let cursor;
  let rows = [];

  async function ingest(chosen) {
    fill(told, h("p", { class: "hint" }, `Reading ${plural(chosen.length, "file")}…`));
    try {
      const facts = metadata.value.trim() === "" ? undefined : parsed(metadata.value);
      const read = await Promise.all([...chosen].map((file) => document(file, facts)));
      fill(told);
      for (const batch of batches(read)) {
        const body = { documents: batch, async: has("async_ingest") && job.box.checked };
        const answer = await post("/ingest", body, { idempotent: true });
        if (body.async) {
          const watched = watch(answer);
          told.append(watched.element);
          const ended = await watched.ended;
          if (ended.status === "succeeded") told.append(report(await get(path("/jobs/{id}/result", { id: ended.id }))));
        } else told.append(report(answer));
      }
    } catch (error) {
      told.append(trouble(error));
    }
    await load(true);
  }

  /** Documents of one request: within the tenant's number and size. */
  function batches(read) {
    const found = [[]];
    let bytes = 0;
    for (const document of read) {
      const length = document.content.length * 2;
      if (found.at(-1).length > 0 && (found.at(-1).length >= limits.documents_per_request || bytes + length > limits.body_bytes * ROOM)) {
        found.push([]);
        bytes = 0;
      }
      found.at(-1).push(document);
      bytes += length;
    }
    return found;
  }

  function report(answer) {
    return h("ul", { class: "outcomes" }, answer.documents.map((outcome) => h("li", { class: outcome.status },
      h("code", {}, outcome.id), " ", h("strong", {}, outcome.status), ` ${plural(outcome.chunks, "chunk")} `,
      outcome.error ? said(outcome.error.message, "span", { class: "fail" }) : null)));
  }

  async function load(anew) {
    if (anew) [cursor, rows] = [undefined, []];
    try {
      const page = await get(path("/documents", {}, { limit: 50, cursor }));
      rows.push(...page.documents);
      cursor = page.next_cursor;
      draw();
    } catch (error) {
      fill(list, trouble(error));
    }
  }

  function draw() {
    if (rows.length === 0) return fill(list, h("p", { class: "hint" }, "There are no documents yet."));
    const heads = [{ name: "Document" }, { name: "Chunks", num: true }, { name: "Size", num: true, wide: true }, { name: "Changed", wide: true }, { name: "" }];
    return fill(list, table("Documents", heads, rows.map((it) => [
      [button(said(shown(it.metadata.title ?? it.id)), () => openDocument(it.id), { class: "link" }), h("small", { class: "told" }, it.id)],
      it.chunks, size(it.size_bytes), moment(it.updated_at),
      button("Delete", () => discard(it), { class: "quiet", "aria-label": `Delete ${it.id}` }),
    ]), { aloud: true }), cursor ? button("More", () => load(false), { class: "quiet" }) : null);
  }

  async function discard(it) {
    if (!(await confirmed(`Delete ${it.id}?`, "Delete"))) return;
    try {
      await remove(path("/documents/{id}", { id: it.id }));
      fill(told, h("p", {}, h("code", {}, it.id), " is deleted."));
    } catch (error) {
      fill(told, trouble(error));
    }
    await load(true);
  }

  files.addEventListener("change", () => { const chosen = [...files.files]; files.value = ""; ingest(chosen); });
  for (const name of ["dragenter", "dragover"]) drop.addEventListener(name, (event) => { event.preventDefault(); drop.classList.add("over"); });
  for (const name of ["dragleave", "drop"]) drop.addEventListener(name, () => drop.classList.remove("over"));
  drop.addEventListener("drop", (event) => { event.preventDefault(); ingest([...event.dataTransfer.files]); });

  return {
    element: h("section", { class: "documents" }, h("h2", {}, "Documents"),
      h("div", { class: "dropzone" }, files, drop),
      h("details", {}, h("summary", {}, "Options"), field("Metadata of these files, as JSON", metadata), has("async_ingest") ? job.row : null,
        facts([["Largest request", size(limits.body_bytes)], ["Most documents in one", limits.documents_per_request]])),
      told, list),
    shown: () => load(true),
  };
}

/** A file as the contract wants it: a name that the contract allows, its text, its format. */
async function document(file, metadata) {
  const ending = file.name.split(".").at(-1).toLowerCase();
  const id = file.name.replace(/\.[^.]*$/, "").normalize("NFKD").replace(/[^A-Za-z0-9._:-]+/g, "-").replace(/^[^A-Za-z0-9]+/, "").slice(0, 100) || "document";
  const text = new TextDecoder("utf-8", { fatal: true });
  let content;
  try {
    content = text.decode(await file.arrayBuffer());
  } catch {
    throw new Error(`${file.name} is not text in UTF-8.`);
  }
  return { id, content, content_type: TYPES[ending] ?? "text/plain", metadata: { title: file.name, ...metadata } };
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error("The metadata is not JSON.");
  }
}
