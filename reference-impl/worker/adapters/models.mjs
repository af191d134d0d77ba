// Models and speech behind the binding, jobs that wait for them, data points, and what each failure does to an answer.
import { INDEXED, MODELLED, PLAIN, SPEAKING, at, call, document, expect, found, ingest, retrieve, within } from "./asking.mjs";

export async function models(beside) {
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
export async function asked(worker, tenant, sql, params = []) {
  const namespace = await worker.getDurableObjectNamespace("TENANTS");
  const body = JSON.stringify({ tenant, work: { batch: [{ sql, params, guard: false }] } });
  const answer = await namespace.get(namespace.idFromName(tenant)).fetch("https://store/", { method: "POST", body });
  return (await answer.json()).rows?.[0];
}
const statusOf = async (worker, id) => (await asked(worker, MODELLED, "SELECT status FROM jobs WHERE id = ?1", [id]))?.[0]?.[0];

/** A job that waits for a model which is down; gives its id once it was tried `times`, by nobody's request. */
export async function waiting(worker, beside, id, times) {
  beside.trouble.set("ai", { kind: "unavailable" });
  const before = beside.trouble.counts["ai run"] ?? 0;
  const started = await call(MODELLED, "/ingest", { documents: [document(id, `The text ${id} waits for its vector.`)], async: true });
  expect("a job for a model that is down", started.status, 202);
  const tried = await within(() => (beside.trouble.counts["ai run"] ?? 0) >= before + times);
  expect(`it is tried ${times} times without a request`, tried, true);
  expect("and waits", await within(async () => (await statusOf(worker, started.json.id)) === "queued"), true);
  return started.json.id;
}

export async function alarms(beside, worker) {
  const id = await waiting(worker, beside, "alarmed", 2);
  beside.trouble.clear();
  expect("the object's alarm runs it", await within(async () => (await statusOf(worker, id)) === "succeeded"), true);
  expect("its document is found", found(await retrieve(MODELLED, "what waits for its vector"))?.[0]?.[0], "alarmed");
}

/** An alarm that was set before the process ended. */
export async function alarmsOfBefore(worker, id) {
  expect("an alarm outlives the process", await within(async () => (await statusOf(worker, id)) === "succeeded"), true);
}

export async function points(beside) {
  const of = (operation) => beside.points.filter((it) => it.blobs?.[0] === operation && it.indexes?.[0] === INDEXED);
  const before = of("search").length;
  await call(INDEXED, "/search", { query: "Where is the saddle kept?" });
  expect("a data point of the request", await within(() => of("search").length > before), true);
  const point = of("search").at(-1);
  expect("what it tells", [point?.blobs.slice(0, 2), point?.blobs.length, point?.doubles[0], point?.doubles.length], [["search", "POST"], 6, 200, 6]);
  expect("how long it took", point?.doubles[1] > 0, true);
  expect("no text of it", JSON.stringify(beside.points).includes("saddle kept"), false);
}

export async function speech(beside) {
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
export async function faults(beside) {
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
    expect("a fault of the object is set", (await fetch(`${at.control}/faults/database`, put)).status, 200);
    expect(`/search while the object is ${fault.kind}`, (await search())[0], status);
    await fetch(`${at.control}/faults/database`, { method: "DELETE" });
  }
  expect("/search afterwards", await search(), [200, []]);
}

/** A Worker whose configuration names a binding that it has not. */
export async function unbound(url, told) {
  for (const [path, method] of [["/health", "GET"], ["/search", "POST"], ["/nowhere", "GET"]]) {
    const response = await fetch(url + path, { method, headers: { "x-request-id": "asked-without-a-binding" } });
    const body = await response.json();
    expect(`${path} where a binding is missing`, [response.status, body.error?.code, body.error?.request_id, response.headers.get("x-request-id")],
      [503, "UPSTREAM_UNAVAILABLE", "asked-without-a-binding", "asked-without-a-binding"]);
    expect(`${path} says how long to wait`, [response.headers.get("retry-after"), response.headers.get("cache-control")], ["1", "no-store"]);
  }
  expect("operators are told which", await within(() => /this Worker cannot serve.*NOT_BOUND/.test(told())), true);
}

/** What the console told of jobs: each under the request that started it. */
export function spans(lines) {
  const told = (form) => [...lines.matchAll(form)].flatMap(([, line]) => {
    try {
      return [JSON.parse(line)];
    } catch {
      return [];
    }
  });
  const jobs = told(/^work (\{.*\})$/gm);
  expect("kinds of jobs that are told", [...new Set(jobs.map((it) => it.kind))].sort(), ["ingest", "speech"]);
  const requests = new Map(told(/^(\{.*\})$/gm).filter((it) => it.message === "request").map((it) => [it.request_id, it]));
  const under = jobs.filter((it) => {
    const request = requests.get(it.request_id);
    return request?.trace_id === it.trace_id && request.span_id === it.parent_span_id && request.tenant === it.tenant;
  });
  expect("each is under its request", under.length, jobs.length);
  const steps = jobs.flatMap((it) => it.spans);
  expect("with the steps of its work", ["database", "document", "speak"].every((name) => steps.some((it) => it.name === name)), true);
}
