// Measures requests a second and latencies of the Worker and of the native server in one run, beside those of a Worker that does
// nothing, and writes them as a run record, which `cargo run -p reports` shows. Times of one machine mean little; the ratios say what
// the platform costs over its host.
//
//   node measure.mjs --native PROGRAM [--out FOLDER] [--seconds 4] [--connections 8]
//
// PROGRAM is the native server; `cargo build --release -p reference-impl` and `build.sh` make what is worth measuring. Exit codes:
// 0 done, 100 a request was not answered as expected, otherwise as run.mjs.
import { spawn, execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { Agent, request as http } from "node:http";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import { Stop, here, need, root, start, yaml } from "./run.mjs";

const TENANT = "meridian-lab"; // its limits let a load through
const DOCUMENTS = 40;

/** Sends one request; gives its status, and milliseconds from sending to the end of the body. */
function once(agent, base, { path, body, headers }) {
  return new Promise((done, failed) => {
    const began = performance.now();
    const sent = http(base + path, { agent, method: body ? "POST" : "GET", headers }, (response) => {
      const chunks = [];
      response.on("data", (chunk) => chunks.push(chunk));
      response.on("end", () => done({ status: response.statusCode, ms: performance.now() - began, body: Buffer.concat(chunks).toString() }));
      response.on("error", failed);
    });
    sent.on("error", failed);
    sent.end(body);
  });
}

/** Keeps `connections` busy for some seconds; `make` gives each request by its number. */
async function press(base, make, { seconds, connections }, expected = () => true) {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const times = [];
  let [errors, next] = [0, 0];
  const busy = async (until) => {
    while (performance.now() < until) {
      const answer = await once(agent, base, make(next++));
      if (answer.status === 200 && expected(answer.body)) times.push(answer.ms);
      else errors += 1;
    }
  };
  const round = (length) => Promise.all(Array.from({ length: connections }, () => busy(performance.now() + length * 1000)));
  await round(Math.min(1, seconds / 4)); // so that code is compiled and connections are open
  times.length = errors = 0;
  const began = performance.now();
  await round(seconds);
  const took = (performance.now() - began) / 1000;
  agent.destroy();
  times.sort((one, other) => one - other);
  const at = (share) => Number((times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0).toFixed(3));
  return { requests: times.length + errors, errors, rate_per_s: Number((times.length / took).toFixed(1)), p50_ms: at(0.5), p95_ms: at(0.95), p99_ms: at(0.99), max_ms: at(1) };
}

/** The native server over an empty folder. */
function native(program, data) {
  const began = performance.now();
  const child = spawn(program, ["serve", "--demo", "--addr", "127.0.0.1:0", "--data", data], { cwd: root, stdio: ["ignore", "ignore", "pipe"] });
  const ready = new Promise((done, failed) => {
    let told = "";
    child.stderr.setEncoding("utf8").on("data", (text) => {
      if (told.length < 10_000) told += text;
      const found = /listening on (http:\S+)/.exec(told);
      if (found) done({ url: found[1], ready_ms: performance.now() - began });
    });
    child.on("error", () => failed(new Stop(3, `missing: ${program} (\`cargo build --release -p reference-impl\`)`)));
    child.on("exit", () => failed(new Stop(1, `the native server ended: ${told}`)));
  });
  return { child, ready };
}

/** A Worker that answers at once: what the host itself takes. */
async function trivial() {
  const { Miniflare } = await need("miniflare");
  const worker = new Miniflare({
    name: "trivial", host: "127.0.0.1", port: 0, cf: false, modules: true, compatibilityDate: "2026-07-01",
    unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }], telemetry: { enabled: false },
    script: 'export default { fetch() { return new Response("{}", { headers: { "content-type": "application/json" } }); } };',
  });
  await worker.ready;
  return { worker, url: (await worker.unsafeGetDirectURL()).origin };
}

async function fill(base, key, documents) {
  const agent = new Agent({ keepAlive: true });
  for (let at = 0; at < documents.length; at += 10) {
    const body = JSON.stringify({ documents: documents.slice(at, at + 10) });
    const answer = await once(agent, base, { path: "/ingest", body, headers: { authorization: `Bearer ${key}`, "content-type": "application/json" } });
    if (answer.status !== 200) throw new Stop(1, `POST /ingest of ${base}: ${answer.status} ${answer.body.slice(0, 300)}`);
  }
  agent.destroy();
}

/** The measurements of one deployment. */
async function measured(scenario, base, key, questions, load) {
  const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
  const ask = (path, fields) => (number) =>
    ({ path, headers, body: JSON.stringify({ query: questions[number % questions.length], ...fields }) });
  const cached = (hit) => (body) => JSON.parse(body).cache?.hit === hit;
  const rows = [];
  const row = async (operation, make, expected, cache) =>
    rows.push({ scenario, operation, tenant: TENANT, ...(cache && { cache }), phase: "response", ...(await press(base, make, load, expected)) });
  await row("get_health", () => ({ path: "/health" }));
  await row("retrieve", ask("/retrieve", { mode: "hybrid" }));
  await row("search", ask("/search", { cache: "bypass" }), (body) => JSON.parse(body).cache?.hit !== true, "miss");
  const first = () => ask("/search", {})(0);
  await once(undefined, base, first());
  await row("search", first, cached(true), "hit");
  return rows.map(({ tenant, ...it }) => (it.operation === "get_health" ? it : { ...it, tenant }));
}

