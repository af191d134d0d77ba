// A filter over metadata, made of rows: a key, an operator, a value.

import { get, path } from "./api.js";
import { button, choice, fill, fresh, h } from "./dom.js";

const OPERATORS = [
  ["$eq", "is"], ["$ne", "is not"], ["$in", "is one of"], ["$nin", "is none of"],
  ["$lt", "is below"], ["$lte", "is at most"], ["$gt", "is above"], ["$gte", "is at least"],
];

/** Rows to which conditions are added. `value()` is the filter of the contract, or undefined without a condition. */
export class Filters {
  constructor() {
    this.keys = h("datalist", { id: fresh("keys") });
    this.rows = h("div", { class: "filter-rows" });
    this.element = h("details", { class: "filters" }, h("summary", {}, "Filters"), this.keys, this.rows,
      button("Add a condition", () => this.add(), { class: "quiet" }),
      h("p", { class: "hint" }, "Numbers and true or false are compared as such; write \"7\" in quotes for the text. Lists are separated by commas."));
    this.element.addEventListener("toggle", () => this.suggest(), { once: true });
  }

  add() {
    const key = h("input", { "aria-label": "Metadata key", list: this.keys.id, placeholder: "area", autocapitalize: "off", spellcheck: "false" });
    const operator = choice(OPERATORS, { "aria-label": "Operator" });
    const value = h("input", { "aria-label": "Value", placeholder: "policies", autocapitalize: "off", spellcheck: "false" });
    const row = h("div", { class: "filter-row" }, key, operator, value, button("Remove", () => row.remove(), { class: "quiet" }));
    row.read = () => [key.value.trim(), operator.value, value.value.trim()];
    this.rows.append(row);
    key.focus();
  }

  value() {
    const filter = {};
    for (const row of this.rows.children) {
      const [key, operator, value] = row.read();
      if (key === "") continue;
      const list = operator === "$in" || operator === "$nin";
      // Defined as its own, so that a key such as `__proto__` is a key like any other.
      const conditions = Object.hasOwn(filter, key) ? filter[key] : {};
      conditions[operator] = list ? value.split(",").map((part) => scalar(part.trim())) : scalar(value);
      Object.defineProperty(filter, key, { value: conditions, enumerable: true, configurable: true });
    }
    return Object.keys(filter).length > 0 ? filter : undefined;
  }

  /** Offers the keys of the first documents; a key that may not read documents gets none. */
  async suggest() {
    if (this.rows.children.length === 0) this.add();
    try {
      const { documents } = await get(path("/documents", {}, { limit: 50 }));
      const keys = new Set(documents.flatMap(({ metadata }) => Object.keys(metadata)));
      fill(this.keys, [...keys].sort().map((value) => h("option", { value })));
    } catch { /* Suggestions are a help, not a need. */ }
  }
}

/** The value that a person means. */
export function scalar(text) {
  if (/^".*"$/s.test(text)) return text.slice(1, -1);
  if (text === "true" || text === "false") return text === "true";
  if (/^-?\d+(?:\.\d+)?$/.test(text) && Number.isFinite(Number(text))) return Number(text);
  return text;
}
