// Sends the same requests to the native server and to the Worker and compares what they answer: status, content type and body,
// save the fields that name a request, a moment, a duration or the deployment itself. Both embed with the same lexical model.
//
//   node differential.mjs --native PROGRAM [--out FILE]
//
// PROGRAM is the native server, for example target/debug/reference-impl. Writes the figures as JSON to FILE. Exit codes: 0 all
// alike, 100 a difference (each is told), otherwise as run.mjs.
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual, parseArgs } from "node:util";
import { Stop, root, start, yaml } from "./run.mjs";

/** What may differ: which request it was, when, how long it took, and what answers. */
const OWN = new Set([
  "request_id", "trace_id", "took_ms", "latency_ms", "age_ms", "created_at", "updated_at", "expires_at", "at", "from", "to",
  "checked_at", "uptime_s", "implementation", "next_cursor", "timestamp", "timings", "timing",
]);
/** Ids that a deployment draws: compared by where they stand. */
const DRAWN = /^(job|ses|sess|req|msg)[_-][A-Za-z0-9_-]{6,}$/;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

function plain(value, key = "") {
  if (OWN.has(key) || key.endsWith("_ms")) return "own";
  if (typeof value === "string" && (DRAWN.test(value) || UUID.test(value))) return "drawn";
  if (Array.isArray(value)) return value.map((item) => plain(item));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([name, it]) => [name, plain(it, name)]));
}

/** The first place at which two values differ, and what stands there. */
function innermost(a, b, place = "") {
  const nested = (value) => value !== null && typeof value === "object";
  const names = nested(a) && nested(b) ? new Set([...Object.keys(a), ...Object.keys(b)]) : [];
  for (const name of names) if (!isDeepStrictEqual(a[name], b[name])) return innermost(a[name], b[name], `${place}/${name}`);
  return `${place || "/"}: native ${JSON.stringify(a)?.slice(0, 160)}, worker ${JSON.stringify(b)?.slice(0, 160)}`;
}

/** Events of a stream as a list. */
function events(text) {
  const blocks = text.split("\n\n").filter((block) => block && !block.startsWith(":"));
  return blocks.map((block) => {
    const field = (name) => block.split("\n").find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
    const data = field("data");
    return { event: field("event"), data: data?.startsWith("{") ? JSON.parse(data) : data };
  });
}

async function ask(base, keys, { tenant, key = "all", method, path, body, headers = {} }) {
  const found = tenant && keys.find((it) => it.tenant === tenant && it.name === key).key;
  const sent = { ...(found && { authorization: `Bearer ${found}` }), ...(body && { "content-type": "application/json" }), ...headers };
  const response = await fetch(base + path, { method: method ?? (body ? "POST" : "GET"), headers: sent, body: body && JSON.stringify(body) });
  const text = await response.text();
  const type = response.headers.get("content-type") ?? "";
  const read = type.startsWith("application/json") ? JSON.parse(text) : type.startsWith("text/event-stream") ? events(text) : undefined;
  return { status: response.status, type, body: plain(read) };
}

