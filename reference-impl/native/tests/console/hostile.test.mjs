// What documents, models and tools say is data: nothing of it runs, calls out or becomes a link.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, watched } from "./lib/browser.mjs";
import { call, hostile, key, start } from "./lib/server.mjs";
import { MARKUP, TOOLS, claims, hostileStream, result, withTools } from "./lib/stubs.mjs";

// This tenant has filters that flag and do not block, so that hostile documents get in.
const TENANT = "lumen-desk";
let server;
let browser;
let all;

before(async () => {
  [server, browser, all] = await Promise.all([start(), launch(), key(TENANT, "all")]);
  const texts = [...(await hostile()).map(({ text }) => text), ...MARKUP];
  const documents = texts.map((text, at) => ({
    id: `hostile-${at}`, content_type: "text/plain", metadata: { title: text, note: text },
    content: `The zebra lamp number ${at} says ${text}\n`,
  }));
  const report = await call(server.url, all, "POST", "/ingest", { documents });
  assert.ok(report.documents.filter(({ status }) => status === "created").length > MARKUP.length, "most hostile documents get in");
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

async function opened(prepare = async () => {}) {
  const it = await watched(browser, server.url);
  await prepare(it.page);
  await it.page.goto(server.url);
  await it.page.getByLabel("API key or token").fill(all);
  await it.page.keyboard.press("Enter");
  await it.page.getByRole("heading", { name: "Search" }).waitFor();
  return it;
}

/** Asserts that nothing of the hostile texts became anything but text. */
async function inert(it, where) {
  const found = await it.page.evaluate(() => ({
    hit: globalThis.hit,
    made: [...document.querySelectorAll("script:not([type=module]), img, iframe, object, embed, base, style, meta[http-equiv], form[action], link:not([href^='/console/'])")].map((node) => node.outerHTML),
    links: [...document.querySelectorAll("a[href]")].map((node) => node.getAttribute("href")).filter((href) => !href.startsWith("#")),
    listeners: [...document.querySelectorAll("*")].flatMap((node) => node.getAttributeNames().filter((name) => name.startsWith("on"))),
  }));
  assert.deepEqual(found, { hit: undefined, made: [], links: [], listeners: [] }, where);
  it.clean();
}

test("hostile documents are listed, opened and cited as text", async () => {
  const it = await opened();
  const { page } = it;
  await page.getByRole("link", { name: "Documents" }).click();
  await page.getByRole("region", { name: "Documents" }).waitFor();
  assert.ok((await page.getByText("<img src=x onerror=\"globalThis.hit=1\">").count()) > 0, "it is shown to the letter");
  await inert(it, "list");
  await page.getByRole("button", { name: "<script>globalThis.hit=1</script>" }).click();
  await page.locator("dialog pre").getByText("<script>").waitFor();
  await inert(it, "document");
  await page.keyboard.press("Escape");
  await page.getByRole("link", { name: "Search" }).click();
  for (const question of ["What does zebra lamp number 40 say?", "zebra lamp press javascript", "zebra lamp attacker canary"]) {
    await page.getByLabel("Question").fill(question);
    await page.keyboard.press("Enter");
    await page.getByRole("article", { name: "Answer" }).waitFor();
    await page.getByText("How this answer came about").click();
    await page.getByRole("region", { name: "Candidates" }).waitFor();
    await inert(it, question);
  }
});

test("a model that says markup is shown and not obeyed", async () => {
  const texts = [...MARKUP, ...(await hostile()).map(({ text }) => text.slice(0, 400))];
  const it = await opened((page) => page.route("**/search", (route) => route.fulfill({ contentType: "text/event-stream", body: hostileStream(texts) })));
  it.expect("404");
  const { page } = it;
  await page.getByLabel("Question").fill("anything");
  await page.keyboard.press("Enter");
  await page.getByRole("article", { name: "Answer" }).waitFor();
  assert.ok((await page.locator(".answer-text").textContent()).includes(MARKUP[0]));
  for (const summary of await page.locator(".result summary").all()) await summary.click();
  await inert(it, "answer");
  await page.locator(".answer-text .cite").last().click();
  await page.locator("dialog .notice").waitFor();
  await inert(it, "passage");
});

test("a refusal that holds markup is shown as text", async () => {
  const error = { code: "VALIDATION_ERROR", message: MARKUP[1], request_id: "a", details: [{ pointer: "/query", message: MARKUP[0] }] };
  const it = await opened((page) => page.route("**/search", (route) => route.fulfill({ status: 400, json: { error } })));
  it.expect("400");
  await it.page.getByLabel("Question").fill("anything");
  await it.page.keyboard.press("Enter");
  await it.page.getByText(MARKUP[1]).waitFor();
  await inert(it, "refusal");
});

test("a stream that is cut or garbled says so", async () => {
  const whole = hostileStream(["a"]);
  for (const body of [whole.slice(0, whole.indexOf("event: done")), "event: token\ndata: {\"index\"\n\n", ""]) {
    const it = await opened((page) => page.route("**/search", (route) => route.fulfill({ contentType: "text/event-stream", body })));
    await it.page.getByLabel("Question").fill("anything");
    await it.page.keyboard.press("Enter");
    await it.page.locator(".notice.fail").waitFor();
    await inert(it, "cut");
  }
});

test("tools and their results are text", async () => {
  const it = await opened(async (page) => {
    await claims(page, withTools);
    await page.route("**/tools", (route) => route.fulfill({ json: { tools: TOOLS } }));
    await page.route("**/tools/execute", (route) => route.fulfill({ json: result("tag_parts", {
      text: MARKUP[0], list: MARKUP, rows: [{ [MARKUP[1]]: MARKUP[2] }], deep: { [MARKUP[3]]: [MARKUP] }, ["__proto__x"]: null }) }));
  });
  const { page } = it;
  await page.getByRole("link", { name: "Tools" }).click();
  await page.locator(".tool summary").nth(1).click();
  await page.getByRole("textbox", { name: "tags 1" }).fill(MARKUP[0]);
  await page.getByRole("button", { name: "Call" }).click();
  await page.getByText("tag_parts 1.0.0").last().waitFor();
  for (const summary of await page.locator(".tool-result summary").all()) await summary.click();
  await inert(it, "tool");
});
