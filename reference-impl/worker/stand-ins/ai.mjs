// Stands for Workers AI and the AI Gateway before it: models by their names, in the forms in which the real ones answer, with their
// errors. What they say is made from what they are asked, the same each time; nothing of it is good.
import { createHash } from "node:crypto";
import { Thrown } from "./trouble.mjs";

const DIMENSIONS = { "bge-small": 384, "bge-base": 768, "bge-large": 1024, "bge-m3": 1024 };
const RATE_HZ = 24000;
const MELO_HZ = 44100;
/** Codes of Workers AI, what it says with each, and the status of its REST address. */
const ERRORS = {
  capacity: [3040, "Capacity temporarily exceeded, please try again.", 429],
  limited: [3036, "You have used up your daily free allocation of neurons.", 429],
  timeout: [3007, "Request timeout", 408],
  invalid: [5006, "must have required property 'prompt'", 400],
};

function hashed(text, length) {
  const vector = new Array(length).fill(0);
  for (const word of text.toLowerCase().split(/[^\p{L}\p{N}]+/u).filter(Boolean)) {
    const digest = createHash("sha256").update(word).digest();
    vector[digest.readUInt32LE(0) % length] += digest[4] & 1 ? 1 : -1;
  }
  if (vector.every((value) => value === 0)) vector[0] = 1;
  return vector;
}

/** A tone for each word, as 16-bit PCM. */
function tones(text, rateHz) {
  const words = text.split(/\s+/).filter(Boolean);
  const each = Math.round(rateHz * 0.1);
  const pcm = Buffer.alloc(words.length * each * 2);
  words.forEach((word, at) => {
    const pitch = 200 + (createHash("sha256").update(word).digest()[0] / 255) * 400;
    for (let sample = 0; sample < each; sample += 1) {
      pcm.writeInt16LE(Math.round(8000 * Math.sin((2 * Math.PI * pitch * sample) / rateHz)), (at * each + sample) * 2);
    }
  });
  return pcm;
}

function wav(pcm, rateHz) {
  const head = Buffer.alloc(44);
  head.write("RIFF", 0);
  head.writeUInt32LE(36 + pcm.length, 4);
  head.write("WAVEfmt ", 8);
  [[16, 16, 4], [20, 1, 2], [22, 1, 2], [24, rateHz, 4], [28, rateHz * 2, 4], [32, 2, 2], [34, 16, 2]].forEach(
    ([at, value, width]) => head.writeUIntLE(value, at, width));
  head.write("data", 36);
  head.writeUInt32LE(pcm.length, 40);
  return Buffer.concat([head, pcm]);
}

export class AiStandIn {
  constructor({ trouble }) {
    this.trouble = trouble;
    /** What it was asked: model and gateway of each call. */
    this.calls = [];
  }

  /**
   * Runs a model.
   * @returns `{type, body}`: a content type and a Buffer, a text, or a list of pieces to stream
   */
  async run(model, inputs, gateway) {
    this.calls.push({ model, ...(gateway && { gateway }) });
    if (gateway) {
      const struck = await this.trouble.strike("gateway", "run");
      if (struck) throw Object.assign(new Thrown("AiGatewayError", "2001: Please configure AI Gateway in the Cloudflare dashboard"), { status: 502 });
    }
    const fault = await this.trouble.strike("ai", "run");
    if (ERRORS[fault]) this.fail(...ERRORS[fault]);
    if (fault === "unavailable") throw Object.assign(new Thrown("Error", "internal error"), { status: 500 });
    if (fault === "garbage") return { type: "application/json", body: JSON.stringify({ unexpected: true }) };
    const json = (value) => ({ type: "application/json", body: JSON.stringify(value) });
    const size = Object.entries(DIMENSIONS).find(([name]) => model.includes(name));
    if (model.includes("reranker")) {
      const words = new Set(String(inputs.query).toLowerCase().split(/\W+/));
      const score = ({ text }) => text.toLowerCase().split(/\W+/).filter((word) => words.has(word)).length / (words.size || 1);
      return json({ response: (inputs.contexts ?? []).map((it, id) => ({ id, score: Math.min(1, score(it)) })) });
    }
    if (size) {
      const texts = [inputs.text].flat();
      if (texts.length === 0 || texts.length > 100) this.fail(5006, "text: expected 1 to 100 texts", 400);
      const data = texts.map((text) => hashed(text, size[1]));
      return json({ shape: [data.length, size[1]], data, pooling: "mean" });
    }
    if (model.includes("aura")) {
      if (typeof inputs.text !== "string") this.fail(5006, "must have required property 'text'", 400);
      const pcm = tones(inputs.text, inputs.sample_rate ?? RATE_HZ);
      return inputs.container === "none" ? { type: "audio/l16", body: pcm } : { type: "audio/wav", body: wav(pcm, RATE_HZ) };
    }
    if (model.includes("melotts")) {
      if (typeof inputs.prompt !== "string") this.fail(...ERRORS.invalid);
      return json({ audio: wav(tones(inputs.prompt, MELO_HZ), MELO_HZ).toString("base64") });
    }
    if (model.startsWith("@cf/meta/")) {
      const asked = inputs.prompt ?? inputs.messages?.at(-1)?.content;
      if (typeof asked !== "string") this.fail(...ERRORS.invalid);
      const text = `The stand-in was asked in ${asked.split(/\s+/).filter(Boolean).length} words.`;
      const usage = { prompt_tokens: Math.ceil(asked.length / 4), completion_tokens: 9, total_tokens: Math.ceil(asked.length / 4) + 9 };
      if (!inputs.stream) return json({ response: text, usage });
      const events = text.match(/\S+\s*/g).map((piece) => ({ response: piece }));
      const data = [...events, { response: "", usage }].map((event) => `data: ${JSON.stringify(event)}\n\n`);
      return { type: "text/event-stream", body: [...data, "data: [DONE]\n\n"] };
    }
    return this.fail(5007, `No such model ${model} or task`, 400);
  }

  fail(code, message, status) {
    throw Object.assign(new Thrown("InferenceUpstreamError", `${code}: ${message}`), { status, code });
  }
}
