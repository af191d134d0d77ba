// Runs the built Worker on workerd with the tenants of the fixtures. It needs no network.
//
//   node run.mjs [--port 8788] [--host 127.0.0.1] [--data DIR] [--tenants DIR] [--control PORT]
//                [--provider-url ID=URL]... [--stores] [--stand-ins] [--speech] [--build FOLDER]
//
// Prints one line `listening on http://127.0.0.1:PORT` when it is ready (port 0 takes a free one); requests and their log lines
// follow. Without --data, what is stored is gone with the process. --control listens for the test-only control API, which a
// bundle of `build.sh --dev` has; --provider-url is another address for a model provider of platform.yaml; --stores binds a KV namespace
// and an R2 bucket, which the local runtime has; --stand-ins binds a Vectorize index, Workers AI and an Analytics Engine dataset as well,
// puts faults in front of KV, and says where stand-ins are told to fail;
// --speech puts `espeak-ng`, which a Worker cannot start, behind a URL of its own; --build names the folder beside this file that
// holds the bundle, `build` or `build-sabotage`. Exit codes: 0 stopped, 1 our own error, 2 usage or
// a bad file, 3 a tool or the bundle is missing.
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, readdirSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { bindings } from "./stand-ins/bindings.mjs";
import { standIns } from "./stand-ins/server.mjs";
import { speaker } from "./stand-ins/speech.mjs";

export const here = dirname(fileURLToPath(import.meta.url));
export const root = resolve(here, "../..");
export const TENANTS = join(root, "fixtures/tenants");

/** An error with an exit code of its own. */
export class Stop extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

/** Imports a package, or says how to get it. */
export async function need(name) {
  try {
    return await import(name);
  } catch (error) {
    throw new Stop(3, `missing: package ${name} (\`npm ci\` in reference-impl/worker): ${error.message}`);
  }
}

/** Reads a YAML file. */
export async function yaml(path) {
  const { parse } = await need("yaml");
  try {
    return parse(readFileSync(path, "utf8"));
  } catch (error) {
    throw new Stop(2, `${path}: expected a readable YAML file: ${error.message}`);
  }
}

/** Bindings that the local runtime has. */
const STORES = { kvNamespaces: { CACHE: "answers" }, r2Buckets: { AUDIO: "audio" } };

/** Models that the Worker has. It has no neural model: a tenant of one is served by a host that does. */
const EMBEDDING = ["hashed-lexical-v1"];

/** Puts other addresses in the place of the file's, and secrets in the place of key files, which a Worker cannot read. */
function providers(platform, tenants, urls) {
  const listed = platform.model_providers ?? [];
  for (const change of urls) {
    const [id, url] = [change.slice(0, Math.max(0, change.indexOf("="))), change.slice(change.indexOf("=") + 1)];
    const provider = listed.find((it) => it.id === id);
    if (!id || !provider) throw new Stop(2, `--provider-url: expected ID=URL with the id of a provider, found \`${change}\``);
    provider.url = url;
  }
  const secrets = {};
  for (const [at, provider] of listed.entries()) {
    if (provider.api_key_file) {
      const name = `MODEL_KEY_${at}`;
      secrets[name] = readFileSync(join(tenants, provider.api_key_file), "utf8");
      provider.api_key_env = name;
      delete provider.api_key_file;
    }
    for (const name of [provider.api_key_env, provider.gateway?.token_env]) {
      if (name && !(name in secrets) && process.env[name]) secrets[name] = process.env[name];
    }
  }
  return secrets;
}

export async function configuration(tenants, urls) {
  const platform = await yaml(join(tenants, "platform.yaml"));
  const secrets = providers(platform, tenants, urls);
  const remote = (platform.model_providers ?? []).filter((it) => it.kind === "embedding").map((it) => it.id);
  const folders = readdirSync(tenants).filter((name) => statSync(join(tenants, name)).isDirectory()).sort();
  const read = folders.map((name) => yaml(join(tenants, name, "tenant.yaml")));
  const prompts = {};
  for (const name of folders.filter((name) => existsSync(join(tenants, name, "prompts")))) {
    const files = readdirSync(join(tenants, name, "prompts")).sort();
    prompts[name] = await Promise.all(files.map((file) => yaml(join(tenants, name, "prompts", file))));
  }
  const demo = platform.jwks?.demo === true;
  const jwks = demo ? join(tenants, "../credentials/jwks.json") : join(tenants, platform.jwks?.file ?? "jwks.json");
  const keys = JSON.parse(readFileSync(jwks, "utf8"));
  const served = (await Promise.all(read)).filter(({ tenant, models }) => {
    const has = [...EMBEDDING, ...remote].includes(models?.embedding);
    if (!has) console.error(`${tenant}: left out, for the Worker has no embedding model ${models?.embedding}`);
    return has;
  });
  for (const name of Object.keys(prompts)) if (!served.some(({ tenant }) => tenant === name)) delete prompts[name];
  return { config: { platform, tenants: served, prompts, jwks: keys, demo }, secrets };
}

