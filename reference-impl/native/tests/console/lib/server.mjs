// The native server with the fixtures' tenants, an empty data folder and a free port.

import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { parse } from "yaml";

/** The checkout. */
export const root = path.resolve(import.meta.dirname, "../../../../..");

/** The demo key of a tenant by its name. */
export async function key(tenant, name) {
  const keys = parse(await readFile(path.join(root, "fixtures/credentials/keys.yaml"), "utf8"));
  return keys.find((it) => it.tenant === tenant && it.name === name).key;
}

/** Documents of a tenant's corpus as POST /ingest takes them. */
export async function corpus(tenant) {
  const folder = path.join(root, "fixtures/corpora", tenant);
  const listed = parse(await readFile(path.join(folder, "documents.yaml"), "utf8"));
  return Promise.all(listed.map(async ({ id, file, content_type, metadata }) => ({
    id, content_type, metadata, content: await readFile(path.join(folder, file), "utf8"),
  })));
}

/** Hostile strings of the fixtures that a document may hold. */
export async function hostile() {
  const found = parse(await readFile(path.join(root, "fixtures/hostile/strings.yaml"), "utf8"));
  return found.filter(({ id }) => !["only-space", "nul", "control"].includes(id));
}

/** Starts the server. `stop` ends it and removes its data. */
export async function start() {
  const target = process.env.CARGO_TARGET_DIR ?? path.join(root, "target");
  const program = process.env.PLUMBLINE_SERVER ?? path.join(target, "debug/reference-impl");
  const data = await mkdtemp(path.join(tmpdir(), "console-"));
  const given = ["serve", "--demo", "--addr", "127.0.0.1:0", "--data", data, "--tenants", path.join(root, "fixtures/tenants")];
  const child = spawn(program, given, { cwd: root, stdio: ["ignore", "ignore", "pipe"] });
  const said = [];
  const url = await new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", (code) => reject(new Error(`the server ended with ${code}: ${said.join("\n")}`)));
    createInterface({ input: child.stderr }).on("line", (line) => {
      said.push(line);
      const at = /^listening on (http:\S+)$/.exec(line);
      if (at) resolve(at[1]);
    });
  });
  const stop = async () => {
    const ended = new Promise((resolve) => child.on("exit", resolve));
    child.kill("SIGTERM");
    await ended;
    await rm(data, { recursive: true, force: true });
  };
  return { url, stop };
}

/** Calls the API as a client would. */
export async function call(url, credential, method, where, body) {
  const answer = await fetch(url + where, {
    method, body: body && JSON.stringify(body),
    headers: { authorization: `Bearer ${credential}`, "content-type": "application/json" },
  });
  if (!answer.ok) throw new Error(`${method} ${where}: ${answer.status} ${await answer.text()}`);
  return answer.json();
}
