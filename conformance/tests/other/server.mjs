// A second, deliberately small implementation of the contract, which shares no code with the reference: what the suite asks of
// it, it asks of any deployment. It keeps everything in memory, looks up by words alone, and has no optional feature but
// `deterministic`. Needs Node 20.15 or newer and no package.
//
//   node server.mjs PORT CONTRACT FIXTURES     CONTRACT: the bundled OpenAPI document; FIXTURES: the program that prints tenants

import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, STATUS_CODES } from 'node:http';
import { MODEL, search } from './answer.mjs';
import * as gate from './gate.mjs';
import { print } from './json.mjs';
import { Schemas } from './schema.mjs';
import { invalid, missing, Refusal, Tenant } from './tenant.mjs';
import { TOKENIZER } from './text.mjs';

const [port, contract, fixtures] = process.argv.slice(2);
const served = readFileSync(contract);
const contractDocument = JSON.parse(served);
const schemas = new Schemas(contractDocument);
const table = gate.routes(contractDocument);
const { platform, tenants: configs } = JSON.parse(execFileSync(fixtures, ['tenants'], { maxBuffer: 1 << 26 }));
const tenants = configs.map((config) => new Tenant(config, platform));
const doors = new gate.Doors(tenants);
const STATUSES = new Map(Object.entries(contractDocument.components.schemas.ErrorCode['x-statuses'])
  .flatMap(([status, codes]) => codes.map((code) => [code, Number(status)])));
const VERSION = '1.0.0';
const MOST_METADATA = 10240;

