// Starts the built Worker with every binding that it has an adapter for and checks them on workerd: what core asks of each port's
// adapters, what the contract says of an answer while a binding fails, and what eventual consistency must never show.
//
//   node adapters.mjs
//
// Exit codes: 0 all as expected, 100 a difference (each is told), otherwise as run.mjs.
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { Stop, root, start, yaml } from "./run.mjs";
import { standIns } from "./stand-ins/server.mjs";

/** Whose vectors are in the index, whose models are behind the binding, who speaks, and who has none of it. */
const [INDEXED, MODELLED, SPEAKING, PLAIN] = ["aurora-bikes", "lumen-desk", "meridian-lab", "proving-ground"];
const SLOW_MS = 1500;
const DEADLINE_MS = 6000;
const differences = [];
let checks = 0;

function expect(what, found, expected) {
  checks += 1;
  if (!isDeepStrictEqual(found, expected)) {
    differences.push(`${what}: expected ${JSON.stringify(expected)}, found ${JSON.stringify(found)}`);
  }
}

const keys = await yaml(join(root, "fixtures/credentials/keys.yaml"));
const keyOf = (tenant) => keys.find((key) => key.tenant === tenant && key.name === "all").key;
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
let [url, control, contract] = [];

async function call(tenant, path, body, method = body ? "POST" : "GET") {
  const headers = { authorization: `Bearer ${keyOf(tenant)}`, ...(body && { "content-type": "application/json" }) };
  const response = await fetch(url + path, { method, headers, body: body && JSON.stringify(body) });
  const bytes = Buffer.from(await response.arrayBuffer());
  const isJson = response.headers.get("content-type")?.startsWith("application/json");
  const json = isJson && bytes.length ? JSON.parse(bytes.toString("utf8")) : undefined;
  return { status: response.status, headers: response.headers, bytes, json };
}

const document = (id, content, metadata = {}) => ({ id, content, content_type: "text/plain", metadata });
const ingest = (tenant, ...documents) => call(tenant, "/ingest", { documents });
const retrieve = (tenant, query, more = {}) => call(tenant, "/retrieve", { query, mode: "dense", ...more });
const found = (answer) => answer.json?.chunks?.map((it) => [it.document_id, it.score]);

/** Looks until it holds; false when it does not within ten seconds. */
async function within(holds) {
  for (let tries = 0; tries < 100; tries += 1) {
    if (await holds()) return true;
    await sleep(100);
  }
  return false;
}

