// Starts the built Worker with every binding that it has an adapter for and checks them on workerd: what core asks of each port's
// adapters, what the contract says of an answer while a binding fails, and what eventual consistency must never show.
//
//   node adapters.mjs            every check, on the bundle of build.sh --dev
//   node adapters.mjs --flaws    one flaw after another in the adapters, on that of build.sh --sabotage: each must be noticed
//
// Exit codes: 0 all as expected, 100 a difference (each is told), otherwise as run.mjs.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { at, checks, differences, freePort } from "./adapters/asking.mjs";
import { changed } from "./adapters/configuration.mjs";
import { alarms, alarmsOfBefore, faults, models, points, spans, speech, unbound, waiting } from "./adapters/models.mjs";
import { audio, cache, deleted, long, ports, reborn } from "./adapters/stores.mjs";
import { mismade, vectors } from "./adapters/vectors.mjs";
import { Stop, start } from "./run.mjs";
import { standIns } from "./stand-ins/server.mjs";

/** Which parts are there to notice a flaw. */
const MEANT = {
  "binding-cache-shared": [ports],
  "binding-vectors-shared": [ports],
  "binding-vectors-early": [vectors],
  "binding-vectors-stay": [ports],
  "binding-audio-shared": [ports],
  "binding-audio-stays": [deleted],
  "binding-models-untold": [models],
  "binding-points-of-nobody": [points],
};

/** A Worker on a folder of its own, and what stands for its bindings. */
class Running {
  #folder = mkdtempSync(join(tmpdir(), "reference-worker-"));
  lines = "";

  constructor(bundle) {
    this.bundle = bundle;
  }

  async begin() {
    this.beside ??= await standIns({ dimensions: 512, metadataIndexes: ["lang"], delayMs: 300 });
    this.beside.trouble.clear();
    const [controlPort, contractPort] = [await freePort(), await freePort()];
    const onLine = (line) => (this.lines += line);
    const { worker, url: address } = await start({
      data: this.#folder, control: controlPort, contract: contractPort, bundle: this.bundle, onLine, beside: this.beside, change: changed(this.beside),
    });
    this.worker = worker;
    Object.assign(at, { url: address, control: `http://127.0.0.1:${controlPort}`, contract: `http://127.0.0.1:${contractPort}` });
  }

  async again() {
    await this.worker.dispose();
    await this.begin();
  }

  async end() {
    await this.worker?.dispose();
    await this.beside?.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

async function everything(running) {
  await running.begin();
  await ports();
  const entry = await cache(running.worker, running.beside);
  for (const part of [vectors, models, alarms, speech, audio, points, faults]) await part(running.beside, running.worker);
  await mismade(running.beside);
  await long();
  await deleted(running.beside, running.worker);
  spans(running.lines);
  const late = await waiting(running.worker, running.beside, "late", 1);
  await running.again();
  await alarmsOfBefore(running.worker, late);
  await reborn(running.worker, entry);
  await withoutBinding();
}

async function withoutBinding() {
  let lines = "";
  const change = ({ platform }) =>
    platform.model_providers.push({ id: "cf/none", kind: "generation", api: "workers_ai", url: "http://127.0.0.1:9", account: "acc",
      model: "@cf/meta/llama-3.1-8b-instruct", timeout_ms: 1000, binding: "NOT_BOUND" });
  const { worker, url: address } = await start({ onLine: (line) => (lines += line), change });
  await unbound(address, () => lines);
  await worker.dispose();
}

/** Every flaw of a binding's adapter, each on a Worker that has seen nothing else; gives those that nothing noticed. */
async function flaws() {
  const escaped = [];
  const probe = new Running("build-sabotage");
  await probe.begin();
  const { switches } = await (await fetch(`${at.control}/sabotage`)).json();
  await probe.end();
  const names = switches.map((it) => it.name).filter((name) => name.startsWith("binding-"));
  for (const name of Object.keys(MEANT).filter((name) => !names.includes(name))) escaped.push(`${name} (no such flaw)`);
  for (const name of names) {
    const before = differences.length;
    const running = new Running("build-sabotage");
    try {
      await running.begin();
      const put = await fetch(`${at.control}/sabotage/${name}`, { method: "PUT" });
      if (put.status !== 200) throw new Error(`${name} cannot be turned on: ${put.status}`);
      for (const part of MEANT[name] ?? []) await part(running.beside, running.worker);
    } finally {
      await running.end();
    }
    const noticed = differences.splice(before);
    if (noticed.length === 0) escaped.push(name);
    console.log(`${noticed.length ? "caught " : "ESCAPED"} ${name}${noticed.length ? `: ${noticed[0].slice(0, 160)}` : ""}`);
  }
  return { count: names.length, escaped };
}

const seeded = process.argv[2] === "--flaws";
if (process.argv.length > (seeded ? 3 : 2)) {
  console.error(`adapters.mjs: expected nothing or --flaws, found \`${process.argv.slice(2).join(" ")}\``);
  process.exit(2);
}
const running = new Running("build");
try {
  if (seeded) {
    const { count, escaped } = await flaws();
    console.log(`worker adapters: ${count} flaws, ${escaped.length ? `${escaped.length} escaped: ${escaped.join(", ")}` : "all caught"}`);
    process.exit(escaped.length ? 100 : 0);
  }
  await everything(running);
} catch (error) {
  console.error(`adapters.mjs: ${error instanceof Stop ? error.message : error.stack}\n${running.lines.slice(-3000)}`);
  for (const difference of differences) console.error(`differs: ${difference.slice(0, 600)}`);
  console.log(`worker adapters: ${checks} checks, stopped before the end`);
  process.exit(error instanceof Stop ? error.code : 1);
} finally {
  await running.end();
}
for (const difference of differences) console.error(`differs: ${difference.slice(0, 600)}`);
if (differences.length && process.env.LINES) console.error(running.lines.slice(-4000));
console.log(`worker adapters: ${checks} checks, ${differences.length ? `${differences.length} differ` : "all as expected"}`);
process.exit(differences.length ? 100 : 0);
