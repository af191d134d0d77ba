// Serves the built Worker by `wrangler dev` with the same configuration as run.mjs and takes a walk: health, ingestion, a search that
// finds what was ingested. Wrangler needs Node 22; `.ci/wrangler` has both in its lock file.
//
//   node wrangler-dev.mjs --wrangler PROGRAM
//
// Exit codes: 0 all as expected, 100 a difference (each is told), 2 usage, 3 wrangler or the bundle is missing.
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { Stop, TENANTS, configuration, here, root, yaml } from "./run.mjs";

const TENANT = "aurora-bikes";
const OTHER = "meridian-lab";
const READY_WITHIN_MS = 90_000;

/** A port that nobody listens at. */
const freePort = () => new Promise((done) => {
  const server = createServer().listen(0, "127.0.0.1", () => {
    const { port } = server.address();
    server.close(() => done(port));
  });
});

/** The configuration that wrangler reads, with the secrets as variables, which a deployment would not have. */
async function settings() {
  const { config, secrets } = await configuration(TENANTS, []);
  return {
    name: "reference-worker",
    main: join(here, "build/index.js"),
    no_bundle: true,
    rules: [{ type: "CompiledWasm", globs: ["**/*.wasm"], fallthrough: false }],
    compatibility_date: "2026-07-01",
    compatibility_flags: ["enable_request_signal"],
    durable_objects: { bindings: [{ name: "TENANTS", class_name: "TenantStore" }] },
    migrations: [{ tag: "v1", new_sqlite_classes: ["TenantStore"] }],
    vars: { ...secrets, CONFIG: JSON.stringify(config), CURSOR_SECRET: "a secret of a walk that nobody keeps" },
    send_metrics: false,
  };
}

function serve(wrangler, folder, port) {
  const words = ["dev", "--config", join(folder, "wrangler.json"), "--port", String(port), "--ip", "127.0.0.1", "--local", "--persist-to", join(folder, "state"), "--show-interactive-dev-session=false"];
  // The Node beside wrangler runs it, whatever Node runs this.
  const env = { ...process.env, PATH: `${dirname(wrangler)}:${process.env.PATH}`, WRANGLER_SEND_METRICS: "false", CI: "1" };
  const child = spawn(wrangler, words, { cwd: folder, env, stdio: ["ignore", "pipe", "pipe"], detached: true });
  const told = { text: "" };
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => (told.text += text));
  return { child, told };
}

async function ready(base, { child, told }) {
  const until = Date.now() + READY_WITHIN_MS;
  while (Date.now() < until) {
    if (child.exitCode !== null) throw new Stop(1, `wrangler ended with ${child.exitCode}: ${told.text.slice(-2000)}`);
    const answer = await fetch(`${base}/health`).catch(() => undefined);
    if (answer?.ok) return;
    await new Promise((done) => setTimeout(done, 250));
  }
  throw new Stop(1, `wrangler does not answer within ${READY_WITHIN_MS} ms: ${told.text.slice(-2000)}`);
}

async function walk(base) {
  const keys = await yaml(join(root, "fixtures/credentials/keys.yaml"));
  const call = async (path, tenant, body) => {
    const { key } = keys.find((it) => it.tenant === tenant && it.name === "all");
    const headers = { authorization: `Bearer ${key}`, ...(body && { "content-type": "application/json" }) };
    const response = await fetch(base + path, { method: body ? "POST" : "GET", headers, body: body && JSON.stringify(body) });
    return { status: response.status, json: await response.json() };
  };
  const differences = [];
  const expect = (what, found, expected) => {
    const [one, other] = [found, expected].map((it) => JSON.stringify(it));
    console.log(`${one === other ? "ok   " : "FAIL "} ${what}: ${one}`);
    if (one !== other) differences.push(`${what}: expected ${other}, found ${one}`);
  };
  const health = await (await fetch(`${base}/health`)).json();
  expect("GET /health", health.status, "ok");
  const documents = [{ id: "refunds", content_type: "text/plain", content: "The refund window for unused parts is 17 days." }];
  const ingested = await call("/ingest", TENANT, { documents });
  expect("POST /ingest", [ingested.status, ingested.json.documents?.[0]?.status], [200, "created"]);
  const query = { query: "How long is the refund window?" };
  const search = await call("/search", TENANT, query);
  expect("POST /search", [search.status, /17 days/.test(search.json.answer), search.json.sources?.[0]?.document_id], [200, true, "refunds"]);
  const tool = await call("/tools/execute", TENANT, { tool: "classify_intent", arguments: { text: "My display shows E17." } });
  expect("POST /tools/execute", [tool.status, tool.json.tool], [200, "classify_intent"]);
  const foreign = await call("/documents/refunds", OTHER);
  expect("another tenant's GET /documents/refunds", [foreign.status, foreign.json.error?.code], [404, "NOT_FOUND"]);
  return differences;
}

let served, folder;
try {
  const { values } = parseArgs({ options: { wrangler: { type: "string" } } });
  if (!values.wrangler) throw new Stop(2, "expected --wrangler PROGRAM");
  if (!existsSync(values.wrangler)) throw new Stop(3, `missing: ${values.wrangler} (\`.ci/wrangler/run CACHE\` installs it)`);
  if (!existsSync(join(here, "build/index.js"))) throw new Stop(3, "missing: reference-impl/worker/build (`reference-impl/worker/build.sh`)");
  folder = mkdtempSync(join(tmpdir(), "reference-wrangler-"));
  writeFileSync(join(folder, "wrangler.json"), JSON.stringify(await settings(), null, 1));
  const port = await freePort();
  served = serve(values.wrangler, folder, port);
  const base = `http://127.0.0.1:${port}`;
  await ready(base, served);
  const differences = await walk(base);
  for (const difference of differences) console.error(`differs: ${difference}`);
  console.log(`wrangler dev: ${differences.length ? `${differences.length} differ` : "all as expected"}`);
  process.exitCode = differences.length ? 100 : 0;
} catch (error) {
  console.error(`wrangler-dev.mjs: ${error instanceof Stop ? error.message : error.stack}`);
  process.exitCode = error.code ?? 1;
} finally {
  if (served?.child.pid) {
    try {
      process.kill(-served.child.pid, "SIGTERM"); // wrangler and the runtime that it started
    } catch {
      // It has ended already.
    }
  }
  if (folder) rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
}
