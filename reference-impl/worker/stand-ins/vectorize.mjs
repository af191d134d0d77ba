// Stands for one Vectorize index: namespaces, metadata indexes, limits, writes that are seen later, and its errors. Scores are those
// of vectors rounded to a byte a number, as approximate as the real ones are without their values.
import { randomUUID } from "node:crypto";
import { Thrown } from "./trouble.mjs";

const bytes = (text) => Buffer.byteLength(text, "utf8");
const FILTERED_BYTES = 64;

function refuse(what, code, why) {
  throw new Thrown("Error", `${what} (code = ${code}): ${why}`);
}

const beginning = (value) =>
  typeof value === "string" ? Buffer.from(value, "utf8").subarray(0, FILTERED_BYTES).toString("latin1") : value;

function rounded(values) {
  const most = Math.max(...values.map(Math.abs)) || 1;
  return values.map((value) => (Math.round((value / most) * 127) * most) / 127);
}

function cosine(one, other) {
  let [product, first, second] = [0, 0, 0];
  for (let at = 0; at < one.length; at += 1) {
    product += one[at] * other[at];
    first += one[at] * one[at];
    second += other[at] * other[at];
  }
  return first && second ? product / Math.sqrt(first * second) : 0;
}

const OPERATORS = {
  $eq: (value, wanted) => value === beginning(wanted),
  $ne: (value, wanted) => value !== beginning(wanted),
  $in: (value, wanted) => wanted.map(beginning).includes(value),
  $nin: (value, wanted) => !wanted.map(beginning).includes(value),
  $lt: (value, wanted) => typeof value === typeof wanted && value < wanted,
  $lte: (value, wanted) => typeof value === typeof wanted && value <= wanted,
  $gt: (value, wanted) => typeof value === typeof wanted && value > wanted,
  $gte: (value, wanted) => typeof value === typeof wanted && value >= wanted,
};

export class VectorizeStandIn {
  /**
   * - `dimensions`: length of its vectors
   * - `metadataIndexes`: keys that it filters by, at most 10
   * - `delayMs`: time after which a write is seen
   */
  constructor({ dimensions, metadataIndexes = [], delayMs = 0, trouble }) {
    if (metadataIndexes.length > 10) throw new Error("an index has at most 10 metadata indexes");
    Object.assign(this, { dimensions, metadataIndexes, delayMs, trouble });
    this.vectors = new Map();
    this.waiting = [];
    this.processed = { mutation: "", datetime: Date.now() };
  }

  /** Lets those writes be seen whose time has come, in their order. */
  settle() {
    while (this.waiting.length > 0 && this.waiting[0].at <= Date.now()) {
      const { mutation, change } = this.waiting.shift();
      change();
      this.processed = { mutation, datetime: Date.now() };
    }
  }

  later(change) {
    const mutation = randomUUID();
    this.waiting.push({ mutation, at: Date.now() + this.delayMs, change });
    return { mutationId: mutation };
  }

  async call(name, args) {
    const fault = await this.trouble.strike("vectorize", name);
    if (fault === "unavailable") throw new Thrown("Error", `VECTOR_${name.toUpperCase()}_ERROR (code = 50000): internal error`);
    if (fault === "lost") return name === "query" ? { count: 0, matches: [] } : { mutationId: randomUUID() };
    if (fault === "garbage") return { unexpected: true };
    this.settle();
    const answer = this[name](...args);
    // One that answers with everybody's vectors, as an index would whose namespaces are not held to.
    return fault === "foreign" && name === "query" ? this.query(args[0], { ...args[1], namespace: undefined }) : answer;
  }

  upsert(vectors) {
    if (vectors.length > 1000) refuse("VECTOR_UPSERT_ERROR", 40021, "too many vectors: at most 1000 in a batch");
    for (const { id, values, namespace = "", metadata = {} } of vectors) {
      if (!id || bytes(id) > 64) refuse("VECTOR_UPSERT_ERROR", 40008, `invalid id: expected 1 to 64 bytes`);
      if (values.length !== this.dimensions) {
        refuse("VECTOR_UPSERT_ERROR", 40012,
          `invalid vector for id="${id}", expected ${this.dimensions} dimensions, and got ${values.length} dimensions`);
      }
      if (bytes(namespace) > 64) refuse("VECTOR_UPSERT_ERROR", 40013, "invalid namespace: at most 64 bytes");
      if (bytes(JSON.stringify(metadata)) > 10240) refuse("VECTOR_UPSERT_ERROR", 40014, "metadata is larger than 10KiB");
    }
    return this.later(() => {
      for (const vector of vectors) this.vectors.set(vector.id, { ...vector, rounded: rounded(vector.values) });
    });
  }

  deleteByIds(ids) {
    if (ids.length > 1000) refuse("VECTOR_DELETE_ERROR", 40021, "too many ids: at most 1000 in a batch");
    return this.later(() => ids.forEach((id) => this.vectors.delete(id)));
  }

  /** Vectors of a namespace that are seen, for whoever runs the stand-in: the index itself tells nobody. */
  held(namespace) {
    this.settle();
    return [...this.vectors.values()].filter((it) => it.namespace === namespace).length;
  }

  describe() {
    return {
      vectorCount: this.vectors.size,
      dimensions: this.dimensions,
      processedUpToDatetime: new Date(this.processed.datetime).toISOString(),
      processedUpToMutation: this.processed.mutation,
    };
  }

  query(vector, { topK = 5, namespace, filter, returnValues = false, returnMetadata = "none" } = {}) {
    if (vector.length !== this.dimensions) {
      refuse("VECTOR_QUERY_ERROR", 40006,
        `invalid query vector, expected ${this.dimensions} dimensions, and got ${vector.length} dimensions`);
    }
    const most = returnValues || returnMetadata === "all" ? 20 : 100;
    if (topK < 1 || topK > most) refuse("VECTOR_QUERY_ERROR", 40025, `topK: expected 1 to ${most}`);
    if (filter && bytes(JSON.stringify(filter)) >= 2048) refuse("VECTOR_QUERY_ERROR", 40026, "filter: expected less than 2048 bytes");
    const passes = (it) =>
      Object.entries(filter ?? {}).every(([key, test]) => {
        // What no index is kept of is found by no filter.
        if (!this.metadataIndexes.includes(key) || !(key in (it.metadata ?? {}))) return false;
        const value = beginning(it.metadata[key]);
        const tests = typeof test === "object" && test !== null ? Object.entries(test) : [["$eq", test]];
        return tests.every(([operator, wanted]) => {
          if (!OPERATORS[operator]) refuse("VECTOR_QUERY_ERROR", 40027, `filter: unknown operator ${operator}`);
          return OPERATORS[operator](value, wanted);
        });
      });
    const within = [...this.vectors.values()].filter((it) => namespace === undefined || (it.namespace ?? "") === namespace);
    const scored = within.filter(passes).map((it) => ({ it, score: cosine(it.rounded, vector) }));
    scored.sort((one, other) => other.score - one.score);
    const matches = scored.slice(0, topK).map(({ it, score }) => ({
      id: it.id,
      score,
      ...(it.namespace && { namespace: it.namespace }),
      ...(returnValues && { values: it.values }),
      ...(returnMetadata !== "none" && { metadata: it.metadata }),
    }));
    return { count: matches.length, matches };
  }
}
