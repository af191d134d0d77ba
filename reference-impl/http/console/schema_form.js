// A form made from a JSON Schema of an object, and the value that it holds. What no control fits is typed as JSON.

import { button, check, choice, coded, field, h } from "./dom.js";
import { words } from "./text.js";

/** Longest text that gets a line rather than a box, in characters. */
const LINE = 200;

/**
 * `element` is the form's fields; `value()` reads them, and throws an Error that names the field where it cannot;
 * `point(pointer)` shows the field that a JSON Pointer names.
 */
export function schemaForm(schema) {
  const controls = new Map();
  const root = node(resolve(schema, schema), schema, "", controls);
  return {
    element: root.element,
    value: () => root.read() ?? {},
    point(pointer) {
      const control = controls.get(pointer);
      control?.setAttribute("aria-invalid", "true");
      control?.focus();
    },
    clear() {
      for (const control of controls.values()) control.removeAttribute("aria-invalid");
    },
  };
}

/** The schema itself, or the one of the same document that it refers to. */
function resolve(schema, whole, depth = 0) {
  const reference = schema?.$ref;
  if (typeof reference !== "string" || depth > 8) return schema ?? {};
  const names = reference.startsWith("#/") ? reference.slice(2).split("/").map((name) => name.replaceAll("~1", "/").replaceAll("~0", "~")) : [];
  const found = names.reduce((place, name) => (place && Object.hasOwn(place, name) ? place[name] : undefined), whole);
  return resolve({ ...found, ...schema, $ref: found?.$ref }, whole, depth + 1);
}

function kind(schema) {
  if (Array.isArray(schema.enum) && schema.enum.every((it) => ["string", "number", "boolean"].includes(typeof it))) return "enum";
  if ("const" in schema || ["anyOf", "oneOf", "allOf", "not", "if"].some((word) => word in schema)) return "json";
  if (schema.type === "object" && schema.properties && schema.additionalProperties !== true) return "object";
  if (schema.type === "array" && schema.items && !Array.isArray(schema.items)) return "array";
  return ["string", "integer", "number", "boolean"].includes(schema.type) ? schema.type : "json";
}

/** One place of the value: its element, how it is read (undefined where it is left out), and its label. */
function node(schema, whole, pointer, controls, label = "", required = true) {
  const make = { object, array, enum: one_of, string: text, integer: number, number, boolean, json }[kind(schema)];
  return make({ schema, whole, pointer, controls, label, required, name: schema.title ?? label });
}

function object({ schema, whole, pointer, controls, name, required }) {
  const needed = new Set(schema.required ?? []);
  const members = Object.entries(schema.properties).map(([key, member]) => {
    const place = `${pointer}/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`;
    return [key, node(resolve(member, whole), whole, place, controls, words(key), needed.has(key))];
  });
  const parts = members.map(([, member]) => member.element);
  const element = pointer === "" ? h("div", { class: "schema" }, parts)
    : h("fieldset", {}, h("legend", {}, name), hint(schema), parts);
  return {
    element,
    read() {
      const value = {};
      for (const [key, member] of members) {
        const read = member.read();
        if (read !== undefined) Object.defineProperty(value, key, { value: read, enumerable: true, configurable: true });
      }
      return required || Object.keys(value).length > 0 ? value : undefined;
    },
  };
}

function array({ schema, whole, pointer, controls, name, required }) {
  const items = h("div", { class: "items" });
  const rows = [];
  const most = schema.maxItems ?? Infinity;
  const add = () => {
    if (rows.length >= most) return;
    const item = node(resolve(schema.items, whole), whole, `${pointer}/${rows.length}`, controls, `${name} ${rows.length + 1}`);
    const row = { item, element: h("div", { class: "item" }, item.element, button("Remove", () => {
      rows.splice(rows.indexOf(row), 1);
      row.element.remove();
    }, { class: "quiet", "aria-label": `Remove ${name} ${rows.length + 1}` })) };
    rows.push(row);
    items.append(row.element);
  };
  for (let at = 0; at < Math.max(schema.minItems ?? 0, required ? 1 : 0); at += 1) add();
  return {
    element: h("fieldset", {}, h("legend", {}, name + (required ? "" : " (optional)")), hint(schema), items, button(`Add to ${name}`, add, { class: "quiet" })),
    read: () => (rows.length === 0 && !required ? undefined : rows.map(({ item }) => item.read()).filter((it) => it !== undefined)),
  };
}

function one_of({ schema, pointer, controls, name, required }) {
  const pairs = schema.enum.map((value, at) => [String(at), String(value)]);
  const control = choice(required ? pairs : [["", "–"], ...pairs]);
  const preset = schema.enum.indexOf(schema.default);
  if (preset >= 0) control.value = String(preset);
  return leaf({ schema, pointer, controls, name, required, control }, () => (control.value === "" ? undefined : schema.enum[Number(control.value)]));
}

function text({ schema, pointer, controls, name, required }) {
  const given = { maxlength: schema.maxLength, minlength: required ? schema.minLength : undefined, required: required && (schema.minLength ?? 0) > 0 };
  const long = (schema.maxLength ?? Infinity) > LINE && !schema.pattern && !schema.format;
  const control = long ? h("textarea", { rows: "4", ...given }) : h("input", { type: "text", spellcheck: "false", ...given });
  if (schema.default !== undefined) control.value = schema.default;
  return leaf({ schema, pointer, controls, name, required, control }, () => (control.value === "" && !required ? undefined : control.value));
}

function number({ schema, pointer, controls, name, required }) {
  const control = h("input", { type: "number", min: schema.minimum, max: schema.maximum, step: schema.type === "integer" ? 1 : "any", required });
  if (schema.default !== undefined) control.value = schema.default;
  return leaf({ schema, pointer, controls, name, required, control }, () => (control.value === "" ? undefined : Number(control.value)));
}

function boolean({ schema, pointer, controls, name, required }) {
  if (!required && schema.default === undefined) {
    const control = choice([["", "–"], ["true", "yes"], ["false", "no"]]);
    return leaf({ schema, pointer, controls, name, required, control }, () => (control.value === "" ? undefined : control.value === "true"));
  }
  const { box, row } = check(name, { checked: schema.default === true }, schema.description);
  controls.set(pointer, box);
  return { element: row, read: () => box.checked };
}

function json({ schema, pointer, controls, name, required }) {
  const control = h("textarea", { rows: "3", spellcheck: "false", placeholder: "JSON", required });
  const preset = schema.const ?? schema.default;
  if (preset !== undefined) control.value = JSON.stringify(preset);
  return leaf({ schema, pointer, controls, name, required, control }, () => {
    if (control.value.trim() === "") return undefined;
    try {
      return JSON.parse(control.value);
    } catch {
      control.setAttribute("aria-invalid", "true");
      throw new Error(`“${name}” is not JSON.`);
    }
  });
}

function leaf({ schema, pointer, controls, name, required, control }, read) {
  controls.set(pointer, control);
  return { element: field(name + (required ? "" : " (optional)"), control, schema.description), read };
}

const hint = (schema) => (schema.description ? h("p", { class: "hint" }, coded(schema.description)) : null);
