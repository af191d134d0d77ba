// Spans and figures as people read them. Spans of the contract count bytes of UTF-8, strings here count UTF-16.

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Slices of one text by spans in bytes. A span that does not lie in the text gives what of it does. */
export class Bytes {
  constructor(text) {
    this.bytes = encoder.encode(text);
  }

  get length() {
    return this.bytes.length;
  }

  slice(start, end) {
    return decoder.decode(this.bytes.subarray(this.edge(start), this.edge(end)));
  }

  /** The nearest place at or before `at` that does not cut a character. */
  edge(at) {
    let place = Math.max(0, Math.min(at, this.bytes.length));
    while (place > 0 && place < this.bytes.length && (this.bytes[place] & 0xc0) === 0x80) place -= 1;
    return place;
  }
}

const whole = new Intl.NumberFormat("en-GB");
const plain = new Intl.NumberFormat("en-GB", { maximumFractionDigits: 3 });

export const count = (value) => whole.format(value);
export const decimal = (value) => plain.format(value);
export const percent = (share) => `${Math.round(share * 100)} %`;
export const plural = (number, one, many = `${one}s`) => `${count(number)} ${number === 1 ? one : many}`;

/** Milliseconds in the unit that suits them. */
export function span(ms) {
  const units = [[86400000, "day"], [3600000, "hour"], [60000, "minute"]];
  const unit = units.find(([size]) => ms >= size);
  if (unit) return plural(Number((ms / unit[0]).toFixed(1)), unit[1]);
  if (ms >= 1000) return `${decimal(ms / 1000)} s`;
  return `${ms < 10 ? ms.toFixed(2) : decimal(Math.round(ms))} ms`;
}

export function size(bytes) {
  if (bytes < 1024) return plural(bytes, "byte");
  const units = ["KiB", "MiB", "GiB"];
  const power = Math.min(units.length, Math.floor(Math.log2(bytes) / 10));
  return `${decimal(Number((bytes / 1024 ** power).toFixed(1)))} ${units[power - 1]}`;
}

export function money(usd) {
  return `$${usd.toLocaleString("en-GB", { minimumFractionDigits: 2, maximumFractionDigits: usd < 1 ? 6 : 2 })}`;
}

export function moment(iso) {
  const at = new Date(iso);
  return Number.isNaN(at.getTime()) ? String(iso) : at.toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" });
}

/** Names of the contract, such as `chit_chat`, in words. */
export const words = (name) => name.replaceAll("_", " ");

/** The start of a text, cut at a character that people see as one. */
export function beginning(text, most) {
  const seen = [...text];
  return seen.length > most ? `${seen.slice(0, most).join("").trimEnd()}…` : text;
}

/** Metadata values as text. */
export function shown(value) {
  const plain = (it) => ["string", "number", "boolean"].includes(typeof it);
  if (Array.isArray(value) && value.length > 0 && value.every(plain)) return value.join(", ");
  return typeof value === "string" ? value : JSON.stringify(value);
}
