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

export default class extends WorkerEntrypoint {
  fetch(request) {
    revive();
    return watched(() => wasm.fetch(request, this.env, this.ctx));
  }
}

// The test-only control API, reachable only where the host is told to listen for it. A bundle without it, or a deployment where
// the binding CONTROL is not set, serves the platform here too.
export class Control extends WorkerEntrypoint {
  fetch(request) {
    revive();
    return watched(() => wasm.fetch(request, { ...this.env, ENTRY: "control" }, this.ctx));
  }
}

export class TenantStore extends DurableObject {
  #instance;
  #made;

  fetch(request) {
    revive();
    if (this.#made !== state.instanceId) {
      this.#instance = new wasm.TenantStore(this.ctx, this.env);
      this.#made = state.instanceId;
    }
    return watched(() => this.#instance.fetch(request));
  }
}
