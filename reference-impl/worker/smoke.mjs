// Starts the built Worker on workerd and checks that it is the platform: the routes of the contract, credentials, a tenant's
// data from ingestion to answer, isolation, and what the port promises of a tenant's store.
//
//   node smoke.mjs
//
// Exit codes: 0 all as expected, 100 a difference (each is told), otherwise as run.mjs.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { Stop, root, start, yaml } from "./run.mjs";

const TENANT = "aurora-bikes";
const OTHER = "meridian-lab";
const SLOW = "tiny-rates";
const differences = [];
let checks = 0;

function expect(what, found, expected) {
  checks += 1;
  if (isDeepStrictEqual(found, expected)) return;
  const [place, a, b] = innermost("", found, expected);
  differences.push(`${what}${place && ` at ${place}`}: expected ${JSON.stringify(b)}, found ${JSON.stringify(a)}`);
}

/** The first place at which two values differ, as a JSON pointer, and what stands there. */
function innermost(place, a, b) {
  const nested = (value) => value !== null && typeof value === "object";
  const fields = nested(a) && nested(b) ? new Set([...Object.keys(a), ...Object.keys(b)]) : [];
  for (const key of fields) {
    if (!isDeepStrictEqual(a[key], b[key])) return innermost(`${place}/${key.replaceAll("/", "~1")}`, a[key], b[key]);
  }
  return [place, a, b];
}

const keys = await yaml(join(root, "fixtures/credentials/keys.yaml"));
const keyOf = (tenant, name = "all") => keys.find((key) => key.tenant === tenant && key.name === name).key;

let url;
async function call(path, { tenant, key = "all", body, headers = {}, method } = {}) {
  if (tenant) headers = { authorization: `Bearer ${keyOf(tenant, key)}`, ...headers };
  if (body) headers = { "content-type": "application/json", ...headers };
  const init = { method: method ?? (body ? "POST" : "GET"), headers, body: body && JSON.stringify(body) };
  const response = await fetch(url + path, init);
  const text = await response.text();
  const json = response.headers.get("content-type")?.startsWith("application/json") && text ? JSON.parse(text) : undefined;
  return { status: response.status, headers: response.headers, text, json };
}

/** Method, path and operation id of everything that a document lists. */
function operations(document) {
  const listed = Object.entries(document.paths ?? {}).flatMap(([path, item]) =>
    Object.entries(item).filter(([, it]) => it.operationId).map(([method, it]) => `${method} ${path} ${it.operationId}`));
  return listed.sort();
}

/** A document without differences of spelling that mean nothing, as the test of `reference-http` removes them. */
function normal(key, value) {
  if (Array.isArray(value)) {
    const items = value.map((item) => normal("", item));
    if (!["required", "parameters", "tags"].includes(key)) return items;
    return items.sort((one, other) => (JSON.stringify(one) < JSON.stringify(other) ? -1 : 1));
  }
  if (typeof value === "string" && ["description", "summary"].includes(key)) return value.trim().replace(/\s+/g, " ");
  if (value === null || typeof value !== "object") return value;
  const kept = Object.entries(value).filter(([name, it]) =>
    !(name === "format" && ["int64", "uint64", "double"].includes(it)) && !(name === "required" && it === false));
  return Object.fromEntries(kept.sort().map(([name, it]) => [name, normal(name, it)]));
}

async function open() {
  const health = await call("/health");
  expect("/health", [health.status, health.json?.status], [200, "ok"]);
  const states = health.json?.dependencies?.map((it) => `${it.name} ${it.state}`);
  expect("/health dependencies", states, ["database up", "cache up", "embedder up", "speech up"]);
  const contract = JSON.parse(readFileSync(join(root, "contracts/types/src/generated/openapi.json"), "utf8"));
  const served = await call("/openapi.json");
  expect("/openapi.json status", served.status, 200);
  expect("/openapi.json operations", operations(served.json), operations(contract));
  const [wanted, given] = [normal("", contract), normal("", served.json ?? {})];
  for (const [path, item] of Object.entries(wanted.paths)) expect(`/openapi.json ${path}`, given.paths?.[path], item);
  expect("/openapi.json schemas", given.components?.schemas, wanted.components.schemas);
  const docs = await call("/docs");
  expect("/docs", [docs.status, docs.text.includes("/openapi.json")], [200, true]);
  expect("an unknown path", (await call("/nowhere")).json?.error?.code, "NOT_FOUND");
  const method = await call("/health", { method: "DELETE" });
  expect("an unknown method", [method.status, method.headers.get("allow")], [405, "GET, HEAD"]);
}

