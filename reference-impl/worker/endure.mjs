// What the Worker survives: a handler that panics costs its own request alone, also while others are under way, and a process that is
// killed in the middle of an ingest leaves each document wholly old or wholly new; a job that was at work then is found by its
// tenant's object and ends. It needs a bundle of `build.sh --dev`.
//
//   node endure.mjs
//
// Exit codes: 0 all as expected, 100 a difference (each is told), otherwise as run.mjs.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Stop, here, root, yaml } from "./run.mjs";

const TENANT = "aurora-bikes";
const OTHER = "meridian-lab";
const READY_WITHIN_MS = 60_000;
const ANSWER_WITHIN_MS = 60_000;
/** Documents of an ingest, and paragraphs of each, enough to be killed in the middle of. */
const [DOCUMENTS, PARAGRAPHS] = [24, 30];
/** A job that its process left behind is found after twenty seconds of the object's silence, and worked on then. */
const [FOUND_WITHIN_MS, LOOK_EVERY_MS] = [90_000, 250];
/** Rounds of killing; at least one must come in the middle. */
const MOST_ROUNDS = 8;

const differences = [];
let checks = 0;
function expect(what, found, expected) {
  checks += 1;
  const [one, other] = [found, expected].map((it) => JSON.stringify(it));
  if (one !== other) differences.push(`${what}: expected ${other}, found ${one}`);
}

const keys = await yaml(join(root, "fixtures/credentials/keys.yaml"));

/** The Worker as a process of its own, which can be killed with everything that it has started. */
async function launched(data) {
  const control = await new Promise((done) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => done(port));
    });
  });
  const words = [join(here, "run.mjs"), "--port", "0", "--data", data, "--control", String(control)];
  const child = spawn(process.execPath, words, { cwd: root, stdio: ["ignore", "pipe", "pipe"], detached: true });
  let told = "";
  const ended = new Promise((done) => child.on("exit", done));
  const url = await new Promise((done, failed) => {
    const late = setTimeout(() => failed(new Stop(1, `the Worker is not ready within ${READY_WITHIN_MS} ms: ${told}`)), READY_WITHIN_MS);
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text) => {
        if (told.length < 20_000) told += text;
        const found = /listening on (http:\S+)/.exec(told);
        if (found) {
          clearTimeout(late);
          done(found[1]);
        }
      });
    }
    child.on("exit", () => failed(new Stop(1, `the Worker ended: ${told}`)));
  });
  const kill = async (signal) => {
    try {
      process.kill(-child.pid, signal);
    } catch {
      // Nothing of it is left.
    }
    await ended;
  };
  return { url, control: `http://127.0.0.1:${control}`, kill };
}

async function call(base, path, { tenant = TENANT, body, method } = {}) {
  const { key } = keys.find((it) => it.tenant === tenant && it.name === "all");
  // A connection each: one that is kept may belong to a process that was killed.
  const headers = { authorization: `Bearer ${key}`, connection: "close", ...(body && { "content-type": "application/json" }) };
  const init = { method: method ?? (body ? "POST" : "GET"), headers, body: body && JSON.stringify(body), signal: AbortSignal.timeout(ANSWER_WITHIN_MS) };
  const response = await fetch(base + path, init);
  const text = await response.text();
  return { status: response.status, json: text.startsWith("{") ? JSON.parse(text) : undefined };
}

