// The Worker's module: the entry and the object class around what wasm-bindgen wrote. Wasm that aborted (a panic, an
// exhausted memory) is started anew before the next call, so that it costs one request and not the isolate.
import { DurableObject, WorkerEntrypoint } from "cloudflare:workers";
import * as wasm from "./index.js";

const state = wasm.__worker_init_state();

function revive() {
  if (state.criticalError) {
    console.error("starting the wasm module anew");
    wasm.__wbg_reset_state();
    state.criticalError = false;
    state.instanceId += 1;
  }
}

async function watched(call) {
  try {
    return await call();
  } catch (error) {
    if (error instanceof WebAssembly.RuntimeError) state.criticalError = true;
    throw error;
  }
}

// The host notices that a client of a stream has gone away only when it writes, and only at the second write: the first one is
// still taken, and answered by a reset of the connection. So nothing stays unwritten for longer than the first of these times, in
// milliseconds, and a second heartbeat comes right after the first. A promise to free a stream's place holds from a second on,
// which leaves room for a machine that has much else to do.
const [LONGEST_SILENCE, SECOND_WRITE] = [100, 20];
// Time that a write waits for a client that takes nothing, in milliseconds.
const LONGEST_WRITE = 30_000;
const HEARTBEAT = new TextEncoder().encode(": heartbeat\n\n");
const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

// Copies an answer as it is made, one whole event a chunk where it is one of events, and ends it as soon as its client is gone or
// takes nothing any more.
async function pump(from, to, events) {
  const [reader, writer] = [from.getReader(), to.getWriter()];
  const write = async (bytes) => {
    let timer;
    const late = new Promise((_, give) => (timer = setTimeout(give, LONGEST_WRITE, new Error("the client takes nothing"))));
    await Promise.race([writer.write(bytes), late]).finally(() => clearTimeout(timer));
  };
  const gone = writer.closed.then(() => {}, () => {});
  try {
    let next = reader.read();
    for (;;) {
      let timer;
      const silence = new Promise((done) => events && (timer = setTimeout(done, LONGEST_SILENCE, "silence")));
      const first = await Promise.race([next, silence, gone.then(() => "gone")]);
      clearTimeout(timer);
      if (first === "gone") break;
      if (first === "silence") {
        await write(HEARTBEAT);
        await pause(SECOND_WRITE);
        await write(HEARTBEAT);
      } else if (first.done) return await writer.close();
      else {
        await write(first.value);
        next = reader.read();
      }
    }
  } catch {
    // The client went away, or stopped taking anything, during a write.
  }
  writer.abort().catch(() => {});
  await reader.cancel().catch(() => {});
}

// A client that goes away would otherwise end the request's context, and with it everything that waits in wasm, whose places
// nobody would give back. So the work goes on until its own end, which its deadline bounds; the events of a stream end at once.
async function answered(request, env, context) {
  revive();
  const work = watched(() => wasm.fetch(request, env, context));
  context.waitUntil(work.catch(() => {}));
  const response = await work;
  // An answer that is whole says its length.
  if (!response.body || response.headers.has("content-length")) return response;
  const { readable, writable } = new IdentityTransformStream();
  const events = response.headers.get("content-type")?.startsWith("text/event-stream");
  context.waitUntil(pump(response.body, writable, events));
  return new Response(readable, response);
}

export default class extends WorkerEntrypoint {
  fetch(request) {
    return answered(request, this.env, this.ctx);
  }
}

// The test-only control API, reachable only where the host is told to listen for it. A bundle without it, or a deployment where
// the binding CONTROL is not set, serves the platform here too.
export class Control extends WorkerEntrypoint {
  fetch(request) {
    return answered(request, { ...this.env, ENTRY: "control" }, this.ctx);
  }
}

// What core asks of the adapters of its ports, asked of this host's: as the control API, for tests alone.
export class Contract extends WorkerEntrypoint {
  fetch(request) {
    return answered(request, { ...this.env, ENTRY: "contract" }, this.ctx);
  }
}

export class TenantStore extends DurableObject {
  #instance;
  #made;

  #ready() {
    revive();
    if (this.#made !== state.instanceId) {
      this.#instance = new wasm.TenantStore(this.ctx, this.env);
      this.#made = state.instanceId;
    }
  }

  fetch(request) {
    this.#ready();
    return watched(() => this.#instance.fetch(request));
  }

  // What the Worker sends: an order as text, answered by text.
  order(text) {
    this.#ready();
    return watched(() => this.#instance.order(text));
  }

  // The host keeps the time with the object, and calls this also where no request ever comes.
  alarm() {
    this.#ready();
    return watched(() => this.#instance.alarm());
  }
}