/** Every request, in the order in which it is sent. */
async function requests() {
  const all = [];
  for (const tenant of ["aurora-bikes", "meridian-lab", "lumen-desk"]) {
    const folder = join(root, "fixtures/corpora", tenant);
    const listed = await yaml(join(folder, "documents.yaml"));
    const documents = listed.map(({ id, file, content_type, metadata }) =>
      ({ id, content_type, metadata, content: readFileSync(join(folder, file), "utf8") }));
    for (let at = 0; at < documents.length; at += 10) {
      all.push({ tenant, path: "/ingest", body: { documents: documents.slice(at, at + 10) } });
    }
    all.push({ tenant, path: "/documents?limit=100" }, { tenant, path: "/capabilities" });
    for (const { id } of documents.slice(0, 10)) {
      all.push({ tenant, path: `/documents/${id}` }, { tenant, path: `/documents/${id}/chunks?limit=100` });
    }
    const questions = readFileSync(join(folder, "questions.jsonl"), "utf8").trim().split("\n").map((line) => JSON.parse(line).text);
    for (const [at, query] of questions.slice(0, 40).entries()) {
      all.push({ tenant, path: "/retrieve", body: { query, mode: ["lexical", "dense", "hybrid"][at % 3], top_k: 10 } });
      all.push({ tenant, path: "/search", body: { query, cache: at % 4 ? "bypass" : undefined } });
      if (at < 6) all.push({ tenant, path: "/chat", body: { messages: [{ role: "user", content: query }] } });
      if (at < 6) all.push({ tenant, path: "/chat", body: { messages: [{ role: "user", content: query }], stream: true } });
    }
    all.push({ tenant, path: `/documents/${documents[0].id}`, method: "DELETE" });
    all.push({ tenant, path: "/retrieve", body: { query: questions[0] } }, { tenant, path: "/sessions" }, { tenant, path: "/jobs" });
  }
  const tenant = "aurora-bikes";
  for (const path of ["/nowhere", "/documents/none", "/jobs/none", "/sessions/none", "/documents?limit=0", "/documents?x=1"]) all.push({ tenant, path });
  for (const body of [{}, { query: 7 }, { query: "" }, { query: "a", top_k: 1000 }, { query: "a", unheard_of: 1 }]) {
    all.push({ tenant, path: "/retrieve", body }, { tenant, path: "/search", body }, { path: "/search", body });
    all.push({ tenant, key: "none", path: "/retrieve", body }, { tenant, path: "/retrieve", body, headers: { "x-tenant-id": "meridian-lab" } });
  }
  return all;
}

/** The native server over an empty folder. */
function native(program) {
  const child = spawn(program, ["serve", "--demo", "--addr", "127.0.0.1:0"], { cwd: root, stdio: ["ignore", "ignore", "pipe"] });
  const ready = new Promise((resolve, reject) => {
    let told = "";
    child.stderr.setEncoding("utf8").on("data", (text) => {
      told += text;
      const found = /listening on (http:\S+)/.exec(told);
      if (found) resolve(found[1]);
    });
    child.on("error", () => reject(new Stop(3, `missing: ${program} (\`cargo build -p reference-impl\`)`)));
    child.on("exit", () => reject(new Stop(1, `the native server ended: ${told}`)));
  });
  return { child, ready };
}

let child, running, folder;
try {
  const text = { type: "string" };
  const { values } = parseArgs({ options: { native: text, out: text } });
  if (!values.native) throw new Stop(2, "expected --native PROGRAM");
  folder = mkdtempSync(join(tmpdir(), "reference-differential-"));
  const other = native(values.native);
  child = other.child;
  const keys = await yaml(join(root, "fixtures/credentials/keys.yaml"));
  running = await start({ data: folder });
  const bases = [await other.ready, running.url];
  const differences = [];
  const sent = await requests();
  for (const request of sent) {
    const [one, two] = await Promise.all(bases.map((base) => ask(base, keys, request)));
    if (!isDeepStrictEqual(one, two)) {
      const { tenant, method, path, body } = request;
      differences.push(`${tenant ?? "nobody"} ${method ?? (body ? "POST" : "GET")} ${path} ${JSON.stringify(body)?.slice(0, 120) ?? ""} at ${innermost(one, two)}`);
    }
  }
  for (const difference of differences) console.error(`differs: ${difference}`);
  console.log(`differential: ${sent.length} requests, ${differences.length ? `${differences.length} differ` : "all alike"}`);
  if (values.out) writeFileSync(values.out, `${JSON.stringify({ requests: sent.length, differences }, null, 1)}\n`);
  process.exitCode = differences.length ? 100 : 0;
} catch (error) {
  console.error(`differential.mjs: ${error instanceof Stop ? error.message : error.stack}`);
  process.exitCode = error.code ?? 1;
} finally {
  child?.removeAllListeners("exit");
  child?.kill();
  await running?.worker.dispose();
  if (folder) rmSync(folder, { recursive: true, force: true });
}
