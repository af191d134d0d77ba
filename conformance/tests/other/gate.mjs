// What every request passes before its operation is called, in the contract's order: route, credential, tenant, rate limit,
// scope, size, content type, accept, JSON, schema.

import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { Exact, Malformed, parse } from './json.mjs';
import { invalid, missing, Refusal } from './tenant.mjs';

const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

// The operations of the contract by path, those without parameters first.
export function routes(document) {
  const paths = Object.entries(document.paths).map(([path, methods]) => ({
    segments: path.split('/'),
    methods: Object.fromEntries(Object.entries(methods).map(([method, operation]) => [method.toUpperCase(), operation])),
  }));
  return paths.sort((a, b) => parameters(a).length - parameters(b).length);
}

const parameters = ({ segments }) => segments.filter((segment) => segment.startsWith('{'));

export function route(table, method, path) {
  const given = path.split('/');
  const fits = ({ segments }) => segments.length === given.length
    && segments.every((segment, index) => (segment.startsWith('{') ? given[index] !== '' : segment === given[index]));
  const found = table.find(fits);
  if (!found) throw new Refusal('NOT_FOUND', 'the contract has no such path');
  const operation = found.methods[method];
  const allow = Object.keys(found.methods).join(', ');
  if (!operation) throw new Refusal('METHOD_NOT_ALLOWED', 'the path has no such method', undefined, { allow });
  const values = found.segments.flatMap((segment, index) => (segment.startsWith('{') ? [[segment.slice(1, -1), given[index]]] : []));
  return { operation, path: Object.fromEntries(values), methods: found.methods };
}

// Finds who calls by the key alone.
export class Doors {
  constructor(tenants) {
    this.keys = new Map();
    this.hosts = new Map();
    for (const tenant of tenants) {
      tenant.config.hostnames?.forEach((name) => this.hosts.set(name, tenant));
      tenant.config.credentials.forEach((credential) => this.keys.set(credential.key_sha256, { tenant, credential }));
    }
  }

  caller(request, now) {
    const fields = request.headersDistinct.authorization ?? [];
    if (fields.length > 1) {
      throw invalid({ pointer: '/header/authorization', keyword: 'maxItems', message: 'must be sent once', limit: 1 });
    }
    const [, key] = /^bearer +([!-~]+)$/i.exec(fields[0] ?? '') ?? [];
    const found = key && isWhole(key) ? this.keys.get(createHash('sha256').update(key).digest('hex')) : undefined;
    const { state, expires_at } = found?.credential ?? {};
    if (!found || state === 'revoked' || (expires_at && Date.parse(expires_at) <= now)) {
      const headers = { 'www-authenticate': 'Bearer realm="plumbline"' };
      throw new Refusal('UNAUTHORIZED', 'a valid credential is needed', undefined, headers);
    }
    return found;
  }

  // The host and the header may confirm the tenant of the credential; they choose none.
  confirm(tenant, request) {
    const host = (request.headers.host ?? '').replace(/:[0-9]*$/, '').toLowerCase();
    const other = this.hosts.get(host);
    const named = request.headersDistinct['x-tenant-id'] ?? [];
    if ((other && other !== tenant) || named.some((name) => name !== tenant.id)) {
      throw new Refusal('TENANT_MISMATCH', 'the credential belongs to another tenant than the one that is named');
    }
  }
}

// Whether the last six characters are the checksum of all before them.
function isWhole(key) {
  if (!/^pl_[a-z0-9-]+_[0-9A-Za-z]{38}$/.test(key)) return false;
  const sum = crc32(key.slice(0, -6));
  const digits = [5, 4, 3, 2, 1, 0].map((place) => DIGITS[Math.floor(sum / 62 ** place) % 62]);
  return key.endsWith(digits.join(''));
}

export function checkScopes({ all_of, any_of }, { scopes }) {
  const holds = (scope) => scopes.includes(scope) || (scope !== 'operator' && scopes.includes('admin'));
  const lacking = all_of ? all_of.filter((scope) => !holds(scope)) : any_of.some(holds) ? [] : any_of;
  if (lacking.length) {
    const details = lacking.map((scope) => ({ message: `the credential lacks the scope \`${scope}\``, scope }));
    throw new Refusal('FORBIDDEN', 'the credential lacks a scope that the operation needs', details);
  }
}

