// A speech provider beside the Worker, which can start no program of its own: one HTTP listener on loopback that speaks by
// `espeak-ng`, in the form of OpenAI's API, with the voices that the native server has of it.
//
//   POST /v1/audio/speech {"input", "voice", "speed"}      PCM of 16 bits, one channel, 22,050 samples a second
import { spawn, spawnSync } from "node:child_process";
import { createServer } from "node:http";

/** The name that tenants enable it by: the native server's for the same program. */
export const SPEAKER = "espeak-ng";
const RATE_HZ = 22050;
/** Words a minute at the usual speed. */
const USUAL_WPM = 175;
/** Most bytes of a request: a piece of text is some hundred characters. */
const MOST_BYTES = 64 << 10;
/** Processes at once; who comes later waits. */
const PLACES = 4;
/** Longest time of a process in milliseconds. */
const LONGEST_MS = 20000;

/** Voices as the program calls them, with the tags of their languages. The first of a language speaks for it. */
const VOICES = [
  ["en-gb", "English (Great Britain)", "en-GB"], ["en-us", "English (America)", "en-US"], ["de", "German", "de"],
  ["fr-fr", "French (France)", "fr-FR"], ["es", "Spanish (Spain)", "es"], ["it", "Italian", "it"], ["nl", "Dutch", "nl"],
  ["pl", "Polish", "pl"], ["pt", "Portuguese (Portugal)", "pt"], ["pt-br", "Portuguese (Brazil)", "pt-BR"],
  ["ru", "Russian", "ru"], ["sv", "Swedish", "sv"], ["tr", "Turkish", "tr"],
];

/** The text without what the program would take for an order: control characters, and the brackets before phonemes. */
const literal = (text) => text.replace(/\p{Cc}/gu, " ").replace(/\[(?=\[)/g, "[ ");

/** The samples of a WAV file whose header does not know its length; nothing for one of another form. */
function samples(wav) {
  if (wav.length === 0) return wav;
  const right = wav.length >= 44 && wav.toString("latin1", 0, 4) === "RIFF" && wav.toString("latin1", 36, 40) === "data" &&
    wav.readUInt32LE(20) === 0x10001 && wav.readUInt32LE(24) === RATE_HZ && wav.readUInt16LE(34) === 16;
  return right ? wav.subarray(44) : undefined;
}

/** The entry of `model_providers` that leads to this listener, or what is missing. */
function entry(url) {
  const told = spawnSync(SPEAKER, ["--voices"], { encoding: "utf8" });
  if (told.status !== 0) return { missing: `${SPEAKER} is not found; install the package ${SPEAKER}` };
  const known = new Set(told.stdout.split("\n").slice(1).map((line) => line.trim().split(/\s+/)[1]));
  const voices = VOICES.filter(([id]) => known.has(id)).map(([id, name, language]) =>
    ({ id, name, language, sample_rate_hz: RATE_HZ }));
  if (voices.length === 0) return { missing: `${SPEAKER} lists no voices that are known here` };
  return { provider: { id: SPEAKER, kind: "speech", url: `${url}/v1`, model: SPEAKER, voices, timeout_ms: LONGEST_MS } };
}

/**
 * Starts the listener on a free port of loopback.
 * @returns `provider` for platform.yaml and `stop`, or `missing`: what an operator has to install
 */
export async function speaker() {
  let free = PLACES;
  const waiting = [];
  const place = () => (free > 0 ? ((free -= 1), undefined) : new Promise((go) => waiting.push(go)));
  const left = () => (waiting.length ? waiting.shift()() : (free += 1));

  /** Resolves to the samples, or to nothing where the program failed or nobody waits any more. */
  function spoken({ input, voice, speed = 1 }, gone) {
    const words = String(Math.round(USUAL_WPM * speed));
    const child = spawn(SPEAKER, ["--stdin", "--stdout", "-b", "1", "-s", words, "-v", voice], {
      stdio: ["pipe", "pipe", "ignore"], env: {}, cwd: "/", timeout: LONGEST_MS, signal: gone,
    });
    return new Promise((done) => {
      const chunks = [];
      child.on("error", () => done(undefined));
      child.stdin.on("error", () => {}); // a process that ends early says so by its status
      child.stdout.on("data", (chunk) => chunks.push(chunk));
      child.on("close", (status) => done(status === 0 ? samples(Buffer.concat(chunks)) : undefined));
      child.stdin.end(literal(input));
    });
  }

  async function answer(request, response) {
    const refuse = (status, message) =>
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify({ error: { message } }));
    const chunks = [];
    let length = 0;
    for await (const chunk of request) {
      if ((length += chunk.length) > MOST_BYTES) return refuse(413, `expected at most ${MOST_BYTES} bytes`);
      chunks.push(chunk);
    }
    if (request.method !== "POST" || request.url !== "/v1/audio/speech") return refuse(404, "expected POST /v1/audio/speech");
    let asked;
    try {
      asked = JSON.parse(Buffer.concat(chunks).toString("utf8"));
    } catch {
      return refuse(400, "expected JSON");
    }
    const known = VOICES.some(([id]) => id === asked.voice);
    if (typeof asked.input !== "string" || !known) return refuse(400, "expected `input`, a text, and `voice`, one of the list");
    const gone = new AbortController();
    response.on("close", () => gone.abort());
    await place();
    try {
      const pcm = gone.signal.aborted ? undefined : await spoken(asked, gone.signal);
      if (response.destroyed) return undefined;
      if (!pcm) return refuse(500, `${SPEAKER} failed`);
      return response.writeHead(200, { "content-type": `audio/L16;rate=${RATE_HZ};channels=1` }).end(pcm);
    } finally {
      left();
    }
  }

  const server = createServer((request, response) => answer(request, response).catch(() => response.destroy()));
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  const stop = () => {
    server.closeAllConnections();
    return new Promise((done) => server.close(done));
  };
  const { provider, missing } = entry(`http://127.0.0.1:${server.address().port}`);
  if (missing) await stop();
  return missing ? { missing } : { provider, stop };
}