function uuid7() {
  const bytes = randomBytes(16);
  bytes.writeUIntBE(Date.now(), 0, 6);
  bytes[6] = 0x70 | (bytes[6] & 0x0f);
  bytes[8] = 0x80 | (bytes[8] & 0x3f);
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

const now = () => new Date().toISOString();

async function main() {
  const text = { type: "string" };
  const { values } = parseArgs({ options: { native: text, out: text, seconds: text, connections: text } });
  if (!values.native) throw new Stop(2, "expected --native PROGRAM");
  const load = { seconds: Number(values.seconds ?? 4), connections: Number(values.connections ?? 8) };
  if (!(load.seconds > 0 && load.connections >= 1)) throw new Stop(2, "expected --seconds above 0 and --connections of at least 1");
  const started_at = now();
  const keys = await yaml(join(root, "fixtures/credentials/keys.yaml"));
  const { key } = keys.find((it) => it.tenant === TENANT && it.name === "all");
  const folder = mkdtempSync(join(tmpdir(), "reference-measure-"));
  const stops = [() => rmSync(folder, { recursive: true, force: true })];
  try {
    const corpus = join(root, "fixtures/corpora", TENANT);
    const documents = (await yaml(join(corpus, "documents.yaml"))).slice(0, DOCUMENTS).map(({ id, file, content_type, metadata }) =>
      ({ id, content_type, metadata, content: readFileSync(join(corpus, file), "utf8") }));
    const questions = readFileSync(join(corpus, "questions.jsonl"), "utf8").trim().split("\n").map((line) => JSON.parse(line).text);
    const other = native(resolve(values.native), join(folder, "native"));
    stops.push(() => { other.child.removeAllListeners("exit"); other.child.kill(); });
    const began = performance.now();
    const running = await start({ data: join(folder, "worker") });
    stops.push(() => running.worker.dispose());
    await once(undefined, running.url, { path: "/health" });
    const worker_ms = performance.now() - began;
    const nothing = await trivial();
    stops.push(() => nothing.worker.dispose());
    const { url, ready_ms } = await other.ready;
    await Promise.all([url, running.url].map((base) => fill(base, key, documents)));
    const rows = [{ scenario: "trivial-worker", operation: "all", phase: "response", ...(await press(nothing.url, () => ({ path: "/" }), load)) }];
    rows.push(...(await measured("worker", running.url, key, questions, load)));
    rows.push(...(await measured("native", url, key, questions, load)));
    const bundle = ["index.js", "index_bg.wasm"].map((file) => readFileSync(join(here, "build", file)));
    const notes = told(rows, { bundle: gzipSync(Buffer.concat(bundle), { level: 9 }).length, worker_ms, ready_ms }, load);
    for (const note of notes) console.log(note);
    const failed = rows.filter((row) => row.errors > 0);
    for (const row of failed) console.error(`measure.mjs: ${row.scenario} ${row.operation}: ${row.errors} of ${row.requests} were not answered as expected`);
    if (values.out) write(values.out, { rows, notes, started_at, base_url: running.url, verdict: failed.length ? "fail" : "pass" });
    return failed.length ? 100 : 0;
  } finally {
    for (const stop of stops.reverse()) await stop();
  }
}

/** The rows as lines of a table, each with its ratio to the trivial Worker. */
function told(rows, { bundle, worker_ms, ready_ms }, { seconds, connections }) {
  const [base] = rows;
  const lines = rows.map((row) => {
    const name = `${row.scenario} ${row.operation}${row.cache ? ` (cache ${row.cache})` : ""}`;
    const ratio = base.rate_per_s ? (row.rate_per_s / base.rate_per_s).toFixed(3) : "-";
    return `${name}: ${row.rate_per_s}/s, p50 ${row.p50_ms} ms, p99 ${row.p99_ms} ms; of the trivial Worker ${ratio} in requests a second, ${(row.p50_ms / base.p50_ms).toFixed(1)} in p50, ${(row.p99_ms / base.p99_ms).toFixed(1)} in p99`;
  });
  const processors = `${connections} connections, ${seconds} s a row, the load generator on the same machine`;
  return [...lines, processors, `bundle: ${(bundle / 1024).toFixed(0)} KiB gzip`,
    `start to the first answer: Worker with its host ${worker_ms.toFixed(0)} ms; native, ready in ${ready_ms.toFixed(0)} ms`];
}

function write(out, { rows, notes, started_at, base_url, verdict }) {
  const git = (...words) => execFileSync("git", words, { cwd: root, encoding: "utf8" }).trim();
  const { info } = JSON.parse(readFileSync(join(root, "contracts/types/src/generated/openapi.json"), "utf8"));
  const record = {
    schema_version: 1, run_id: uuid7(), kind: "load", tool_version: "0.1.0", contract_version: info.version,
    target: { name: "worker-and-native", base_url }, started_at, finished_at: now(), seed: 0, commit: git("rev-parse", "HEAD"),
    command: "node reference-impl/worker/measure.mjs --native PROGRAM", verdict,
    counts: { passed: 0, failed: 0, errored: 0, not_applicable: 0, known_failures: 0 }, load: rows, notes, cases: [],
  };
  mkdirSync(out, { recursive: true });
  writeFileSync(join(out, `load-worker-and-native-${record.run_id}.json`), `${JSON.stringify(record, null, 2)}\n`);
}

main().then((code) => process.exit(code), (error) => {
  console.error(`measure.mjs: ${error instanceof Stop ? error.message : error.stack}`);
  process.exit(error.code ?? 1);
});
