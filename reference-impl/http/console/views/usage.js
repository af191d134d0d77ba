// Usage and limits: what models were used for, what is left, and what the deployment allows and is made of.

import { figures, get, onFigures, path } from "../api.js";
import { notice, trouble } from "../answer.js";
import { facts, field, fill, h, svg, table } from "../dom.js";
import { count, money, moment, percent, size, span, words } from "../text.js";

export function usage({ capabilities, has }) {
  const [from, to] = ["From", "To"].map((label) => h("input", { type: "date", "aria-label": label }));
  const report = h("div");
  const health = h("div");
  const rate = h("div");

  async function load() {
    if (!has("usage")) return fill(report, notice("Not enabled: the tenant does not have the feature usage."));
    try {
      fill(report, shown(await get(path("/usage", {}, { from: from.value, to: to.value }))));
    } catch (error) {
      fill(report, trouble(error));
    }
  }

  async function state() {
    try {
      const found = await get("/health", { open: true });
      fill(health, h("p", {}, "The service is ", h("strong", {}, words(found.status)), `, version ${found.version}, contract ${found.contract_version}.`),
        found.dependencies.length > 0 ? table("Dependencies", [{ name: "Dependency" }, { name: "State" }, { name: "Latency", num: true }, { name: "Needed" }],
          found.dependencies.map((it) => [words(it.name), it.state, it.latency_ms === undefined ? "–" : span(it.latency_ms), it.required ? "yes" : "no"]), { aloud: true }) : null);
    } catch (error) {
      fill(health, trouble(error));
    }
  }

  function rates() {
    if (!figures.rate) return fill(rate);
    const { limit, remaining, reset } = figures.rate;
    return fill(rate, facts([["Requests left in the window", `${count(remaining)} of ${count(limit)}`],
      ["Window renewed", moment(reset * 1000)], ["Window", span(capabilities.times.rate_window_ms)]]));
  }

  onFigures(rates);
  const form = h("form", { class: "dates", on: { submit: (event) => { event.preventDefault(); load(); } } },
    field("From", from), field("To", to), h("button", { type: "submit" }, "Show"));
  return {
    element: h("section", { class: "usage" }, h("h2", {}, "Usage and limits"),
      has("usage") ? form : null, report,
      h("h3", {}, "Rates"), rate,
      h("h3", {}, "Limits"), facts(limits(capabilities)),
      h("h3", {}, "What the tenant has"), facts(has_what(capabilities)),
      h("h3", {}, "State of the service"), health),
    shown: () => { load(); state(); rates(); },
  };
}

function shown({ days, totals, budget }) {
  const models = new Map();
  for (const { models: used } of days) {
    for (const it of used) {
      const sum = models.get(it.model) ?? { requests: 0, tokens_in: 0, tokens_out: 0, cost_usd: 0 };
      for (const key of Object.keys(sum)) sum[key] += it[key];
      models.set(it.model, sum);
    }
  }
  const row = (name, it) => [name, count(it.requests), count(it.tokens_in), count(it.tokens_out), money(it.cost_usd)];
  const heads = [{ name: "Model" }, ...["Requests", "Tokens read", "Tokens written", "Cost"].map((name) => ({ name, num: true }))];
  return [
    budget ? h("div", { class: "budget-bar" }, h("p", {}, `${count(budget.used_tokens)} of ${count(budget.limit_tokens)} tokens of today used (${percent(budget.used_ratio)})`),
      h("meter", { min: 0, max: 1, high: 0.8, value: Math.min(1, budget.used_ratio), "aria-label": "Share of today's budget" }),
      h("p", { class: "hint" }, `Renewed ${moment(budget.resets_at)}`)) : null,
    days.length > 0 ? bars(days) : h("p", { class: "hint" }, "No model was called in these days."),
    models.size > 0 ? table("Usage by model", heads, [...[...models].map(([name, it]) => row(h("code", {}, name), it)), row("All", totals)], { aloud: true }) : null,
  ];
}

/** Tokens by day, read and written as one bar. */
function bars(days) {
  const tokens = days.map(({ date, models }) => [date, models.reduce((sum, it) => sum + it.tokens_in + it.tokens_out, 0)]);
  const most = Math.max(1, ...tokens.map(([, it]) => it));
  const [wide, high, gap] = [Math.max(14, 400 / Math.max(days.length, 12)), 90, 3];
  const width = Math.max(tokens.length, 12) * (wide + gap);
  const drawn = tokens.map(([date, it], at) => svg("rect", { x: at * (wide + gap), y: high - (it / most) * high, width: wide, height: Math.max(1, (it / most) * high), class: "column" },
    svg("title", {}, `${date}: ${count(it)} tokens`)));
  const label = `Tokens by day, from ${tokens[0][0]} to ${tokens.at(-1)[0]}; most on one day: ${count(most)}`;
  return h("figure", {}, h("figcaption", {}, "Tokens by day ", h("small", {}, `most: ${count(most)}`)),
    svg("svg", { viewBox: `0 0 ${width} ${high}`, role: "img", "aria-label": label, class: "days" }, drawn),
    h("small", { "aria-hidden": "true" }, tokens.length > 1 ? `${tokens[0][0]} to ${tokens.at(-1)[0]}` : tokens[0][0]));
}

function limits({ limits: of, times }) {
  const named = Object.entries(of).map(([name, value]) => [words(name.replace(/_bytes$/, "")), name.endsWith("_bytes") ? size(value) : count(value)]);
  return [...named, ...Object.entries(times).map(([name, value]) => [words(name.replace(/_ms$/, "")), span(value)])];
}

function has_what(capabilities) {
  return [
    ["Implementation", `${capabilities.implementation.name} ${capabilities.implementation.version}`],
    ["Contract", capabilities.contract_version],
    ["Isolation", words(capabilities.isolation)],
    ["Embedding", `${capabilities.embedding.model}, ${capabilities.embedding.dimensions} dimensions, ${capabilities.embedding.kind}`],
    ["Writes", `${capabilities.generator.model}, ${capabilities.generator.kind}`],
    ["Reranker", capabilities.reranker.model ?? "none"],
    ["Retrieval", capabilities.retrieval_modes.join(", ")],
    ["Features", capabilities.features.map(words).join(", ") || "none"],
    ["Tools", capabilities.tools.map(words).join(", ") || "none"],
    ["Speech", capabilities.tts.formats.join(", ") || "none"],
    ["Writes are seen within", capabilities.consistency_ms === 0 ? "at once" : span(capabilities.consistency_ms)],
  ];
}
