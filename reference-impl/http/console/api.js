// The one way to the deployment: same origin, one credential, which is kept in this module and nowhere else.

import { events } from "./sse.js";

let credential = null;
/** Ends what is still under way when the credential is forgotten. */
let visit = new AbortController();
/** Called when a credential that was taken is refused. */
let lost = null;
const listeners = new Set();

/** What the last answers said about rates and budget. */
export const figures = { rate: null, budget: null };

/** The deployment refused or could not be reached. */
export class ApiError extends Error {
  constructor(status, info) {
    super(info.message);
    this.name = "ApiError";
    this.status = status;
    this.code = info.code;
    this.details = info.details ?? [];
    this.requestId = info.request_id;
  }
}

export function useCredential(key) {
  credential = key;
  visit = new AbortController();
}

/** Calls `listener` once the deployment no longer takes the credential. */
export function onLost(listener) {
  lost = listener;
}

export function forgetCredential() {
  visit.abort();
  [credential, lost] = [null, null];
  listeners.clear();
  Object.assign(figures, { rate: null, budget: null });
}

/** Calls `listener` when an answer has changed `figures`. */
export function onFigures(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** The path of an operation with its ids and query filled in. */
export function path(template, ids = {}, query = {}) {
  const filled = template.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(ids[name]));
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== "");
  return given.length > 0 ? `${filled}?${new URLSearchParams(given)}` : filled;
}

async function send(method, where, { body, accept = "application/json", signal, idempotent = false, open = false } = {}) {
  const headers = { accept };
  if (!open && credential) headers.authorization = `Bearer ${credential}`;
  if (body !== undefined) headers["content-type"] = "application/json";
  if (idempotent) headers["idempotency-key"] = crypto.randomUUID?.() ?? `console-${Date.now()}-${Math.random().toString(36).slice(2)}`;
  let answer;
  try {
    answer = await fetch(where, {
      method, headers, signal: signal ? AbortSignal.any([signal, visit.signal]) : visit.signal, body: body === undefined ? undefined : JSON.stringify(body),
      cache: "no-store", credentials: "omit", redirect: "error", referrerPolicy: "no-referrer",
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, { code: "UNREACHABLE", message: "The deployment cannot be reached." });
  }
  note(answer.headers);
  if (!answer.ok && !(open && answer.status === 503)) {
    const refused = await problem(answer);
    if (answer.status === 401) lost?.();
    throw refused;
  }
  return answer;
}

async function problem(answer) {
  try {
    const { error } = await answer.json();
    if (typeof error?.message === "string") return new ApiError(answer.status, error);
  } catch { /* The answer is no error body; its status is all there is to tell. */ }
  return new ApiError(answer.status, { code: `HTTP ${answer.status}`, message: "The deployment answered without saying why." });
}

function note(headers) {
  const [limit, remaining, reset] = ["limit", "remaining", "reset"].map((name) => headers.get(`x-ratelimit-${name}`));
  if (limit !== null) figures.rate = { limit: Number(limit), remaining: Number(remaining), reset: Number(reset) };
  const warning = headers.get("x-budget-warning");
  if (warning !== null) figures.budget = Number(warning);
  for (const listener of listeners) listener(figures);
}

export const get = async (where, options) => (await send("GET", where, options)).json();
export const post = async (where, body, options) => (await send("POST", where, { ...options, body })).json();
export const remove = async (where) => (await send("DELETE", where)).json();

/** The answer itself, where it may be JSON or sound. */
export const answerOf = (method, where, options) => send(method, where, options);

/** The events of a streamed answer. */
export async function* stream(where, body, signal) {
  const answer = await send("POST", where, { body, signal, accept: "text/event-stream" });
  yield* events(answer.body);
}

/** Every page of a list, or the first `most` items of it. */
export async function* pages(where, query, name, most = Infinity) {
  let cursor;
  let seen = 0;
  do {
    const page = await get(path(where, {}, { ...query, cursor }));
    for (const item of page[name]) {
      yield item;
      seen += 1;
      if (seen >= most) return;
    }
    cursor = page.next_cursor;
  } while (cursor);
}
