// Reads and writes JSON more strictly than the language does: a repeated key, a lone surrogate, a number that is not finite
// and hostile nesting are refused, and a number comes back to the letter.

// A number whose text a double would not give back.
export class Exact {
  constructor(text) { this.text = text; }
  valueOf() { return Number(this.text); }
}

export class Malformed extends Error {}

const DEEPEST = 64;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const SPACE = /[ \t\n\r]*/y;

export function parse(bytes) {
  let text;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Malformed('the body is not UTF-8');
  }
  let at = 0;
  const fail = (what) => { throw new Malformed(`${what} at character ${at}`); };
  const take = (expression) => {
    expression.lastIndex = at;
    const found = expression.exec(text);
    if (found) at = expression.lastIndex;
    return found?.[0];
  };
  const skip = () => take(SPACE);
  const string = () => {
    const raw = take(STRING) ?? fail('expected a string');
    const value = JSON.parse(raw);
    return value.isWellFormed() ? value : fail('a string holds half a character');
  };
  const number = () => {
    const raw = take(NUMBER) ?? fail('expected a value');
    const value = Number(raw);
    if (!Number.isFinite(value)) fail('a number is too large');
    return String(value) === raw ? value : new Exact(raw);
  };
  const value = (depth) => {
    if (depth > DEEPEST) fail('the nesting is too deep');
    skip();
    const next = text[at];
    if (next === '{') return object(depth);
    if (next === '[') return list(depth);
    if (next === '"') return string();
    for (const [word, meaning] of [['true', true], ['false', false], ['null', null]]) {
      if (text.startsWith(word, at)) { at += word.length; return meaning; }
    }
    return number();
  };
  const object = (depth) => {
    at += 1;
    const fields = new Map();
    skip();
    if (text[at] === '}') { at += 1; return fields; }
    for (;;) {
      skip();
      const key = string();
      if (fields.has(key)) fail('a key is repeated');
      skip();
      if (text[at] !== ':') fail('expected a colon');
      at += 1;
      fields.set(key, value(depth + 1));
      skip();
      if (text[at] === '}') { at += 1; return fields; }
      if (text[at] !== ',') fail('expected a comma or the end of the object');
      at += 1;
    }
  };
  const list = (depth) => {
    at += 1;
    const items = [];
    skip();
    if (text[at] === ']') { at += 1; return items; }
    for (;;) {
      items.push(value(depth + 1));
      skip();
      if (text[at] === ']') { at += 1; return items; }
      if (text[at] !== ',') fail('expected a comma or the end of the list');
      at += 1;
    }
  };
  const whole = value(0);
  skip();
  return at === text.length ? whole : fail('expected the end');
}

export const isObject = (value) => value instanceof Map;
export const isNumber = (value) => typeof value === 'number' || value instanceof Exact;

// Objects are maps here, so that no key of a client means anything to the language.
export function print(value, sorted = false) {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : 'null';
  if (value instanceof Exact) return value.text;
  if (Array.isArray(value)) return `[${value.map((item) => print(item, sorted)).join(',')}]`;
  const fields = (isObject(value) ? [...value] : Object.entries(value)).filter(([, field]) => field !== undefined);
  if (sorted) fields.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${fields.map(([key, field]) => `${JSON.stringify(key)}:${print(field, sorted)}`).join(',')}}`;
}
