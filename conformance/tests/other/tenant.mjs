// One tenant: its documents, its index, its limits, what it remembers. Nothing here reaches another tenant.

import { createHash, createHmac, randomBytes } from 'node:crypto';
import { Exact, isNumber, isObject, Malformed, print } from './json.mjs';
import { asked, chunks, extract, terms } from './text.mjs';

const SECRET = randomBytes(32);
const CHUNKING = { size_tokens: 256, overlap_tokens: 32, strategy: 'structure' };
const TIMES = {
  cache_ttl_ms: 3600000, rate_window_ms: 60000, idempotency_ttl_ms: 86400000, session_ttl_ms: 2592000000,
  result_ttl_ms: 86400000, heartbeat_ms: 15000, deadline_ms: 30000, stream_release_ms: 1000,
};
const SATURATION = 1.2;

export class Refusal extends Error {
  constructor(code, message, details, headers = {}) {
    super(message);
    Object.assign(this, { code, details, headers });
  }
}

export const invalid = (details) => new Refusal('VALIDATION_ERROR', 'the request does not fit its schema', [details].flat());
export const missing = () => new Refusal('NOT_FOUND', 'nothing was found under this id');

export class Tenant {
  constructor(config, platform) {
    this.id = config.tenant;
    this.config = config;
    this.limits = config.limits ?? platform.default_limits;
    this.rates = config.rate_limits ?? platform.default_rate_limits;
    this.times = { ...TIMES, ...config.times };
    this.chunking = config.chunking ?? CHUNKING;
    this.top_k = config.retrieval?.top_k ?? 10;
    this.bands = config.retrieval?.confidence ?? { low: 0.2, medium: 0.45, high: 0.7 };
    this.safety = [...(config.safety ?? []), ...(platform.safety_floor ?? [])];
    this.documents = new Map();
    this.version = 0;
    this.admitted = new Map();
    this.answers = new Map();
    this.replays = new Map();
    this.queries = new Map();
  }

  // Counts a request against every limit that applies. Gives the headers; `refused` is the wait in seconds, if any.
  admit(credential, routeClass, now) {
    const window = this.times.rate_window_ms;
    const applying = [
      ['*', this.rates.tenant_requests],
      [`*/${credential.name}`, this.rates.credential_requests],
      [`${routeClass}/${credential.name}`, this.rates[`${routeClass}_requests`]],
    ].map(([name, limit]) => {
      const times = this.admitted.get(name) ?? [];
      let gone = 0;
      while (gone < times.length && times[gone] <= now - window) gone += 1;
      if (gone > 0) times.splice(0, gone);
      this.admitted.set(name, times);
      return { limit, times, left: limit - times.length };
    });
    const strictest = applying.reduce((least, it) => (it.left < least.left ? it : least));
    const refused = strictest.left <= 0;
    if (!refused) applying.forEach(({ times }) => times.push(now));
    const last = strictest.times.at(-1) ?? now;
    return {
      headers: {
        'x-ratelimit-limit': strictest.limit,
        'x-ratelimit-remaining': Math.max(0, strictest.left - 1),
        'x-ratelimit-reset': Math.ceil((last + window) / 1000),
      },
      refused: refused ? Math.max(1, Math.ceil((strictest.times[0] + window - now) / 1000)) : undefined,
    };
  }

  ingest(body, now) {
    const asking = body.get('options') ?? new Map();
    const size = Number(asking.get('size') ?? Math.min(this.chunking.size_tokens, this.limits.chunk_size_tokens_max));
    const overlap = Number(asking.get('overlap') ?? Math.min(this.chunking.overlap_tokens, size - 1));
    const options = { size, overlap, strategy: asking.get('strategy') ?? this.chunking.strategy };
    const outcomes = body.get('documents').map((input) => this.put(input, options, now));
    if (outcomes.some(({ status }) => status === 'created' || status === 'updated')) this.changed();
    return { documents: outcomes, corpus_version: this.version };
  }

  put(input, options, now) {
    const [id, content, type] = ['id', 'content', 'content_type'].map((name) => input.get(name));
    const metadata = input.get('metadata') ?? new Map();
    const content_hash = `sha256:${createHash('sha256').update(content).digest('hex')}`;
    const known = this.documents.get(id);
    const same = print([content_hash, type, metadata, options], true);
    if (known?.same === same) return { id, status: 'unchanged', chunks: known.chunks.length, content_hash };
    let text;
    try {
      text = extract(content, type);
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      const told = { code: 'VALIDATION_ERROR', message: 'the content is not valid JSON' };
      return { id, status: 'failed', chunks: known?.chunks.length ?? 0, content_hash, error: told };
    }
    const cut = chunks({ id, type }, text, options);
    const words = cut.map((chunk) => count(terms(`${chunk.heading_path.join('\n')}\n${chunk.text}`)));
    this.documents.set(id, {
      id, content_type: type, content_hash, size_bytes: Buffer.byteLength(content), metadata, text, same, chunks: cut, words,
      created_at: known?.created_at ?? stamp(now), updated_at: stamp(now),
    });
    return { id, status: known ? 'updated' : 'created', chunks: cut.length, content_hash };
  }