async function credentials() {
  const bare = await call("/capabilities");
  expect("/capabilities without a credential", [bare.status, bare.json?.error?.code], [401, "UNAUTHORIZED"]);
  expect("its challenge", bare.headers.get("www-authenticate")?.startsWith("Bearer"), true);
  const mine = await call("/capabilities", { tenant: TENANT });
  const { tenant, implementation, isolation } = mine.json ?? {};
  expect("/capabilities", [mine.status, tenant, implementation?.name, isolation],
    [200, TENANT, "plumbline-worker", "store_per_tenant"]);
  expect("its tenant header", mine.headers.get("x-tenant-id"), TENANT);
  for (const key of ["revoked", "expired"]) {
    expect(`a ${key} key`, (await call("/capabilities", { tenant: TENANT, key })).status, 401);
  }
  const twice = { authorization: [keyOf(TENANT), keyOf(OTHER)].map((key) => `Bearer ${key}`).join(", ") };
  expect("two credentials", (await call("/capabilities", { headers: twice })).status, 400);
  const lacking = await call("/search", { tenant: TENANT, key: "ingest-only", body: { query: "brakes" } });
  expect("a key without the scope", [lacking.status, lacking.json?.error?.code], [403, "FORBIDDEN"]);
  const crossed = await call("/capabilities", { tenant: TENANT, headers: { "x-tenant-id": OTHER } });
  expect("another tenant's name", crossed.json?.error?.code, "TENANT_MISMATCH");
}

const document = (id, content) => ({ id, content, content_type: "text/plain" });

async function data() {
  const documents = [
    document("refunds", "The refund window for unused parts is 17 days. Shipping costs are not refunded."),
    document("bells", "The bell sits on the left grip and is tested every spring."),
  ];
  const first = await call("/ingest", { tenant: TENANT, body: { documents } });
  expect("/ingest", [first.status, first.json?.documents?.map((it) => it.status)], [200, ["created", "created"]]);
  const again = await call("/ingest", { tenant: TENANT, body: { documents } });
  expect("/ingest again", again.json?.documents?.map((it) => it.status), ["unchanged", "unchanged"]);
  const query = { query: "How long is the refund window?" };
  for (const mode of ["lexical", "dense", "hybrid"]) {
    const found = await call("/retrieve", { tenant: TENANT, body: { ...query, mode } });
    expect(`/retrieve ${mode}`, [found.status, found.json?.chunks?.[0]?.document_id], [200, "refunds"]);
  }
  const search = await call("/search", { tenant: TENANT, body: query });
  expect("/search", [search.status, /17 days/.test(search.json?.answer), search.json?.cache?.hit], [200, true, false]);
  expect("/search again", (await call("/search", { tenant: TENANT, body: query })).json?.cache?.hit, true);
  const foreign = await call("/retrieve", { tenant: OTHER, body: query });
  expect("another tenant's /retrieve", [foreign.status, foreign.json?.chunks], [200, []]);
  expect("another tenant's document", (await call("/documents/refunds", { tenant: OTHER })).status, 404);

  const body = { documents: [document("later", "Winter tyres are fitted in November.")], async: true };
  const started = await call("/ingest", { tenant: TENANT, body });
  expect("/ingest as a job", started.status, 202);
  let job = started.json;
  for (let tries = 0; tries < 50 && ["queued", "running"].includes(job?.status); tries += 1) {
    await new Promise((done) => setTimeout(done, 100));
    job = (await call(`/jobs/${started.json.id}`, { tenant: TENANT })).json;
  }
  expect("the job", job?.status, "succeeded");

  const page = await call("/documents?limit=2", { tenant: TENANT });
  expect("/documents", page.json?.documents?.map((it) => it.id), ["bells", "later"]);
  const rest = await call(`/documents?limit=2&cursor=${page.json?.next_cursor}`, { tenant: TENANT });
  expect("its next page", rest.json?.documents?.map((it) => it.id), ["refunds"]);
  expect("/jobs", (await call("/jobs", { tenant: TENANT })).json?.jobs?.map((it) => it.status), ["succeeded"]);
  expect("deletion", (await call("/documents/bells", { tenant: TENANT, method: "DELETE" })).status, 200);
  expect("the deleted document", (await call("/documents/bells", { tenant: TENANT })).status, 404);

  const keyed = () => call("/ingest", {
    tenant: TENANT, headers: { "idempotency-key": "smoke-1" }, body: { documents: [document("once", "Only once.")] },
  });
  const bodies = (await Promise.all([keyed(), keyed(), keyed()])).map((it) => it.json?.documents?.[0]?.status);
  expect("one key, three requests at once", bodies, ["created", "created", "created"]);
}

