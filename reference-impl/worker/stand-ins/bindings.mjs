// The bindings that the local runtime has only as stand-ins, for miniflare: an object each, whose calls reach server.mjs. KV is the
// real one, behind faults; the R2 bucket is the real one as it is.

const ERROR = `
async function ask(env, path, body) {
  const response = await env.STAND_IN.fetch("http://stand-in" + path, { method: "POST", body: JSON.stringify(body) });
  if (response.status !== 599) return response;
  const { name, message } = await response.json();
  throw Object.assign(new Error(message), { name });
}
`;

const VECTORIZE = `${ERROR}
export default function (env) {
  const call = (name) => async (...args) => (await ask(env, "/vectorize/" + name, args)).json();
  return Object.fromEntries(["upsert", "deleteByIds", "query", "describe"].map((name) => [name, call(name)]));
}
`;

const AI = `${ERROR}
export default function (env) {
  return {
    async run(model, inputs, options = {}) {
      const response = await ask(env, "/ai/run", [model, inputs, options]);
      if (options.returnRawResponse) return response;
      const type = response.headers.get("content-type") ?? "";
      return type.startsWith("application/json") ? response.json() : response.body;
    },
  };
}
`;

const KV = `${ERROR}
export default function (env) {
  const call = (name) => async (...args) => {
    const { fault } = await (await ask(env, "/kv", { call: name })).json();
    if (fault === "unavailable") throw new Error("KV " + name.toUpperCase() + " failed: 503 Service Unavailable");
    if (fault === "limited") throw new Error("KV " + name.toUpperCase() + " failed: 429 Too Many Requests");
    // What another place may still see: nothing of what was written, and everything of what was deleted.
    if (fault === "unseen" && name.startsWith("get")) return name === "get" ? null : { value: null, metadata: null, cacheStatus: null };
    if (fault === "unseen" && name === "delete") return undefined;
    return env.REAL[name](...args);
  };
  return Object.fromEntries(["get", "getWithMetadata", "put", "list", "delete"].map((name) => [name, call(name)]));
}
`;

const POINTS = `${ERROR}
export default function (env) {
  return {
    // As the real one, it answers nothing and has nobody wait.
    writeDataPoint(point) {
      ask(env, "/points", point).catch(() => {});
    },
  };
}
`;

/** Workers beside the Worker, and its options that lead to them. `address` is that of the stand-ins. */
export function bindings(address) {
  const external = { STAND_IN: { external: { address, http: {} } } };
  const standIn = (name, script, more = {}) => ({ name, modules: true, script, serviceBindings: external, ...more });
  return {
    beside: [
      standIn("stand-in-vectorize", VECTORIZE),
      standIn("stand-in-ai", AI),
      standIn("stand-in-points", POINTS),
      standIn("stand-in-kv", KV, { kvNamespaces: { REAL: "answers" } }),
    ],
    options: {
      wrappedBindings: {
        PASSAGES: { scriptName: "stand-in-vectorize" },
        AI: { scriptName: "stand-in-ai" },
        CACHE: { scriptName: "stand-in-kv" },
        METRICS: { scriptName: "stand-in-points" },
      },
      r2Buckets: { AUDIO: "audio" },
    },
  };
}