const page = () => {
  const rows = Object.entries(contractDocument.paths).flatMap(([path, methods]) => Object.entries(methods)
    .map(([method, { summary }]) => `<tr><td><code>${method.toUpperCase()} ${path}</code></td><td>${summary}</td></tr>`));
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Plumbline</title></head><body><h1>Plumbline ${contractDocument.info.version}</h1>`
    + `<table>${rows.join('')}</table><p>The whole contract: <a href="/openapi.json">openapi.json</a></p></body></html>`;
};

const operations = {
  get_health: () => ({ status: 'ok', version: VERSION, contract_version: contractDocument.info.version, dependencies: [] }),
  get_openapi: () => ({ raw: served, type: 'application/json' }),
  get_docs: () => ({ raw: page(), type: 'text/html; charset=utf-8' }),
  get_capabilities: ({ tenant }) => ({
    contract_version: contractDocument.info.version,
    implementation: { name: 'small-other', version: VERSION },
    tenant: tenant.id,
    isolation: 'store_per_tenant',
    embedding: { model: 'weighted-words-v1', dimensions: 1, kind: 'lexical' },
    tokenizer: TOKENIZER,
    generator: { model: MODEL, kind: 'extractive' },
    reranker: { enabled: false },
    retrieval_modes: ['lexical'],
    models: [MODEL],
    features: ['deterministic'],
    tools: [],
    tts: { enabled: false, formats: [] },
    limits: tenant.limits,
    times: tenant.times,
    consistency_ms: 0,
  }),
  ingest: ({ tenant, body, now }) => tenant.ingest(body, now),
  list_jobs: ({ tenant, query }) => ({ jobs: tenant.page('jobs', [], String, query)[0] }),
  get_job: () => { throw missing(); },
  cancel_job: () => { throw missing(); },
  get_job_result: () => { throw missing(); },
  list_documents: ({ tenant, query }) => {
    const all = [...tenant.documents.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
    const [documents, next_cursor] = tenant.page('documents', all, ({ id }) => id, query);
    return { documents: documents.map(summary), next_cursor };
  },
  get_document: ({ tenant, path }) => ({ ...summary(tenant.document(path.id)), text: tenant.document(path.id).text }),
  delete_document: ({ tenant, path }) => tenant.remove(path.id),
  list_document_chunks: ({ tenant, path, query }) => {
    const [chunks, next_cursor] = tenant.page(`chunks of ${path.id}`, tenant.document(path.id).chunks, ({ ordinal }) => ordinal, query);
    return { chunks, next_cursor };
  },
  retrieve: ({ tenant, body }) => {
    const bounds = { filter: body.get('filter'), top_k: Number(body.get('top_k') ?? 10), min_score: number(body.get('min_score')) };
    const { found, ranked, cached, filtered_out } = tenant.retrieve(body.get('query'), bounds);
    const explain = body.get('explain') === true
      ? {
        embedding_cache_hit: cached, mode: 'lexical', embedding_model: 'weighted-words-v1', filtered_out,
        candidates: ranked.slice(0, 1000).map(({ chunk, raw, score }) => ({ chunk_id: chunk.id, lexical: raw, fused: score })),
      } : undefined;
    const chunks = found.map(({ chunk, document, score }, index) => ({
      rank: index + 1, score, chunk_id: chunk.id, document_id: document.id, span: chunk.span, text: chunk.text,
      heading_path: chunk.heading_path, metadata: document.metadata,
    }));
    return { chunks, explain };
  },
  search: ({ tenant, body, requestId, now }) => search(tenant, body, requestId, now),
};

const number = (value) => (value === undefined ? undefined : Number(value));
const summary = ({ id, content_type, content_hash, size_bytes, chunks, metadata, created_at, updated_at }) => ({
  id, content_type, content_hash, size_bytes, chunks: chunks.length, metadata, created_at, updated_at,
});

// Bounds that the tenant sets and values that contradict each other.
function checkLimits(id, tenant, body) {
  const { limits } = tenant;
  const wrong = [];
  const over = (pointer, keyword, limit) => wrong.push({ pointer, keyword, message: `must be at most ${limit}`, limit });
  if (id === 'ingest') {
    const documents = body.get('documents');
    if (documents.length > limits.documents_per_request) over('/documents', 'maxItems', limits.documents_per_request);
    const seen = new Set();
    documents.forEach((input, index) => {
      const name = input.get('id');
      if (seen.has(name)) wrong.push({ pointer: `/documents/${index}/id`, keyword: 'uniqueItems', message: 'stands twice in the request' });
      seen.add(name);
      const bytes = Buffer.byteLength(print(input.get('metadata') ?? new Map()));
      if (bytes > MOST_METADATA) over(`/documents/${index}/metadata`, 'maxLength', MOST_METADATA);
    });
    const size = Number(body.get('options')?.get('size') ?? tenant.chunking.size_tokens);
    const overlap = Number(body.get('options')?.get('overlap') ?? 0);
    if (size > limits.chunk_size_tokens_max) over('/options/size', 'maximum', limits.chunk_size_tokens_max);
    if (overlap >= size) wrong.push({ pointer: '/options/overlap', keyword: 'maximum', message: 'must be smaller than the size', limit: size - 1 });
  } else if (body.has('query') && [...body.get('query')].length > limits.query_chars) {
    over('/query', 'maxLength', limits.query_chars);
  }
  if (body.has('mode') && body.get('mode') !== 'lexical') {
    wrong.push({ pointer: '/mode', keyword: 'enum', message: 'must be a mode that GET /capabilities lists', allowed: ['lexical'] });
  }
  if (wrong.length) throw invalid(wrong);
}

function checkFeatures(operation, body) {
  const needed = operation['x-feature'] ?? [
    ['async_ingest', body?.get('async') === true], ['rerank', body?.get('rerank') === true],
    ['search_streaming', body?.get('stream') === true], ['sessions', body?.has('session_id')],
  ].find(([, needs]) => needs)?.[0];
  if (needed) {
    const details = [{ message: `\`${needed}\` is not enabled for this tenant`, capability: needed }];
    throw new Refusal(needed === 'tts' ? 'TTS_NOT_ENABLED' : 'CAPABILITY_NOT_ENABLED', 'the feature is not enabled', details);
  }
}

// The stored answer of an earlier request with the same key, or the answer of `run`, which is then stored.
function once(tenant, id, key, body, now, run) {
  if (key === undefined) return run();
  const name = `${id} ${key}`;
  const hash = createHash('sha256').update(print(body, true)).digest('hex');
  const stored = tenant.replays.get(name);
  if (stored && now - stored.at < tenant.times.idempotency_ttl_ms) {
    if (stored.hash !== hash) throw new Refusal('IDEMPOTENCY_CONFLICT', 'the key was used with another body');
    return { raw: stored.text, type: 'application/json', headers: { 'idempotent-replayed': 'true' } };
  }
  const text = print(run());
  tenant.replays.set(name, { hash, text, at: now });
  return { raw: text, type: 'application/json' };
}