/** Requests of several tenants at once: nothing of one may wait on, or answer for, another's. */
async function together() {
  const tenants = [TENANT, OTHER, "lumen-desk", "tiny-limits"];
  const asked = Array.from({ length: 80 }, (_, at) => tenants[at % tenants.length]);
  const answers = await Promise.all(asked.map((tenant) => call("/documents", { tenant })));
  expect("80 requests at once", answers.map((it) => it.headers.get("x-tenant-id")), asked);
  const slow = await Promise.all(Array.from({ length: 40 }, () => call("/documents", { tenant: SLOW })));
  const refused = slow.filter((it) => it.status === 429);
  expect("the rate limit refuses some", refused.length > 0 && refused.length < 40, true);
  expect("every refusal says when", refused.every((it) => it.headers.has("retry-after")), true);
}

/** What `ports::contract` of core asks of an adapter, asked of the object itself. */
async function store(worker) {
  const namespace = await worker.getDurableObjectNamespace("TENANTS");
  const post = (name, body) => namespace.get(namespace.idFromName(name)).fetch("https://store/", { method: "POST", body });
  const send = async (name, body) => (await post(name, body)).json();
  const order = (name, work, tenant = name) => send(name, JSON.stringify({ tenant, work }));
  const batch = (name, ...statements) =>
    order(name, { batch: statements.map(([sql, params = [], guard = false]) => ({ sql, params, guard })) });
  const put = (key) => ["INSERT INTO meta VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = excluded.value", [key, "x"]];
  const get = (key, guard) => ["SELECT value FROM meta WHERE key = ?1", [key], guard];

  const foreign = await order("store-a", { batch: [] }, "store-b");
  expect("an order for another tenant", Object.keys(foreign), ["unavailable"]);
  expect("a failed guard", await batch("store-a", put("k"), get("absent", true), put("l")), { guard_failed: { index: 1 } });
  const bad = await batch("store-a", put("k"), ["SELECT * FROM nowhere"]);
  expect("a bad statement", bad.refused?.index, 1);
  expect("nothing was written", await batch("store-a", get("k"), get("l")), { rows: [[], []] });
  expect("a passing guard", await batch("store-a", put("k"), get("k", true)), { rows: [[], [["x"]]] });
  expect("the stranger sees nothing", await batch("store-b", get("k")), { rows: [[]] });

  const whole = 2 ** 53 - 1;
  const texts = ["nul \0, quote ', e\u0301, \u{1f469}\u200d\u{1f52c}", ""];
  const values = [null, -whole, whole, 17, ...texts, { blob: "AP8n" }, { blob: "" }];
  const marks = values.map((_, at) => `?${at + 1}`).join(", ");
  expect("values survive", await batch("store-a", [`SELECT ${marks}`, values]), { rows: [[values]] });
  expect("an integer is bound as one", await batch("store-a", ["SELECT ?1 / 2, typeof(?1), '?1'", [7]]),
    { rows: [[[3, "integer", "?1"]]] });
  // Written out: JavaScript's own numbers would lose these digits before they are sent.
  const raw = async (sql, params) => (await post("store-a",
    `{"tenant":"store-a","work":{"batch":[{"sql":"${sql}","params":[${params}],"guard":false}]}}`)).text();
  expect("the greatest integer, bound", await raw("SELECT ?1 - 9223372036854775800", "9223372036854775807"), '{"rows":[[[7]]]}');
  const lost = JSON.parse(await raw("SELECT ?1", "9223372036854775807"));
  expect("an integer that would lose digits, read", lost.refused?.index, 0);
  const tenth = await raw("SELECT -?1", '{"real":4591870180066957722}');
  expect("a double, to the bit", tenth, '{"rows":[[[{"real":13815242216921733530}]]]}');
  expect("destruction", await order("store-a", "destroy"), { rows: [] });
  expect("destruction again", await order("store-a", "destroy"), { rows: [] });
  expect("a new store", await batch("store-a", get("k"), get("corpus_version")), { rows: [[], [["0"]]] });
}

const folder = mkdtempSync(join(tmpdir(), "reference-worker-"));
let lines = "";
try {
  const onLine = (line) => (lines += line);
  let running = await start({ data: folder, onLine });
  url = running.url;
  for (const part of [open, credentials, data, together, () => store(running.worker)]) await part();
  const logged = lines.split("\n").filter((line) => line.includes('"message":"request"'));
  expect("a log line a request", logged.length > 100 && logged.every((line) => JSON.parse(line).request_id), true);
  expect("no key in the log", lines.includes("pl_"), false);
  await running.worker.dispose();

  running = await start({ data: folder, onLine });
  url = running.url;
  expect("a document after a restart", (await call("/documents/refunds", { tenant: TENANT })).status, 200);
  await running.worker.dispose();
} catch (error) {
  console.error(`smoke.mjs: ${error instanceof Stop ? error.message : error.stack}\n${lines.slice(-2000)}`);
  process.exit(error.code ?? 1);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
for (const difference of differences) console.error(`differs: ${difference.slice(0, 600)}`);
const count = differences.length;
console.log(`worker smoke: ${checks} checks, ${count ? `${count} differ` : "all as expected"}`);
process.exit(count ? 100 : 0);
