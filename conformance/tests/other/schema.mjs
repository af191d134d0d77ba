// Checks values against the schemas of the contract: the keywords of its profile and nothing else.

import { Exact, isNumber, isObject, print } from './json.mjs';

const DATE = /^[0-9]{4}-[0-9]{2}-[0-9]{2}$/;

export class Schemas {
  constructor(document) {
    this.document = document;
    this.patterns = new Map();
  }

  resolve(schema) {
    let found = schema;
    while (found?.$ref) {
      const names = found.$ref.replace('#/', '').split('/').map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~'));
      found = names.reduce((place, name) => place?.[name], this.document);
    }
    return found;
  }

  // Everything that is wrong with `value`, as details of an error.
  check(reference, value, pointer = '') {
    const schema = this.resolve(reference);
    if (schema.anyOf) return this.any(schema.anyOf, value, pointer);
    const wrong = (keyword, message, limit, at = pointer) => ({ pointer: at, keyword, message, limit });
    if (schema.type && !fits(schema.type, value)) return [wrong('type', `must be of type ${schema.type}`)];
    const found = [];
    const bound = (keyword, holds, message) => {
      const limit = schema[keyword];
      if (limit !== undefined && !holds(limit)) {
        found.push(wrong(keyword, message(limit), Number.isInteger(limit) && limit >= 0 ? limit : undefined));
      }
    };
    if (schema.enum && !schema.enum.some((known) => print(known) === print(value))) {
      found.push({ ...wrong('enum', 'must be one of the listed values'), allowed: schema.enum.map(String) });
    }
    if (typeof value === 'string') {
      const length = [...value].length;
      bound('minLength', (limit) => length >= limit, (limit) => `must have at least ${limit} characters`);
      bound('maxLength', (limit) => length <= limit, (limit) => `must have at most ${limit} characters`);
      if (schema.pattern && !this.pattern(schema.pattern).test(value)) {
        found.push(wrong('pattern', 'must have the form that the contract gives'));
      }
      if (schema.format === 'date' && !isDate(value)) found.push(wrong('format', 'must be a date such as 2026-11-22'));
    } else if (isNumber(value)) {
      const compare = (limit) => order(value, limit);
      bound('minimum', (limit) => compare(limit) >= 0, (limit) => `must be at least ${limit}`);
      bound('maximum', (limit) => compare(limit) <= 0, (limit) => `must be at most ${limit}`);
      bound('exclusiveMinimum', (limit) => compare(limit) > 0, (limit) => `must be above ${limit}`);
      bound('exclusiveMaximum', (limit) => compare(limit) < 0, (limit) => `must be below ${limit}`);
    } else if (Array.isArray(value)) {
      bound('minItems', (limit) => value.length >= limit, (limit) => `must have at least ${limit} items`);
      bound('maxItems', (limit) => value.length <= limit, (limit) => `must have at most ${limit} items`);
      if (schema.uniqueItems && new Set(value.map((item) => print(item, true))).size < value.length) {
        found.push(wrong('uniqueItems', 'must not repeat an item'));
      }
      if (schema.items) value.forEach((item, index) => found.push(...this.check(schema.items, item, `${pointer}/${index}`)));
    } else if (isObject(value)) {
      bound('minProperties', (limit) => value.size >= limit, (limit) => `must have at least ${limit} properties`);
      bound('maxProperties', (limit) => value.size <= limit, (limit) => `must have at most ${limit} properties`);
      for (const name of schema.required ?? []) {
        if (!value.has(name)) found.push(wrong('required', 'is missing', undefined, `${pointer}/${escape(name)}`));
      }
      for (const [name, field] of value) {
        const at = `${pointer}/${escape(name)}`;
        if (schema.propertyNames && this.check(schema.propertyNames, name, at).length) {
          found.push(wrong('propertyNames', 'is no name that the contract allows', undefined, at));
        }
        const known = schema.properties && Object.hasOwn(schema.properties, name) ? schema.properties[name] : undefined;
        if (known) found.push(...this.check(known, field, at));
        else if (schema.additionalProperties === false) {
          found.push(wrong('additionalProperties', 'is not a field of the contract', undefined, at));
        } else if (schema.additionalProperties && schema.additionalProperties !== true) {
          found.push(...this.check(schema.additionalProperties, field, at));
        }
      }
    }
    return found;
  }

  // The branch that comes closest tells what is wrong.
  any(branches, value, pointer) {
    let closest;
    for (const branch of branches) {
      const found = this.check(branch, value, pointer);
      if (found.length === 0) return [];
      const here = found.some((detail) => detail.pointer === pointer && detail.keyword === 'type');
      if (!closest || (closest.here && !here)) closest = { found, here };
    }
    return closest.here ? [{ pointer, keyword: 'anyOf', message: 'is of none of the kinds that the contract allows' }] : closest.found;
  }

  pattern(text) {
    if (!this.patterns.has(text)) this.patterns.set(text, new RegExp(text, 'u'));
    return this.patterns.get(text);
  }
}

export const escape = (name) => name.replaceAll('~', '~0').replaceAll('/', '~1');

function fits(type, value) {
  switch (type) {
    case 'object': return isObject(value);
    case 'array': return Array.isArray(value);
    case 'integer': return isNumber(value) && isWhole(value);
    case 'number': return isNumber(value);
    case 'null': return value === null;
    default: return typeof value === type;
  }
}

const isWhole = (value) => (value instanceof Exact && /^-?[0-9]+$/.test(value.text) ? true : Number.isInteger(Number(value)));

// Compares exactly where a double would round an integer into its bound.
function order(value, limit) {
  if (value instanceof Exact && /^-?[0-9]+$/.test(value.text) && Number.isInteger(limit)) {
    const [a, b] = [BigInt(value.text), BigInt(limit)];
    return a < b ? -1 : a > b ? 1 : 0;
  }
  return Number(value) - limit;
}

function isDate(text) {
  const time = Date.parse(`${text}T00:00:00Z`);
  return DATE.test(text) && !Number.isNaN(time) && new Date(time).toISOString().startsWith(text);
}
