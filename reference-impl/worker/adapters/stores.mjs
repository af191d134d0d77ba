// What is kept beside the object: the cache in KV, audio in R2, and what is left of a tenant that was deleted.
import { INDEXED, PLAIN, SPEAKING, at, call, document, expect, ingest, within } from "./asking.mjs";
import { asked } from "./models.mjs";

export async function ports() {
  for (const port of ["databases", "key-values", "vectors", "audio", "host"]) {
    expect(`the contract of the port ${port}`, (await fetch(`${at.contract}/${port}`, { method: "POST" })).status, 204);
  }
}

export async function cache(worker, beside) {
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

export async function audio(beside, worker) {
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

/** A document whose chunks are more than a call of the object takes at once. */
export async function long() {
  const text = Array.from({ length: 5_000 }, (_, at) => `Shelf ${at} holds box ${at * 7} of the spare parts for bicycle number ${at * 3}.`).join(" ");
  const stored = await call(SPEAKING, "/ingest", { documents: [document("long", text)], options: { size: 16, overlap: 0 } });
  expect("a document of many chunks", [stored.status, stored.json?.documents?.[0]?.status, stored.json?.documents?.[0]?.chunks > 3_000], [200, "created", true]);
  const answer = await call(SPEAKING, "/retrieve", { query: "shelf 4711", mode: "lexical" });
  expect("its chunks are found", /Shelf 4711 /.test(answer.json?.chunks?.[0]?.text), true);
}

/** Tenants that are deleted, which leave nothing in any store. It comes last. */
export async function deleted(beside, worker) {
  const bucket = await worker.getR2Bucket("AUDIO", "reference-worker");
  const cache = await worker.getKVNamespace("REAL", "stand-in-kv");
  const audio = async (tenant) => (await bucket.list({ prefix: `${tenant}/` })).objects.length;
  const entries = async (tenant) => (await cache.list({ prefix: `${tenant}/` })).keys.length;
  const vectors = (tenant) => beside.vectorize.held(tenant);
  for (const at of [1, 2]) await bucket.put(`${SPEAKING}/job_${at}`, "kept", { customMetadata: { tenant: SPEAKING, expires_at: String(Date.now() + 60_000) } });
  await bucket.put(`${PLAIN}/job_1`, "another's", { customMetadata: { tenant: PLAIN } });
  await ingest(INDEXED, document("erased", "The spare key lies under the third stone.", { lang: "en" }));
  await call(INDEXED, "/search", { query: "Where does the spare key lie?" });
  await within(async () => {
    await call(INDEXED, "/retrieve", { query: "spare key", mode: "dense" });
    return vectors(INDEXED) > 0;
  });
  expect("what is there before", [(await audio(SPEAKING)) >= 2, vectors(INDEXED) > 0, (await entries(INDEXED)) > 0], [true, true, true]);

  beside.trouble.set("vectorize", { kind: "unavailable" });
  const failed = await fetch(`${at.control}/tenants/${INDEXED}`, { method: "DELETE" });
  expect("an index that does not answer", failed.status, 500);
  beside.trouble.clear();
  for (const tenant of [SPEAKING, INDEXED]) {
    const response = await fetch(`${at.control}/tenants/${tenant}`, { method: "DELETE" });
    const { removed = {}, verified, error } = await response.json();
    expect(`${tenant} is deleted`, [response.status, error, verified, removed.audio >= 0], [200, undefined, true, true]);
    if (tenant === SPEAKING) expect("its audio is counted", removed.audio >= 2, true);
    else expect("its vectors are counted", removed.vector_index > 0, true);
  }
  expect("no audio is left", await audio(SPEAKING), 0);
  expect("no vector is left", await within(async () => vectors(INDEXED) === 0), true);
  expect("no cached answer is left", await entries(INDEXED), 0);
  expect("another's audio is there", await audio(PLAIN) > 0, true);
}

/** A tenant's store that is deleted and made anew, under a cache that has not forgotten the first. */
export async function reborn(worker, { name, stored }) {
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
