// From a question to an answer that is made of sentences of the retrieved chunks, each with its proof.

import { invalid, Refusal } from './tenant.mjs';
import { asked, terms } from './text.mjs';

export const MODEL = 'sentences-v1';
const NOTHING = 'The documents do not answer this question.';
const MOST_SENTENCES = 2;

const DANGERS = [
  ['prompt_injection', 'prompt_injection', /\b(?:ignore|disregard|forget)\b.{0,30}\b(?:previous|prior|earlier|above)\b.{0,20}\binstructions?\b|\b(?:print|reveal|show)\b.{0,20}\bsystem prompt\b/i],
  ['abuse', 'unsafe_request', /\b(?:build|make|assemble)\b.{0,30}\b(?:bomb|explosives?|nerve agent)\b|\b(?:kill|poison)\b.{0,20}\b(?:someone|people|him|her)\b/i],
];
const CHAT = /^\W*(?:hello|hi|hey|good (?:morning|evening|afternoon)|thanks|thank you|bye|goodbye|how are you)\b/i;
const OUTSIDE = /\b(?:weather|horoscope|lottery|football (?:score|result)s?)\b/i;

// Refuses what the tenant's rules or common sense block.
export function guard(tenant, query) {
  for (const [name, category, expression] of DANGERS) {
    if (!expression.test(query)) continue;
    const rule = tenant.safety.find((it) => it.filter === name && it.direction === 'input' && it.action === 'block');
    const unsafe = name === 'abuse' ? { threshold: 0.5 } : undefined;
    const { threshold } = rule ?? unsafe ?? {};
    if (threshold === undefined) continue;
    const told = { message: 'the request was refused by the input filter', filter: 'input', category, score: 1, threshold };
    throw new Refusal('CONTENT_BLOCKED', 'the request was refused by a safety filter', [told]);
  }
}

function intentOf(query) {
  if (CHAT.test(query) && asked(query).length <= 4) return ['chit_chat', 0.9];
  if (OUTSIDE.test(query)) return ['out_of_scope', 0.8];
  return [/^\s*(?:open|show|list|go to)\b/i.test(query) ? 'navigational' : 'question', 0.7];
}

export function search(tenant, body, requestId, now) {
  const begun = performance.now();
  const query = body.get('query');
  if (body.has('model') && body.get('model') !== MODEL) {
    throw invalid({ pointer: '/model', keyword: 'enum', message: 'must be a model that GET /capabilities lists', allowed: [MODEL] });
  }
  guard(tenant, query);
  const mode = body.get('cache') ?? 'use';
  const top_k = Number(body.get('top_k') ?? tenant.top_k);
  const min_score = body.has('min_score') ? Number(body.get('min_score')) : undefined;
  const ttl = tenant.times.cache_ttl_ms;
  const key = JSON.stringify([query.trim().replace(/\s+/g, ' ').toLowerCase(), top_k, min_score, body.get('correct_spelling') ?? true, filterKey(body.get('filter'))]);
  const kept = tenant.answers.get(key);
  const timings = { total: 0, rewrite: 0, embed: 0, retrieve: 0, rerank: 0, generate: 0 };
  const usage = { tokens_in: 0, tokens_out: 0, cost_usd: 0 };
  const finish = (answer, cache) => {
    timings.total = Math.max(0.001, performance.now() - begun);
    answer.query = { ...answer.query, original: query };
    return { ...answer, cache, timings_ms: timings, usage, request_id: requestId };
  };
  if (mode === 'use' && kept && now - kept.at < ttl) {
    return finish({ ...kept.answer }, { hit: true, age_ms: now - kept.at, ttl_ms: ttl - (now - kept.at) });
  }
  const [intent, intent_score] = intentOf(query);
  const understood = { original: query, intent, intent_score, rewritten: query, expansions: [], corrections: [] };
  let answer = { answer: NOTHING, citations: [], sources: [], confidence: { score: 0, band: 'none', reasons: ['nothing was looked up'] }, follow_ups: [], query: understood };
  if (intent === 'question' || intent === 'navigational') {
    const before = performance.now();
    const result = tenant.retrieve(query, { filter: body.get('filter'), top_k, min_score });
    timings.retrieve = performance.now() - before;
    answer = { ...answer, ...write(tenant, result) };
    timings.generate = performance.now() - before - timings.retrieve;
  }
  const stores = mode !== 'bypass';
  if (stores) tenant.answers.set(key, { answer, at: now });
  return finish({ ...answer }, { hit: false, age_ms: 0, ttl_ms: stores ? ttl : 0 });
}

