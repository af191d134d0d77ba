// What every part of adapters.mjs asks with, and what it finds.
import { createServer } from "node:net";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { root, yaml } from "../run.mjs";

/** Whose vectors are in the index, whose models are behind the binding, who speaks, and who has none of it. */
export const [INDEXED, MODELLED, SPEAKING, PLAIN] = ["aurora-bikes", "lumen-desk", "meridian-lab", "proving-ground"];
/** How long a model may take. */
export const SLOW_MS = 1500;
/** How long a request of the tenant without bindings may take. */
export const DEADLINE_MS = 6000;
/** What was not as expected, and how much was looked at. */
export const differences = [];
export let checks = 0;

export function expect(what, found, expected) {
  checks += 1;
  if (!isDeepStrictEqual(found, expected)) {
    differences.push(`${what}: expected ${JSON.stringify(expected)}, found ${JSON.stringify(found)}`);
  }
}

const keys = await yaml(join(root, "fixtures/credentials/keys.yaml"));
const keyOf = (tenant) => keys.find((key) => key.tenant === tenant && key.name === "all").key;
export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
/** Where the Worker, its control API and the contracts of its ports listen. */
export const at = { url: "", control: "", contract: "" };

export async function call(tenant, path, body, method = body ? "POST" : "GET") {
  const headers = { authorization: `Bearer ${keyOf(tenant)}`, ...(body && { "content-type": "application/json" }) };
  const response = await fetch(at.url + path, { method, headers, body: body && JSON.stringify(body) });
  const bytes = Buffer.from(await response.arrayBuffer());
  const isJson = response.headers.get("content-type")?.startsWith("application/json");
  const json = isJson && bytes.length ? JSON.parse(bytes.toString("utf8")) : undefined;
  return { status: response.status, headers: response.headers, bytes, json };
}

export const document = (id, content, metadata = {}) => ({ id, content, content_type: "text/plain", metadata });
export const ingest = (tenant, ...documents) => call(tenant, "/ingest", { documents });
export const retrieve = (tenant, query, more = {}) => call(tenant, "/retrieve", { query, mode: "dense", ...more });
export const found = (answer) => answer.json?.chunks?.map((it) => [it.document_id, it.score]);

/** Looks until it holds; false when it does not within ten seconds. */
export async function within(holds) {
  for (let tries = 0; tries < 100; tries += 1) {
    if (await holds()) return true;
    await sleep(100);
  }
  return false;
}

export async function freePort() {
  const server = createServer();
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}
