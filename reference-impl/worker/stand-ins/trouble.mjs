// Faults and counts that all stand-ins share.

/** What a stand-in was told to do wrong, and how often it was asked. */
export class Trouble {
  faults = new Map();
  counts = {};

  /** Sets the fault of a service: `{kind, times?}`, where `kind` is one of those that the service knows. */
  set(service, fault) {
    this.faults.set(service, { times: Infinity, ...fault });
  }

  clear(service) {
    if (service === undefined) this.faults.clear();
    else this.faults.delete(service);
  }

  /** Counts a call and gives the kind of fault that strikes it, if any. A call that hangs waits here until the fault is cleared. */
  async strike(service, call) {
    this.counts[`${service} ${call}`] = (this.counts[`${service} ${call}`] ?? 0) + 1;
    const fault = this.faults.get(service);
    if (!fault || fault.times <= 0 || (fault.call && fault.call !== call)) return undefined;
    fault.times -= 1;
    if (fault.kind !== "hang") return fault.kind;
    while (this.faults.get(service) === fault) await new Promise((done) => setTimeout(done, 20));
    return undefined;
  }
}

/** An error as a binding throws it: its message goes through to the caller. */
export class Thrown extends Error {
  constructor(name, message) {
    super(message);
    this.name = name;
  }
}
