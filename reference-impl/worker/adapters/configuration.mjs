// The configuration that adapters.mjs runs the Worker with.
import { DEADLINE_MS, INDEXED, MODELLED, PLAIN, SLOW_MS, SPEAKING } from "./asking.mjs";

/** The fixtures' tenants, with the adapters that they are to use. */
export function changed(beside) {
  const policy = { attempts: 1, failures: 1000 };
  const own = { api: "workers_ai", url: `${beside.url}/client/v4`, account: "acc", timeout_ms: SLOW_MS, policy };
  const gateway = { id: "platform", provider: "workers-ai", cache_ttl_s: 0, direct_url: `${beside.url}/client/v4` };
  const behind = { ...own, api: "ai_gateway", url: `${beside.url}/v1`, gateway };
  const voices = [{ id: "luna", name: "Luna", language: "en", sample_rate_hz: 24000 }];
  return ({ platform, tenants }) => {
    platform.trace_ratio = 1;
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