export async function readBody(request, most) {
  const tooLarge = () => new Refusal('PAYLOAD_TOO_LARGE', 'the body is larger than it may be', [{ message: 'the body has too many bytes', limit: most }]);
  if (Number(request.headers['content-length'] ?? 0) > most) throw tooLarge();
  const parts = [];
  let size = 0;
  for await (const part of request.iterator({ destroyOnReturn: false })) {
    size += part.length;
    if (size > most) throw tooLarge();
    parts.push(part);
  }
  return Buffer.concat(parts);
}

export function checkMediaTypes(operation, request) {
  if (operation.requestBody) {
    const type = (request.headers['content-type'] ?? '').toLowerCase();
    const coding = request.headers['content-encoding'] ?? 'identity';
    if (!/^application\/json *(?:; *charset="?utf-8"? *)?$/.test(type) || coding !== 'identity') {
      throw new Refusal('UNSUPPORTED_MEDIA_TYPE', 'the body must be application/json');
    }
  }
  const produced = Object.entries(operation.responses).filter(([status]) => status.startsWith('2'))
    .flatMap(([, response]) => Object.keys(response.content ?? {}));
  if (request.headers.accept !== undefined && !produced.some((type) => accepts(request.headers.accept, type))) {
    throw new Refusal('NOT_ACCEPTABLE', 'the operation answers nothing that is accepted');
  }
}

// The most telling range that fits decides.
function accepts(header, type) {
  const [major] = type.split('/');
  let best = [0, 0];
  for (const part of header.split(',')) {
    const [range, ...rest] = part.split(';').map((it) => it.trim().toLowerCase());
    const rank = [['*/*', 1], [`${major}/*`, 2], [type, 3]].find(([name]) => name === range)?.[1] ?? 0;
    const quality = rest.map((it) => /^q=([0-9.]+)$/.exec(it)?.[1]).find((it) => it !== undefined);
    if (rank > best[0]) best = [rank, quality === undefined ? 1 : Number(quality)];
  }
  return best[1] > 0;
}

export function readJson(bytes) {
  try {
    return parse(bytes);
  } catch (error) {
    if (error instanceof Malformed) throw new Refusal('MALFORMED_JSON', 'the body is not JSON text', [{ message: error.message }]);
    throw error;
  }
}

// Checks path, query and header parameters. Gives the query's values and the path's.
export function checkParameters(schemas, operation, request, search, path) {
  const known = Object.fromEntries(['path', 'query', 'header'].map((place) => [place, operation.parameters.filter((it) => it.in === place)]));
  const decoded = {};
  for (const { name, schema } of known.path) {
    try {
      decoded[name] = decodeURIComponent(path[name]);
    } catch {
      throw missing();
    }
    if (schemas.check(schema, decoded[name]).length) throw missing();
  }
  const wrong = [];
  const query = new Map();
  const pairs = search === '' ? [] : search.split('&').map((pair) => pair.split(/=(.*)/s));
  for (const [rawName, rawValue = ''] of pairs) {
    const [name, value] = [rawName, rawValue].map(unescape);
    const parameter = known.query.find((it) => it.name === name);
    if (!parameter || value === undefined) {
      wrong.push({ pointer: `/query/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`, keyword: 'additionalProperties', message: 'is not a query parameter of the operation' });
    } else if (query.has(name)) {
      wrong.push({ pointer: `/query/${name}`, keyword: 'maxItems', message: 'must be sent once', limit: 1 });
    } else {
      wrong.push(...schemas.check(parameter.schema, typed(schemas.resolve(parameter.schema), value), `/query/${name}`));
      query.set(name, value);
    }
  }
  for (const parameter of known.header.filter((it) => it['x-when-invalid'] !== 'TENANT_MISMATCH')) {
    for (const value of request.headersDistinct[parameter.name.toLowerCase()] ?? []) {
      wrong.push(...schemas.check(parameter.schema, value, `/header/${parameter.name}`));
    }
  }
  if (wrong.length) throw invalid(wrong);
  return { query, path: decoded };
}

const typed = ({ type }, value) => (type === 'integer' && /^-?(?:0|[1-9][0-9]*)$/.test(value) ? new Exact(value) : value);

function unescape(text) {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return undefined;
  }
}
