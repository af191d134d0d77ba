// From a document to chunks: extracts text, counts tokens, cuts.

import { createHash } from 'node:crypto';
import { isObject, parse, print } from './json.mjs';

export const TOKENIZER = 'runs-and-signs-v1';
const LETTER = /^[\p{L}\p{N}\p{M}_]/u;
const LONGEST_RUN = 48;
const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });
const NAMED = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: '\u00a0' };
const DROPPED = /<(script|style|nav|head|noscript|template|svg|iframe|object)\b[^>]*>[\s\S]*?(?:<\/\1\s*>|$)/gi;

// The text of a document. Throws `Malformed` where there is none.
export function extract(content, type) {
  switch (type) {
    case 'text/html': return fromHtml(content);
    case 'application/json': return lines(parse(Buffer.from(content)), '').join('\n');
    default: return content;
  }
}

function fromHtml(content) {
  return content
    .replace(/<!--[\s\S]*?(?:-->|$)/g, '')
    .replace(DROPPED, ' ')
    .replace(/<h([1-6])\b[^>]*>/gi, (_, level) => `\n\n${'#'.repeat(Number(level))} `)
    .replace(/<\/?(?:p|div|h[1-6]|li|ul|ol|tr|table|section|article|br|header|footer|main|body|html|dd|dt|dl|pre|blockquote)\b[^>]*>/gi, '\n')
    .replace(/<\/?[a-zA-Z][^>]*>/g, ' ')
    .replace(/&(?:#([0-9]{1,7})|#[xX]([0-9a-fA-F]{1,6})|([a-z]{2,6}));/g, (whole, decimal, hex, name) => {
      const code = decimal ? Number(decimal) : hex ? parseInt(hex, 16) : undefined;
      const bad = code === 0 || code > 0x10ffff || (code >= 0xd800 && code < 0xe000);
      return code === undefined ? NAMED[name] ?? whole : bad ? '\ufffd' : String.fromCodePoint(code);
    })
    .replace(/[ \t]+/g, ' ')
    .replace(/ ?\n\s*/g, '\n')
    .trim();
}

// One line for each object, so that what belongs together is read together.
function lines(value, path) {
  if (Array.isArray(value)) return value.every(isPlain) ? [named(path, value.map(word).join(', '))] : value.flatMap((item) => lines(item, path));
  if (!isObject(value)) return [named(path, word(value))];
  const facts = [...value].filter(([, field]) => isPlain(field)).map(([key, field]) => named(key, word(field)));
  const inner = [...value].filter(([, field]) => !isPlain(field)).flatMap(([key, field]) => lines(field, path ? `${path}.${key}` : key));
  return facts.length ? [named(path, facts.join('; ')), ...inner] : inner;
}

const isPlain = (value) => typeof value !== 'object' || value === null || (!Array.isArray(value) && !isObject(value));
const named = (name, text) => (name ? `${name}: ${text}` : text);
const word = (value) => (typeof value === 'string' ? value : print(value));