async function freePort() {
  const server = createServer();
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

/** The fixtures' tenants, with the adapters that they are to use. */
function changed(beside) {
  const policy = { attempts: 1, failures: 1000 };
  const own = { api: "workers_ai", url: `${beside.url}/client/v4`, account: "acc", timeout_ms: SLOW_MS, policy };
  const gateway = { id: "platform", provider: "workers-ai", cache_ttl_s: 0, direct_url: `${beside.url}/client/v4` };
  const behind = { ...own, api: "ai_gateway", url: `${beside.url}/v1`, gateway };
  const voices = [{ id: "luna", name: "Luna", language: "en", sample_rate_hz: 24000 }];
  return ({ platform, tenants }) => {
    platform.model_providers = [
      { ...own, id: "cf/embed", kind: "embedding", model: "@cf/baai/bge-small-en-v1.5", dimensions: 384, binding: "AI" },
      { ...behind, id: "cf/write", kind: "generation", model: "@cf/meta/llama-3.1-8b-instruct", binding: "AI" },
      { ...own, id: "cf/rank", kind: "rerank", model: "@cf/baai/bge-reranker-base" },
      { ...own, id: "aura", kind: "speech", model: "@cf/deepgram/aura-2-en", voices, binding: "AI" },
      { ...own, id: "melo", kind: "speech", model: "@cf/myshell-ai/melotts", voices: [{ ...voices[0], id: "mel", sample_rate_hz: 44100 }], binding: "AI" },
      ...platform.model_providers,
    ];
    platform.speech_providers = [...platform.speech_providers, "aura", "melo"];
    const tenant = (id) => tenants.find((it) => it.tenant === id);
    tenant(INDEXED).vectors = { candidates: "vectorize", indexed_keys: ["lang"] };
    tenant(MODELLED).models = { embedding: "cf/embed", generation: "cf/write", rerank: "cf/rank", gateway: "lumen-own" };
    tenant(MODELLED).features = [...tenant(MODELLED).features, "rerank"];
    // What hangs is given up soon, and nothing else is.
    tenant(PLAIN).times = { ...tenant("tiny-deadlines").times, cache_ttl_ms: 600_000, result_ttl_ms: 600_000, deadline_ms: DEADLINE_MS };
    tenant(SPEAKING).tts = { providers: ["aura", "melo"] };
  };
}

async function ports() {
  for (const port of ["databases", "key-values", "vectors", "audio", "host"]) {
    expect(`the contract of the port ${port}`, (await fetch(`${contract}/${port}`, { method: "POST" })).status, 204);
  }
}

async function cache(worker, beside) {
  const asked = { query: "How long may unused parts be returned?" };
  await ingest(PLAIN, document("refunds", "Unused parts may be returned within 17 days."));
  const first = await call(PLAIN, "/search", asked);
  expect("an answer is made", [first.status, first.json?.cache?.hit, first.json?.degraded ?? []], [200, false, []]);
  expect("an answer is found again", (await call(PLAIN, "/search", asked)).json?.cache?.hit, true);
  const namespace = await worker.getKVNamespace("REAL", "stand-in-kv");
  const listed = async () => (await namespace.list()).keys.map((it) => it.name).filter((name) => name.startsWith(`${PLAIN}/`));
  const [name] = await listed();
  expect("the entry is in KV", Boolean(name), true);
  const stored = await namespace.getWithMetadata(name);
  // Another tenant's name over this tenant's entry, as a mistake in names would make it.
  const foreign = name.replace(PLAIN, INDEXED);
  await namespace.put(foreign, stored.value, { metadata: stored.metadata });
  expect("an entry under another's name", (await namespace.get(foreign)) !== null, true);

  await ingest(PLAIN, document("refunds", "Unused parts may be returned within 30 days."));
  await namespace.put(name, stored.value, { metadata: stored.metadata }); // a place that has not seen the change
  const second = await call(PLAIN, "/search", asked);
  expect("no old answer after a change", [second.json?.cache?.hit, /30 days/.test(second.json?.answer)], [false, true]);
  expect("the change's own answer is kept", (await call(PLAIN, "/search", asked)).json?.cache?.hit, true);

  beside.trouble.set("kv", { kind: "unseen" });
  const unseen = await call(PLAIN, "/search", asked);
  expect("a place that has not seen an entry", [unseen.status, unseen.json?.cache?.hit, unseen.json?.degraded ?? []], [200, false, []]);
  expect("a deletion there", (await call(PLAIN, "/documents/refunds", undefined, "DELETE")).status, 200);
  beside.trouble.clear();
  const gone = await call(PLAIN, "/search", asked);
  expect("no answer from what was deleted", [gone.json?.cache?.hit, /days/.test(gone.json?.answer)], [false, false]);
  await namespace.put(name, stored.value, { metadata: stored.metadata });
  return { name, stored };
}

async function vectors(beside) {
  const index = beside.vectorize;
  const queries = () => beside.trouble.counts["vectorize query"] ?? 0;
  index.delayMs = 1000;
  const parts = ["brake", "chain", "saddle", "wheel", "pedal", "bell", "lamp", "frame", "fork", "tyre"];
  const bulk = Array.from({ length: 90 }, (_, at) => {
    const part = parts[at % parts.length];
    return document(`part-${String(at).padStart(3, "0")}`, `The ${part} number ${at} is kept on shelf ${at * 7}.`, {
      lang: at % 2 ? "de" : "en", shelf: at,
    });
  });
  await ingest(INDEXED, ...bulk);
  expect("what was written is found at once", found(await retrieve(INDEXED, "brake number 40"))?.[0]?.[0], "part-040");
  expect("and not by the index", index.describe().vectorCount, 0);
  const caughtUp = () => index.describe().vectorCount >= 90 && index.waiting.length === 0;
  expect("the index has everything after its time", await within(async () => {
    await retrieve(INDEXED, "saddle");
    index.settle();
    return caughtUp();
  }), true);
  // The store takes note of that with its next look.
  await within(async () => {
    const before = queries();
    await retrieve(INDEXED, "saddle");
    return queries() > before;
  });
  const wanted = [
    ["brake number 40", {}],
    ["shelf 70 saddle", { top_k: 100 }],
    ["lamp", { filter: { lang: "de" }, top_k: 20 }],
    ["lamp", { filter: { lang: { $ne: "de" }, shelf: { $lt: 50 } }, top_k: 20 }],
    ["wheel", { filter: { shelf: { $gte: 80 } } }],
  ];
  const answers = async () => Promise.all(wanted.map(async ([query, more]) => found(await retrieve(INDEXED, query, more))));
  const before = queries();
  const named = await answers();
  expect("the index was asked", queries() - before, wanted.length);
  expect("all of it is found", named.map((it) => it?.length), [10, 90, 20, 20, 10]);
  // One fault after another: the same answers, for the store looks itself.
  for (const kind of ["unavailable", "lost", "garbage", "hang", "foreign"]) {
    beside.trouble.set("vectorize", { kind, call: "query" });
    expect(`the same answers while the index is ${kind}`, await answers(), named);
    beside.trouble.clear();
  }
  index.delayMs = 600_000; // from now on the index shows neither what is new nor what is gone
  await ingest(INDEXED, document("part-040", "The anchor has another text now.", { lang: "en" }));
  await call(INDEXED, "/documents/part-041", undefined, "DELETE");
  const later = found(await retrieve(INDEXED, "chain number 41", { top_k: 100 }))?.map(([id]) => id);
  expect("a deleted document that the index still names", [later?.includes("part-041"), later?.length], [false, 89]);
  expect("a changed document", found(await retrieve(INDEXED, "anchor"))?.[0]?.[0], "part-040");
  index.delayMs = 0;
  for (const waiting of index.waiting) waiting.at = 0;
  const own = [...index.vectors.values()].filter((it) => it.namespace === INDEXED).length;
  expect("vectors are in the tenant's namespace alone", own >= 90, true);
  expect("another tenant finds nothing of it", found(await retrieve(PLAIN, "brake number 40"))?.length, 0);
}

async function models(beside) {
  const stored = await ingest(MODELLED, document("keys", "Badges open the doors of the second floor."));
  expect("documents are embedded by the binding", stored.json?.documents?.map((it) => it.status), ["created"]);
  const hit = await retrieve(MODELLED, "which doors do badges open", { rerank: true });
  expect("a query is embedded and its finds are scored", [hit.status, found(hit)?.[0]?.[0], hit.json?.degraded ?? []], [200, "keys", []]);
  const chat = () => call(MODELLED, "/chat", { messages: [{ role: "user", content: "Which doors?" }] });
  const said = await chat();
  expect("a conversation", [said.status, said.json?.degraded ?? []], [200, []]);
  const through = beside.ai.calls.findLast((it) => it.gateway);
  expect("the tenant's own gateway", [through?.gateway?.id, through?.gateway?.metadata?.tenant], ["lumen-own", MODELLED]);
  expect("its metadata names the request", typeof through?.gateway?.metadata?.request_id, "string");
  beside.trouble.set("gateway", { kind: "unavailable" });
  const direct = await chat();
  expect("past a gateway that is down", [direct.status, direct.json?.degraded ?? [], beside.ai.calls.at(-1)?.gateway],
    [200, [], undefined]);
  beside.trouble.clear();
  for (const kind of ["capacity", "limited", "timeout", "unavailable", "garbage", "hang"]) {
    beside.trouble.set("ai", { kind });
    const asked = `which doors do badges open while ${kind}`;
    const poorer = await call(MODELLED, "/retrieve", { query: asked, mode: "hybrid" });
    expect(`/retrieve while Workers AI is ${kind}`, [poorer.status, poorer.json?.degraded], [200, ["embedding_unavailable", "reranker_unavailable"]]);
    const refused = await ingest(MODELLED, document("more", `Another text while ${kind}.`));
    expect(`/ingest while Workers AI is ${kind}`, refused.status >= 503 && refused.status <= 504, true);
    beside.trouble.clear();
  }
  expect("Workers AI is back", (await retrieve(MODELLED, "badges again")).json?.degraded ?? [], []);
}

/** Sends the object of a tenant a statement, past the Worker, which would begin waiting work with any request. */
async function asked(worker, tenant, sql, params = []) {
  const namespace = await worker.getDurableObjectNamespace("TENANTS");
  const body = JSON.stringify({ tenant, work: { batch: [{ sql, params, guard: false }] } });
  const answer = await namespace.get(namespace.idFromName(tenant)).fetch("https://store/", { method: "POST", body });
  return (await answer.json()).rows?.[0];
}
const statusOf = async (worker, id) => (await asked(worker, MODELLED, "SELECT status FROM jobs WHERE id = ?1", [id]))?.[0]?.[0];

/** A job that waits for a model which is down; gives its id once it was tried `times`, by nobody's request. */
async function waiting(worker, beside, id, times) {
  beside.trouble.set("ai", { kind: "unavailable" });
  const before = beside.trouble.counts["ai run"] ?? 0;
  const started = await call(MODELLED, "/ingest", { documents: [document(id, `The text ${id} waits for its vector.`)], async: true });
  expect("a job for a model that is down", started.status, 202);
  const tried = await within(() => (beside.trouble.counts["ai run"] ?? 0) >= before + times);
  expect(`it is tried ${times} times without a request`, tried, true);
  expect("and waits", await within(async () => (await statusOf(worker, started.json.id)) === "queued"), true);
  return started.json.id;
}

async function alarms(beside, worker) {
  const id = await waiting(worker, beside, "alarmed", 2);
  beside.trouble.clear();
  expect("the object's alarm runs it", await within(async () => (await statusOf(worker, id)) === "succeeded"), true);
  expect("its document is found", found(await retrieve(MODELLED, "what waits for its vector"))?.[0]?.[0], "alarmed");
}

/** An alarm that was set before the process ended. */
async function alarmsOfBefore(worker, id) {
  expect("an alarm outlives the process", await within(async () => (await statusOf(worker, id)) === "succeeded"), true);
}

async function audio(beside, worker) {
  const bucket = await worker.getR2Bucket("AUDIO", "reference-worker");
  await bucket.put(`${SPEAKING}/job_of_old`, "old", { customMetadata: { tenant: SPEAKING, expires_at: "1" } });
  const spoken = async () => {
    const started = await call(SPEAKING, "/tts", { text: "The doors open at nine.", voice: "luna", format: "wav", async: true });
    await within(async () => !["queued", "running"].includes((await call(SPEAKING, `/jobs/${started.json?.id}`)).json?.status));
    return started.json?.id;
  };
  const id = await spoken();
  const result = () => call(SPEAKING, `/jobs/${id}/result`);
  const heard = await result();
  expect("the audio of a job", [heard.status, heard.bytes.subarray(0, 4).toString()], [200, "RIFF"]);
  const listed = (await bucket.list({ prefix: `${SPEAKING}/` })).objects.map((it) => it.key);
  expect("it lies in R2, and what was past its time is gone", [listed.includes(`${SPEAKING}/${id}`), listed.includes(`${SPEAKING}/job_of_old`)], [true, false]);
  expect("and not in the object", await asked(worker, SPEAKING, "SELECT count(*) FROM speech_audio"), [[0]]);
  expect("another tenant's request for it", (await call(PLAIN, `/jobs/${id}/result`)).status, 404);
  const kept = await (await bucket.get(`${SPEAKING}/${id}`)).arrayBuffer();
  await bucket.put(`${SPEAKING}/${id}`, kept, { customMetadata: { tenant: PLAIN } });
  expect("audio that says it is another's", (await result()).status, 404);
  await bucket.delete(`${SPEAKING}/${id}`);
  expect("audio that is gone", (await result()).status, 404);
}

async function points(beside) {
  const of = (operation) => beside.points.filter((it) => it.blobs?.[0] === operation && it.indexes?.[0] === INDEXED);
  const before = of("search").length;
  await call(INDEXED, "/search", { query: "Where is the saddle kept?" });
  expect("a data point of the request", await within(() => of("search").length > before), true);
  const point = of("search").at(-1);
  expect("what it tells", [point?.blobs.slice(0, 2), point?.blobs.length, point?.doubles[0], point?.doubles.length], [["search", "POST"], 6, 200, 6]);
  expect("how long it took", point?.doubles[1] > 0, true);
  expect("no text of it", JSON.stringify(beside.points).includes("saddle kept"), false);
}

async function speech(beside) {
  const text = "Good morning. The doors open at nine.";
  for (const [voice, provider, rate] of [["luna", "aura", 24000], ["mel", "melo", 44100]]) {
    const heard = await call(SPEAKING, "/tts", { text, voice, format: "wav" });
    expect(`speech by ${provider}`, [heard.status, heard.headers.get("x-tts-provider"), heard.bytes.subarray(0, 4).toString()],
      [200, provider, "RIFF"]);
    const samples = (heard.bytes.length - 44) / 2 / rate;
    expect(`${provider} speaks every word`, samples > 0.6 && samples < 1.5, true);
  }
  const started = await call(SPEAKING, "/tts", { text, voice: "luna", format: "wav", async: true });
  expect("speech as a job", started.status, 202);
  let job = started.json;
  await within(async () => {
    job = (await call(SPEAKING, `/jobs/${started.json.id}`)).json;
    return !["queued", "running"].includes(job?.status);
  });
  expect("the job", job?.status, "succeeded");
  beside.trouble.set("ai", { kind: "unavailable" });
  const refused = await call(SPEAKING, "/tts", { text, format: "wav" });
  expect("speech while Workers AI is down", [refused.status, refused.json?.error?.code], [503, "UPSTREAM_UNAVAILABLE"]);
  beside.trouble.clear();
}

/** What each binding's failure does to a search of a tenant that uses it. */
async function faults(beside) {
  await ingest(PLAIN, document("refunds", "Unused parts may be returned within 17 days."));
  let count = 0;
  const search = async () => {
    count += 1;
    const answer = await call(PLAIN, "/search", { query: `How long may unused parts be returned? (${count})` });
    return [answer.status, answer.json?.error?.code ?? answer.json?.degraded ?? []];
  };
  for (const [kind, degraded] of [["unavailable", ["cache_unavailable"]], ["hang", ["cache_unavailable"]]]) {
    beside.trouble.set("kv", { kind });
    expect(`/search while KV is ${kind}`, await search(), [200, degraded]);
    beside.trouble.clear();
  }
  beside.trouble.set("kv", { kind: "limited", call: "put" });
  expect("/search while KV takes no second write", await search(), [200, []]);
  beside.trouble.clear();
  for (const [fault, status] of [[{ kind: "refused" }, 503], [{ kind: "status", status: 500 }, 503], [{ kind: "hang" }, 504]]) {
    const put = { method: "PUT", headers: { "content-type": "application/json" }, body: JSON.stringify({ ...fault, tenant: PLAIN }) };
    expect("a fault of the object is set", (await fetch(`${control}/faults/database`, put)).status, 200);
    expect(`/search while the object is ${fault.kind}`, (await search())[0], status);
    await fetch(`${control}/faults/database`, { method: "DELETE" });
  }
  expect("/search afterwards", await search(), [200, []]);
}

/** A tenant's store that is deleted and made anew, under a cache that has not forgotten the first. */
async function reborn(worker, { name, stored }) {
  const namespace = await worker.getDurableObjectNamespace("TENANTS");
  const body = JSON.stringify({ tenant: PLAIN, work: "destroy" });
  const destroyed = await namespace.get(namespace.idFromName(PLAIN)).fetch("https://store/", { method: "POST", body });
  expect("the store is destroyed", await destroyed.json(), { rows: [] });
  await ingest(PLAIN, document("refunds", "Unused parts may be returned within 90 days."));
  const kept = await worker.getKVNamespace("REAL", "stand-in-kv");
  await kept.put(name, stored.value, { metadata: stored.metadata });
  const asked = await call(PLAIN, "/search", { query: "How long may unused parts be returned?" });
  // The new store has the corpus version that the entry was made in.
  expect("no answer of an earlier store", [asked.json?.cache?.hit, /90 days/.test(asked.json?.answer)], [false, true]);
}

const folder = mkdtempSync(join(tmpdir(), "reference-worker-"));
const beside = await standIns({ dimensions: 512, metadataIndexes: ["lang"], delayMs: 300 });
let lines = "";
let running;
async function begin() {
  const [controlPort, contractPort] = [await freePort(), await freePort()];
  const onLine = (line) => (lines += line);
  running = await start({ data: folder, control: controlPort, contract: contractPort, onLine, beside, change: changed(beside) });
  [url, control, contract] = [running.url, `http://127.0.0.1:${controlPort}`, `http://127.0.0.1:${contractPort}`];
}
try {
  await begin();
  await ports();
  const entry = await cache(running.worker, beside);
  for (const part of [vectors, models, alarms, speech, audio, points, faults]) await part(beside, running.worker);
  const late = await waiting(running.worker, beside, "late", 1);
  await running.worker.dispose();
  beside.trouble.clear();
  await begin();
  await alarmsOfBefore(running.worker, late);
  await reborn(running.worker, entry);
  await running.worker.dispose();
} catch (error) {
  console.error(`adapters.mjs: ${error instanceof Stop ? error.message : error.stack}\n${lines.slice(-3000)}`);
  for (const difference of differences) console.error(`differs: ${difference.slice(0, 600)}`);
  console.log(`worker adapters: ${checks} checks, stopped before the end`);
  process.exit(error instanceof Stop ? error.code : 1);
} finally {
  await beside.stop();
  rmSync(folder, { recursive: true, force: true });
}
for (const difference of differences) console.error(`differs: ${difference.slice(0, 600)}`);
if (differences.length && process.env.LINES) console.error(lines.slice(-4000));
console.log(`worker adapters: ${checks} checks, ${differences.length ? `${differences.length} differ` : "all as expected"}`);
process.exit(differences.length ? 100 : 0);