async function answer(request, headers, context) {
  const now = Date.now();
  if ((request.headersDistinct.host ?? []).length > 1 || request.rawHeaders.filter((it, index) => index % 2 === 0 && it.toLowerCase() === 'host').length > 1) {
    headers.connection = 'close';
    throw invalid({ pointer: '/header/host', keyword: 'maxItems', message: 'must be sent once', limit: 1 });
  }
  const [path, ...rest] = request.url.split('?');
  const { operation, path: values } = gate.route(table, request.method, path);
  const { operationId: id } = operation;
  if (operation['x-route-class'] !== 'open') {
    const { tenant, credential } = doors.caller(request, now);
    doors.confirm(tenant, request);
    context.tenant = tenant;
    headers['x-tenant-id'] = tenant.id;
    const counted = tenant.admit(credential, operation['x-route-class'], now);
    Object.assign(headers, counted.headers);
    if (counted.refused) throw new Refusal('RATE_LIMITED', 'the rate limit is reached', undefined, { 'retry-after': counted.refused });
    gate.checkScopes(operation['x-scopes'], credential);
  }
  const { tenant } = context;
  const bytes = operation.requestBody ? await gate.readBody(request, tenant.limits.body_bytes) : undefined;
  gate.checkMediaTypes(operation, request);
  const body = bytes && gate.readJson(bytes);
  const parameters = gate.checkParameters(schemas, operation, request, rest.join('?'), values);
  if (body !== undefined) {
    const wrong = schemas.check(operation.requestBody.content['application/json'].schema, body);
    if (wrong.length) throw invalid(wrong);
    checkLimits(id, tenant, body);
  }
  checkFeatures(operation, body);
  const call = () => operations[id]({ ...parameters, tenant, body, now, requestId: context.requestId });
  return id === 'ingest' ? once(tenant, id, request.headers['idempotency-key'], body, now, call) : call();
}

function preflight(request, headers) {
  const { origin, 'access-control-request-method': method } = request.headers;
  if (request.method !== 'OPTIONS' || origin === undefined || method === undefined) return false;
  if (tenants.some((tenant) => tenant.config.cors_origins?.includes(origin))) {
    headers['access-control-allow-origin'] = origin;
    headers['access-control-allow-methods'] = 'GET, POST, DELETE';
    headers['access-control-allow-headers'] = 'authorization, content-type, idempotency-key, x-request-id, x-tenant-id, traceparent, tracestate';
  }
  return true;
}

function requestIdOf(given) {
  if (/^[A-Za-z0-9._-]{1,128}$/.test(given ?? '')) return given;
  const bytes = randomBytes(16);
  bytes.writeUIntBE(Date.now(), 0, 6);
  bytes[6] = (bytes[6] & 0x0f) | 0x70;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

function errorBody(error, requestId) {
  const details = error.details?.slice(0, 100).map((it) => ({ ...it, pointer: it.pointer === undefined ? undefined : pointer(it.pointer) }));
  return { error: { code: error.code, message: error.message, details, request_id: requestId } };
}

// A pointer that is too long for an error gives way to the nearest place above that is not.
const pointer = (text) => ([...text].length <= 1024 ? text : pointer(text.slice(0, text.lastIndexOf('/'))));

const server = createServer(async (request, response) => {
  const requestId = requestIdOf(request.headersDistinct['x-request-id']?.[0]);
  const headers = { 'x-request-id': requestId, 'cache-control': 'no-store', vary: 'origin' };
  const context = { requestId };
  const send = (status, text, type, more = {}) => {
    const origin = request.headers.origin;
    if (context.tenant?.config.cors_origins?.includes(origin)) headers['access-control-allow-origin'] = origin;
    const body = Buffer.from(text);
    response.writeHead(status, { ...headers, ...more, ...(type && { 'content-type': type }), 'content-length': body.length });
    response.end(request.method === 'HEAD' ? undefined : body);
  };
  if (preflight(request, headers)) return send(204, '');
  try {
    const given = await answer(request, headers, context);
    send(200, given.raw ?? print(given), given.type ?? 'application/json', given.headers);
  } catch (error) {
    if (!(error instanceof Refusal)) console.error(error);
    const known = error instanceof Refusal ? error : new Refusal('INTERNAL_ERROR', 'the request could not be answered');
    send(STATUSES.get(known.code), print(errorBody(known, requestId)), 'application/json', known.headers);
  }
});

// What is no request at all: two lengths, a folded line, a NUL.
server.on('clientError', (error, socket) => {
  if (!socket.writable) return;
  const requestId = requestIdOf();
  const body = print(errorBody(invalid({ pointer: '/header', keyword: 'format', message: 'the request is not well-formed HTTP' }), requestId));
  socket.end(`HTTP/1.1 400 ${STATUS_CODES[400]}\r\nx-request-id: ${requestId}\r\ncache-control: no-store\r\ncontent-type: application/json\r\n`
    + `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`);
});
server.keepAliveTimeout = 60000;
server.listen(Number(port), '127.0.0.1', () => console.log(`listening on http://127.0.0.1:${port}`));
process.on('SIGTERM', () => { server.close(() => process.exit(0)); server.closeAllConnections(); });