/**
 * Starts the Worker; `onLine` gets each line of its console.
 * @returns the Miniflare instance and its base URL without a final slash
 */
export async function start({
  port = 0, host = "127.0.0.1", data, tenants = TENANTS, control, contract, providerUrls = [], bundle = "build", onLine = () => {}, stores = false, beside,
  change = () => {},
} = {}) {
  const build = join(here, bundle);
  if (!existsSync(join(build, "index.js"))) {
    throw new Stop(3, `missing: reference-impl/worker/${bundle} (\`reference-impl/worker/build.sh --dev\`)`);
  }
  const { Miniflare, Log, LogLevel } = await need("miniflare");
  const { config, secrets } = await configuration(tenants, providerUrls);
  change(config);
  const further = beside ? bindings(beside.address) : { beside: [], options: stores ? STORES : {} };
  const main = {
    name: "reference-worker",
    // Requests reach the Worker itself and not by way of the tool's own, which reads headers its own way.
    unsafeDirectSockets: [
      { host, port },
      ...(control === undefined ? [] : [{ host: "127.0.0.1", port: control, entrypoint: "Control" }]),
      ...(contract === undefined ? [] : [{ host: "127.0.0.1", port: contract, entrypoint: "Contract" }]),
    ],
    compatibilityDate: "2026-07-01",
    compatibilityFlags: ["enable_request_signal"], // a stream ends when its client goes away
    modules: [
      { type: "ESModule", path: join(build, "index.js") },
      { type: "CompiledWasm", path: join(build, "index_bg.wasm") },
    ],
    modulesRoot: build,
    bindings: {
      ...secrets,
      CONFIG: JSON.stringify(config),
      ...(control !== undefined && { CONTROL: "on" }),
      CURSOR_SECRET: process.env.PLUMBLINE_CURSOR_SECRET ?? randomBytes(32).toString("hex"),
    },
    durableObjects: { TENANTS: { className: "TenantStore", useSQLite: true } },
    ...further.options,
  };
  const worker = new Miniflare({
    host: "127.0.0.1",
    port: 0,
    log: new Log(LogLevel.WARN),
    handleRuntimeStdio(out, err) {
      for (const stream of [out, err]) stream.setEncoding("utf8").on("data", onLine);
    },
    cf: false, // or it would ask the network where this machine is
    durableObjectsPersist: data ? resolve(data) : false,
    kvPersist: data ? join(resolve(data), "kv") : false,
    r2Persist: data ? join(resolve(data), "r2") : false,
    telemetry: { enabled: false },
    workers: [main, ...further.beside],
  });
  await worker.ready;
  const url = await worker.unsafeGetDirectURL();
  return { worker, url: url.origin };
}

async function main() {
  let values;
  try {
    const text = { type: "string" };
    const options = {
      port: text, host: text, data: text, tenants: text, control: text, "provider-url": { ...text, multiple: true },
      stores: { type: "boolean" }, "stand-ins": { type: "boolean" }, speech: { type: "boolean" }, build: text,
    };
    ({ values } = parseArgs({ options }));
  } catch (error) {
    throw new Stop(2, error.message);
  }
  const number = (name, value) => {
    const port = Number(value);
    if (Number.isInteger(port) && port >= 0 && port <= 65535) return port;
    throw new Stop(2, `--${name}: expected a number from 0 to 65535, found \`${value}\``);
  };
  const port = number("port", values.port ?? 8788);
  const control = values.control === undefined ? undefined : number("control", values.control);
  const onLine = (line) => process.stderr.write(line);
  const providerUrls = values["provider-url"] ?? [];
  const beside = values["stand-ins"] ? await standIns() : undefined;
  const speech = values.speech ? await speaker() : undefined;
  if (speech?.missing) throw new Stop(3, `missing: ${speech.missing}`);
  const change = ({ platform }) => speech && (platform.model_providers ??= []).push(speech.provider);
  const { worker, url } = await start({
    port, host: values.host, data: values.data, tenants: values.tenants, control, providerUrls, bundle: values.build, onLine,
    stores: values.stores, beside, change,
  });
  if (beside) console.log(`stand-ins on ${beside.url}`);
  console.log(`listening on ${url}`);
  let stopping = false;
  for (const signal of ["SIGINT", "SIGTERM"]) {
    process.removeAllListeners(signal); // the tool's own, which end the process before the store is closed
    process.on(signal, () => {
      if (!stopping) Promise.all([worker.dispose(), beside?.stop(), speech?.stop()]).then(() => process.exit(0));
      stopping = true;
    });
  }
}

if (process.argv[1] && import.meta.url === pathToFileURL(resolve(process.argv[1])).href) {
  main().catch((error) => {
    console.error(`run.mjs: ${error instanceof Stop ? error.message : error.stack}`);
    process.exit(error.code ?? 1);
  });
}
