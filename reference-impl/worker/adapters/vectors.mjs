// What Vectorize shows late, wrongly or not at all must not be seen in any answer.
import { INDEXED, PLAIN, call, document, expect, found, ingest, retrieve, sleep, within } from "./asking.mjs";

export async function vectors(beside) {
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
  const caughtUp = (count) =>
    within(async () => {
      await retrieve(INDEXED, "saddle");
      index.settle();
      return index.describe().vectorCount >= count && index.waiting.length === 0;
    });
  expect("the index has everything after its time", await caughtUp(90), true);
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
  await unseen(index, caughtUp);
  index.delayMs = 600_000; // from now on the index shows neither what is new nor what is gone
  await ingest(INDEXED, document("part-040", "The anchor has another text now.", { lang: "en" }));
  await call(INDEXED, "/documents/part-041", undefined, "DELETE");
  const later = found(await retrieve(INDEXED, "chain number 41", { top_k: 100 }))?.map(([id]) => id);
  expect("a deleted document that the index still names", [later?.includes("part-041"), later?.length], [false, 100]);
  expect("a changed document", found(await retrieve(INDEXED, "anchor"))?.[0]?.[0], "part-040");
  index.delayMs = 0;
  for (const waiting of index.waiting) waiting.at = 0;
  const own = [...index.vectors.values()].filter((it) => it.namespace === INDEXED).length;
  expect("vectors are in the tenant's namespace alone", own >= 90, true);
  expect("another tenant finds nothing of it", found(await retrieve(PLAIN, "brake number 40"))?.length, 0);
}

/** An index that was made for other vectors: it takes none, and nobody notices in an answer. */
export async function mismade(beside) {
  const right = beside.vectorize.dimensions;
  beside.vectorize.dimensions = 256;
  await ingest(INDEXED, document("spoke", "A broken spoke is replaced within two days.", { lang: "en" }));
  const answer = await retrieve(INDEXED, "when is a broken spoke replaced");
  expect("an index of other dimensions", [answer.status, answer.json?.degraded ?? [], found(answer)?.[0]?.[0]], [200, [], "spoke"]);
  beside.vectorize.dimensions = right;
}

/** A document that the index does not show, among more than it names at once. */
async function unseen(index, caughtUp) {
  index.delayMs = 0;
  const more = Array.from({ length: 60 }, (_, at) => document(`more-${at}`, `The shelf ${at} holds paint and glue.`, { lang: "en" }));
  await ingest(INDEXED, ...more);
  expect("the index has more than it names at once", await caughtUp(150), true);
  index.delayMs = 600_000;
  await ingest(INDEXED, document("rope", "A rope hangs beside the anchor.", { lang: "en" }));
  // Again and again, while the Worker tells the index of it and asks what has come of that.
  const first = [];
  for (let time = 0; time < 20; time += 1) {
    first.push(found(await retrieve(INDEXED, `the rope beside the anchor ${time}`))?.[0]?.[0]);
    await sleep(100);
  }
  expect("it is found as long as the index does not show it", [...new Set(first)], ["rope"]);
}