const filterKey = (filter) => (filter ? JSON.stringify([...filter].map(([key, it]) => [key, it instanceof Map ? [...it].map(([name, value]) => [name, plain(value)]) : plain(it)])) : null);
const plain = (value) => (Array.isArray(value) ? value.map(plain) : typeof value === 'object' && value !== null ? { exact: value.text } : value);

function write(tenant, { found, weights, whole }) {
  const candidates = found.flatMap(({ chunk, document, score }) => sentences(chunk.text).map((it) => ({ ...it, chunk, document, score, share: share(it.text, weights, whole) })));
  candidates.sort((a, b) => b.share + b.score * 0.5 - (a.share + a.score * 0.5));
  const best = candidates[0];
  const score = best ? Math.min(1, Math.round((best.share * 0.8 + best.score * 0.2) * 1000) / 1000) : 0;
  const band = ['high', 'medium', 'low'].find((name) => score >= tenant.bands[name]) ?? 'none';
  if (band === 'none') {
    return { confidence: { score, band, reasons: [found.length ? 'no sentence carries enough of the question' : 'nothing was found'] } };
  }
  const chosen = candidates.filter((it, index) => it.share >= best.share * 0.75 && it.share > 0
    && candidates.findIndex((other) => other.text === it.text) === index).slice(0, MOST_SENTENCES);
  let text = '';
  const citations = chosen.map((it, index) => {
    const start = Buffer.byteLength(text === '' ? '' : `${text} `);
    text = `${text}${text === '' ? '' : ' '}${it.text} [${index + 1}]`;
    const offset = Buffer.byteLength(it.chunk.text.slice(0, it.at));
    return {
      marker: index + 1, source: it.document.id, chunk_id: it.chunk.id, quote: it.text,
      chunk_span: { start: offset, end: offset + Buffer.byteLength(it.text) },
      answer_span: { start, end: Buffer.byteLength(text) }, confidence: Math.min(1, it.share),
    };
  });
  const sources = new Map();
  for (const { chunk, document, score: own } of found) {
    const source = sources.get(document.id) ?? { document_id: document.id, title: titleOf(document), score: own, chunk_ids: [], metadata: document.metadata };
    source.chunk_ids.push(chunk.id);
    sources.set(document.id, source);
  }
  const reasons = [`the best sentence carries ${Math.round(best.share * 100)} percent of the question`];
  return { answer: text, citations, sources: [...sources.values()], confidence: { score, band, reasons } };
}

function titleOf(document) {
  const title = document.metadata.get('title') ?? document.chunks[0]?.heading_path[0];
  return typeof title === 'string' && title !== '' && [...title].length <= 500 ? title : undefined;
}

// What of the question's weight a sentence carries.
function share(text, weights, whole) {
  const words = new Set(terms(text));
  let sum = 0;
  for (const [term, weight] of weights) if (words.has(term)) sum += weight;
  return sum / whole;
}

// Sentences and lines that may be said: no headings, nothing that could load or lead anywhere.
function sentences(text) {
  const found = [];
  for (const { 0: whole, index } of text.matchAll(/[^\n]+?(?:[.!?。](?=\s|$)|(?=\n|$))/g)) {
    const said = whole.trim();
    const at = index + whole.indexOf(said);
    if (said.length < 3 || said.length > 2000 || /^#|^[\s|:-]+$|:\/\/|[<>]|\]\(|!\[|\[[0-9]+\]|\bwww\./.test(said)) continue;
    found.push({ text: said, at });
  }
  return found;
}