async function fault(control, port, body) {
  const response = await fetch(`${control}/faults/${port}`, { method: "PUT", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  if (response.status !== 200) throw new Stop(1, `PUT /faults/${port}: ${response.status} ${await response.text()}`);
}

/** Requests of two tenants wait for a slow store while a handler panics. */
async function panics({ url, control }) {
  await call(url, "/documents");
  await fault(control, "database", { kind: "slow", delay_ms: 400 });
  const waiting = [TENANT, OTHER, TENANT, OTHER].map((tenant) => call(url, "/documents", { tenant }));
  await new Promise((done) => setTimeout(done, 100));
  await fault(control, "handler", { kind: "refused", operation: "get_capabilities", calls: 1 });
  const broken = await call(url, "/capabilities");
  expect("a handler that panics", [broken.status, broken.json?.error?.code], [500, "INTERNAL_ERROR"]);
  expect("requests that waited meanwhile", (await Promise.all(waiting)).map((it) => it.status), [200, 200, 200, 200]);
  await fetch(`${control}/faults/database`, { method: "DELETE" });
  expect("the same request again", (await call(url, "/capabilities")).status, 200);
}

/** Documents of a version; every paragraph names it. */
const documents = (version) => Array.from({ length: DOCUMENTS }, (_, at) => ({
  id: `endure-${at}`, content_type: "text/plain",
  content: Array.from({ length: PARAGRAPHS }, (_, line) =>
    `Part ${line} of version ${version}: ${"the wheel of document turns and its bearing is greased ".repeat(6)}in ${at}.`).join("\n\n"),
}));

/** The versions that the chunks of a document name, and how many chunks there are. */
async function stored(url, id) {
  const found = await call(url, `/documents/${id}/chunks?limit=100`);
  const chunks = found.json?.chunks ?? [];
  const versions = chunks.flatMap((chunk) => [...chunk.text.matchAll(/version (\d+)/g)].map((match) => match[1]));
  return { versions: [...new Set(versions)], chunks: chunks.length };
}

async function killed(data) {
  running = await launched(data);
  const whole = await call(running.url, "/ingest", { body: { documents: documents(0) } });
  expect("the first version", whole.status, 200);
  const { chunks } = await stored(running.url, "endure-0");
  const began = performance.now();
  await call(running.url, "/ingest", { body: { documents: documents(1) } });
  const took = performance.now() - began;
  let [middle, last] = [0, 1];
  for (let round = 0; round < MOST_ROUNDS && middle < 2; round += 1) {
    const version = last + 1;
    const sent = call(running.url, "/ingest", { body: { documents: documents(version) } }).catch(() => undefined);
    // At another moment in each round, so that some come in the middle whatever the machine.
    await new Promise((done) => setTimeout(done, took * (0.2 + (0.6 * ((round * 5) % MOST_ROUNDS)) / MOST_ROUNDS)));
    await running.kill("SIGKILL");
    await sent;
    running = await launched(data);
    const all = await Promise.all(documents(0).map(({ id }) => stored(running.url, id)));
    for (const [at, it] of all.entries()) expect(`document ${at} after round ${round}`, [it.versions.length, it.chunks], [1, chunks]);
    const fresh = all.filter((it) => it.versions[0] === String(version)).length;
    if (fresh > 0 && fresh < DOCUMENTS) middle += 1;
    const again = await call(running.url, "/ingest", { body: { documents: documents(version) } });
    expect(`the same ingest again after round ${round}`, again.json?.documents?.every((it) => ["replaced", "updated", "unchanged", "created"].includes(it.status)), true);
    last = version;
  }
  expect("a round came in the middle of an ingest", middle > 0, true);
  await running.kill("SIGTERM");
  running = undefined;
}

/** A process is killed while a job of it is at work; the next one hears nothing of that job, and does it. */
async function lost(data) {
  running = await launched(data);
  await fault(running.control, "database", { kind: "slow", delay_ms: 200, tenant: TENANT });
  const started = await call(running.url, "/ingest", { body: { documents: documents(7), async: true } });
  expect("a job is begun", started.status, 202);
  const job = async () => (await call(running.url, `/jobs/${started.json.id}`)).json;
  const until = async (done) => {
    const began = performance.now();
    for (;;) {
      const found = await job();
      if (done(found) || performance.now() - began > FOUND_WITHIN_MS) return found;
      await new Promise((later) => setTimeout(later, LOOK_EVERY_MS));
    }
  };
  const middle = await until((it) => it?.progress.done > 0);
  expect("it is at work", [middle?.status, middle?.progress.done < DOCUMENTS], ["running", true]);
  await running.kill("SIGKILL");
  running = await launched(data);
  expect("the next process finds it as it was left", (await job())?.status, "running");
  const ended = await until((it) => it?.status !== "running" && it?.status !== "queued");
  expect("its tenant's object has it done", [ended?.status, ended?.progress], ["succeeded", { done: DOCUMENTS, total: DOCUMENTS }]);
  const all = await Promise.all(documents(7).map(({ id }) => stored(running.url, id)));
  expect("all documents are there", all.every((it) => it.versions.length === 1 && it.versions[0] === "7"), true);
  await running.kill("SIGTERM");
  running = undefined;
}

const folder = mkdtempSync(join(tmpdir(), "reference-endure-"));
/** The process that is up, of whatever part; nothing may leave it behind. */
let running;
try {
  running = await launched(join(folder, "panics"));
  await panics(running);
  await running.kill("SIGTERM");
  running = undefined;
  await killed(join(folder, "killed"));
  await lost(join(folder, "lost"));
} catch (error) {
  const cause = error.cause ? `: ${error.cause.message}` : "";
  console.error(`endure.mjs: ${error instanceof Stop ? error.message : error.stack}${cause}`);
  process.exitCode = error instanceof Stop ? error.code : 1;
} finally {
  await running?.kill("SIGKILL").catch(() => {});
  rmSync(folder, { recursive: true, force: true });
}
for (const difference of differences) console.error(`differs: ${difference.slice(0, 600)}`);
const verdict = process.exitCode ? "stopped before the end" : differences.length ? `${differences.length} differ` : "all as expected";
console.log(`worker endure: ${checks} checks, ${verdict}`);
process.exit(process.exitCode || (differences.length ? 100 : 0));