// Units of a text: one token each, with the white space behind it. Sections begin at headings.
function units(text, hasHeadings) {
  const found = [];
  const starts = new Map();
  if (hasHeadings) {
    for (const line of text.matchAll(/^ {0,3}(#{1,6})[ \t]+(.*)$/gm)) {
      starts.set(line.index, { level: line[1].length, title: line[2].replace(/[\s#]+$/, '').slice(0, 1000) });
    }
  }
  let path = [];
  let unit;
  for (const { segment, index } of graphemes.segment(text)) {
    const heading = starts.get(index);
    if (heading) path = [...path.filter((above) => above.level < heading.level), heading].slice(-32);
    const kind = /^\s/u.test(segment) ? 'space' : LETTER.test(segment) ? 'run' : 'sign';
    const joins = unit && !heading && unit.size < LONGEST_RUN * 20
      && (kind === 'space' || (kind === 'run' && unit.last === 'run' && unit.size < LONGEST_RUN));
    if (joins) {
      unit.end += segment.length;
      unit.size += 1;
      unit.last = kind;
    } else {
      unit = { start: index, end: index + segment.length, size: 1, last: kind, tokens: kind === 'space' ? 0 : 1, path, begins: Boolean(heading) };
      found.push(unit);
    }
  }
  for (const it of found) {
    const words = text.slice(it.start, it.end);
    it.rank = it.begins ? 3 : /\n\s*\n\s*$/.test(words) ? 2 : /[.!?。][\s]+$|\n\s*$/.test(words) ? 1 : 0;
    // A run of white space that is long enough to be a unit counts, so that no chunk grows without end.
    if (it.tokens === 0 && it.size > 1) it.tokens = 1;
  }
  return found;
}

export function chunks(document, text, { size, overlap, strategy }) {
  if (text === '') return [];
  const all = units(text, document.type === 'text/markdown' || document.type === 'text/html');
  const structured = strategy === 'structure';
  const found = [];
  const encoder = new TextEncoder();
  const bytesTo = prefix(text, encoder);
  let start = 0;
  let fresh = 0;
  while (fresh < all.length) {
    let [end, tokens] = [start, 0];
    while (end < all.length && tokens + all[end].tokens <= size && !(structured && end > fresh && all[end].begins)) {
      tokens += all[end].tokens;
      end += 1;
    }
    const isWhole = end === all.length || (structured && all[end].begins);
    if (structured && !isWhole) end = softEnd(all, fresh, end);
    const part = text.slice(all[start].start, all[end - 1].end);
    const path = structured ? all[fresh].path : all[start].path;
    const ordinal = found.length;
    const id = createHash('sha256').update(`${document.id}\0${ordinal}\0${part}`).digest('hex').slice(0, 32);
    found.push({
      id: `chk_${id}`,
      document_id: document.id,
      ordinal,
      span: { start: bytesTo(all[start].start), end: bytesTo(all[end - 1].end) },
      tokens: all.slice(start, end).reduce((sum, it) => sum + it.tokens, 0),
      text: part,
      heading_path: path.map((heading) => heading.title),
    });
    fresh = end;
    start = end;
    if (isWhole) continue;
    let shared = 0;
    while (start > 0 && shared + all[start - 1].tokens <= overlap && all[start - 1].start > all[end - 1].start - 100000) {
      start -= 1;
      shared += all[start].tokens;
      if (structured && all[start].begins) break;
    }
    if (found.at(-1).span.start >= bytesTo(all[start].start)) start = end;
  }
  return found;
}

// The last good place to cut in the second half of what would fit.
function softEnd(all, fresh, end) {
  const least = fresh + Math.ceil((end - fresh) / 2);
  for (const rank of [2, 1]) {
    for (let at = end; at > least; at -= 1) if (all[at - 1].rank >= rank) return at;
  }
  return end;
}

// Gives the number of UTF-8 bytes before a place in the text; places must not fall.
function prefix(text, encoder) {
  const known = [[0, 0]];
  return (place) => {
    let from = known.length - 1;
    while (known[from][0] > place) from -= 1;
    const bytes = known[from][1] + encoder.encode(text.slice(known[from][0], place)).length;
    if (place > known.at(-1)[0]) known.push([place, bytes]);
    return bytes;
  };
}

const STOP = new Set(('a an and are as at be been by can could did do does for from had has have how i if in is it its may me my no '
  + 'not of on one or our shall should so than that the their them there these they this to us was we were what when where which '
  + 'while who whom why will with within would you your many much long often').split(' '));

// What a text is looked up by: words and identifiers, folded and cut to their stems.
export function terms(text) {
  const found = [];
  for (const [whole] of text.normalize('NFKC').toLowerCase().matchAll(/[\p{L}\p{N}\p{M}]+(?:[-_.][\p{L}\p{N}\p{M}]+)*/gu)) {
    found.push(stem(whole));
    if (/[-_.]/.test(whole)) found.push(...whole.split(/[-_.]/).map(stem));
  }
  return found;
}

export function asked(query) {
  const all = [...new Set(terms(query))];
  const telling = all.filter((term) => !STOP.has(term));
  return telling.length ? telling : all;
}

function stem(word) {
  if (word.length < 4 || /[0-9]/.test(word)) return word;
  const cut = word.replace(/(?:ies)$/, 'y').replace(/(?<=[^s])s$/, '').replace(/(?:ing|ed)$/, '');
  return cut.length >= 3 ? cut.replace(/e$/, '') : word;
}