  document(id) {
    return this.documents.get(id) ?? (() => { throw missing(); })();
  }

  remove(id) {
    const { chunks: cut } = this.document(id);
    this.documents.delete(id);
    this.changed();
    return { id, deleted: true, chunks: cut.length };
  }

  changed() {
    this.version += 1;
    this.answers.clear();
  }

  // A page of `items`, which are ordered by `key`, and the cursor behind it.
  page(list, items, key, query) {
    const after = query.get('cursor') === undefined ? undefined : this.open(list, query.get('cursor'));
    const rest = after === undefined ? items : items.filter((item) => key(item) > after);
    const limit = Number(query.get('limit') ?? 20);
    const shown = rest.slice(0, limit);
    return [shown, rest.length > limit ? this.seal(list, key(shown.at(-1))) : undefined];
  }

  seal(list, key) {
    const place = Buffer.from(JSON.stringify(key)).toString('base64url');
    const mac = createHmac('sha256', SECRET).update(JSON.stringify([this.id, list, place])).digest('base64url');
    return `${place}.${mac}`;
  }

  open(list, cursor) {
    const place = cursor.split('.')[0];
    const key = (() => { try { return JSON.parse(Buffer.from(place, 'base64url').toString()); } catch { return undefined; } })();
    if (key === undefined || this.seal(list, key) !== cursor) {
      throw invalid({ pointer: '/query/cursor', keyword: 'cursor', message: 'is no cursor of this list' });
    }
    return key;
  }

  // The best chunks for a query. A score is the share of the query's weight that a chunk carries.
  retrieve(query, { filter, top_k, min_score }) {
    const cached = this.queries.has(query);
    const wanted = this.queries.get(query) ?? asked(query);
    if (this.queries.size > 10000) this.queries.clear();
    this.queries.set(query, wanted);
    let filtered_out = 0;
    let total = 0;
    const holders = new Map(wanted.map((term) => [term, 0]));
    const pool = [];
    for (const document of this.documents.values()) {
      const passes = !filter || [...filter].every(([key, condition]) => matches(document.metadata, key, condition));
      document.chunks.forEach((chunk, index) => {
        const words = document.words[index];
        total += 1;
        wanted.forEach((term) => { if (words.has(term)) holders.set(term, holders.get(term) + 1); });
        if (!passes) filtered_out += 1;
        else if (wanted.some((term) => words.has(term))) pool.push({ chunk, document, words });
      });
    }
    const weights = new Map(wanted.map((term) => [term, Math.log(1 + (total + 1) / (holders.get(term) + 0.5))]));
    const whole = [...weights.values()].reduce((sum, weight) => sum + weight, 0);
    const ranked = pool.map(({ chunk, document, words }) => {
      const length = 0.5 + Math.min(words.total, 2000) / 200;
      const gained = wanted.reduce((sum, term) => {
        const times = words.get(term) ?? 0;
        return sum + (weights.get(term) * times) / (times + SATURATION * length * 0.3);
      }, 0);
      return { chunk, document, raw: gained, score: Math.min(1, Math.round((gained / whole) * 1e9) / 1e9) };
    });
    ranked.sort((a, b) => b.score - a.score || (a.chunk.id < b.chunk.id ? -1 : 1));
    const found = ranked.filter(({ score }) => score >= (min_score ?? 0)).slice(0, top_k);
    return { found, ranked, cached, filtered_out, weights, whole };
  }
}

const stamp = (now) => new Date(now).toISOString();

function count(words) {
  const counted = new Map();
  for (const word of words) counted.set(word, (counted.get(word) ?? 0) + 1);
  counted.total = words.length;
  return counted;
}

// Whether metadata meets the condition on one key. Values of different kinds are never equal.
export function matches(metadata, key, condition) {
  const found = lookUp(metadata, key);
  const operators = isObject(condition) ? [...condition] : [['$eq', condition]];
  return operators.every(([operator, value]) => {
    switch (operator) {
      case '$eq': return equal(found, value);
      case '$ne': return !equal(found, value);
      case '$in': return value.some((one) => equal(found, one));
      case '$nin': return !value.some((one) => equal(found, one));
      default: return compares(operator, found, value);
    }
  });
}

// A key that holds the dots itself comes before one that is reached through them.
function lookUp(metadata, key) {
  if (metadata.has(key)) return metadata.get(key);
  return key.split('.').reduce((place, name) => (isObject(place) ? place.get(name) : undefined), metadata);
}

function equal(a, b) {
  if (isNumber(a) && isNumber(b)) return a instanceof Exact && b instanceof Exact ? a.text === b.text || Number(a) === Number(b) : Number(a) === Number(b);
  return a !== undefined && !isNumber(a) && !isNumber(b) && a === b;
}

function compares(operator, found, bound) {
  const kinds = isNumber(found) && isNumber(bound) ? 'number' : typeof found === 'string' && typeof bound === 'string' ? 'string' : undefined;
  if (!kinds) return false;
  const order = kinds === 'number' ? Number(found) - Number(bound) : Buffer.compare(Buffer.from(found), Buffer.from(bound));
  return { $lt: order < 0, $lte: order <= 0, $gt: order > 0, $gte: order >= 0 }[operator];
}
