// The console's main paths against a started server.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, looksRight, watched } from "./lib/browser.mjs";
import { call, corpus, key, start } from "./lib/server.mjs";

const TENANT = "aurora-bikes";
let server;
let browser;
let all;

before(async () => {
  [server, browser, all] = await Promise.all([start(), launch(), key(TENANT, "all")]);
  await call(server.url, all, "POST", "/ingest", { documents: await corpus(TENANT) });
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

/** A page on which the tenant of `credential` is open. */
async function opened(credential = all, options) {
  const it = await watched(browser, server.url, options);
  await it.page.goto(server.url);
  await it.page.getByLabel("API key or token").fill(credential);
  await it.page.keyboard.press("Enter");
  await it.page.getByRole("heading", { name: "Search" }).waitFor();
  return it;
}

async function view(page, name) {
  await page.getByRole("navigation", { name: "Views" }).getByRole("link", { name }).click();
  await page.getByRole("heading", { name, level: 2 }).waitFor();
}

test("the page and its assets need no credential and are kept within their origin", async () => {
  const page = await fetch(`${server.url}/`);
  assert.equal(page.status, 200);
  assert.match(page.headers.get("content-type"), /^text\/html/);
  assert.equal(page.headers.get("cache-control"), "no-cache");
  assert.equal(page.headers.get("x-content-type-options"), "nosniff");
  const policy = page.headers.get("content-security-policy");
  for (const part of ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "require-trusted-types-for 'script'"]) {
    assert.ok(policy.includes(part), part);
  }
  assert.ok(!policy.includes("unsafe"));
  const names = [...(await page.text()).matchAll(/"(\/console\/[^"]+)"/g)].map((match) => match[1]);
  assert.ok(names.length >= 4);
  for (const name of names) {
    const asset = await fetch(server.url + name);
    assert.deepEqual([asset.status, asset.headers.get("cache-control")], [200, "public, max-age=31536000, immutable"], name);
    assert.equal(asset.headers.get("x-content-type-options"), "nosniff");
  }
  for (const [method, where, status] of [["GET", "/console/", 404], ["GET", "/console/0000000000000000/app.js", 404],
    ["GET", names[0].replace(/[^/]+$/, "..%2findex.html"), 404], ["POST", "/", 405], ["POST", names[0], 405]]) {
    const answer = await fetch(server.url + where, { method });
    assert.equal(answer.status, status, `${method} ${where}`);
    assert.ok((await answer.json()).error.code, "with the error body");
  }
});

test("a key that is not taken says so, and one that is taken stays in memory", async () => {
  const it = await watched(browser, server.url);
  it.expect("401");
  await it.page.goto(server.url);
  await it.page.getByLabel("API key or token").fill("pl_nobody_x");
  await it.page.keyboard.press("Enter");
  await it.page.getByText("unauthorized:").waitFor();
  await looksRight(it.page, "refused key");
  await it.page.getByLabel("API key or token").fill(all);
  await it.page.keyboard.press("Enter");
  await it.page.getByRole("heading", { name: "Search" }).waitFor();
  const kept = await it.page.evaluate(() => [localStorage.length, sessionStorage.length, document.cookie, document.body.outerHTML, location.href].join("\n"));
  assert.ok(kept.startsWith("0\n0\n\n") && !kept.includes(all), "the key is in no store and nowhere in the page");
  assert.ok(it.calls.every((url) => !url.includes("pl_")), "and in no address");
  await it.page.reload();
  await it.page.getByRole("heading", { name: "Open a tenant" }).waitFor();
  it.clean();
});

test("an answer streams in, and its citations open the passage", async () => {
  const it = await opened();
  const { page } = it;
  await page.getByLabel("Question").fill("How long can a customer ask for a refund?");
  const asked = page.waitForRequest((request) => request.url().endsWith("/search"));
  await page.keyboard.press("Enter");
  assert.equal((await asked).postDataJSON().stream, true);
  await page.getByRole("article", { name: "Answer" }).waitFor();
  assert.match(await page.locator(".band").textContent(), /Confidence: (low|medium|high)/);
  const quote = await page.locator(".citations q").first().textContent();
  await page.locator(".answer-text .cite").first().click();
  const marked = page.locator("dialog mark");
  await marked.waitFor();
  assert.equal(await marked.textContent(), quote, "the words of the quote are marked in the document");
  await looksRight(page, "passage");
  await page.keyboard.press("Escape");
  await page.locator("dialog").waitFor({ state: "detached" });
  await page.waitForFunction(() => /cite/.test(document.activeElement.className), null); // the focus is back where it was
  const next = page.locator(".follow-ups button").first();
  const question = await next.textContent();
  await next.click();
  await page.waitForFunction((before) => !document.querySelector(".answer.growing") && document.querySelector(".answer-text")?.textContent !== before, null);
  assert.equal(await page.getByLabel("Question").inputValue(), question);
  it.clean();
});

test("the explanation tells times, understanding and ranking", async () => {
  const it = await opened();
  await it.page.getByLabel("Question").fill("How long does the waranty last?");
  await it.page.keyboard.press("Enter");
  await it.page.getByText("How this answer came about").click();
  await it.page.getByRole("region", { name: "Candidates" }).waitFor();
  const told = await it.page.locator(".explain").textContent();
  for (const part of ["rewrite", "embed", "retrieve", "generate", "Understood as", "waranty → warranty", "Request"]) assert.ok(told.includes(part), part);
  assert.ok((await it.page.locator(".explain tbody tr").count()) > 2);
  await looksRight(it.page, "explanation");
  it.clean();
});

test("a filter narrows what is searched", async () => {
  const it = await opened();
  const { page } = it;
  await page.getByText("Filters", { exact: true }).click();
  await page.getByLabel("Metadata key").fill("area");
  await page.getByLabel("Operator").selectOption("$ne");
  await page.getByLabel("Value", { exact: true }).fill("policies");
  await page.getByLabel("Question").fill("How long can a customer ask for a refund?");
  const asked = page.waitForRequest((request) => request.url().endsWith("/search"));
  await page.keyboard.press("Enter");
  assert.deepEqual((await asked).postDataJSON().filter, { area: { $ne: "policies" } });
  await page.locator(".confidence").waitFor();
  assert.equal(await page.getByText("refund-policy", { exact: true }).count(), 0);
  it.clean();
});

test("a file goes in as a job, is listed, opened and deleted", async () => {
  const it = await opened();
  const { page } = it;
  await view(page, "Documents");
  await page.locator("#files").setInputFiles([{ name: "Lock, frame.md", mimeType: "text/markdown", buffer: Buffer.from("# Frame lock\n\nThe frame lock opens with key forty-one.\n") }]);
  await page.getByText("succeeded").waitFor();
  await page.locator(".outcomes").getByText("created").waitFor();
  await page.locator(".outcomes").getByText("Lock-frame").waitFor();
  await page.getByRole("button", { name: "Lock, frame.md" }).click();
  await page.locator("dialog pre").getByText("key forty-one").waitFor();
  await page.locator("dialog summary").click();
  await page.locator(".chunks li").first().waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Delete Lock-frame" }).click();
  await page.getByRole("button", { name: "Delete", exact: true }).click();
  await page.getByText("is deleted").waitFor();
  await page.waitForFunction(() => !document.querySelector("[aria-label='Delete Lock-frame']"));
  it.clean();
});

test("a file that is no text is refused before it is sent", async () => {
  const it = await opened();
  await view(it.page, "Documents");
  const before = it.calls.filter((url) => url.endsWith("/ingest")).length;
  await it.page.locator("#files").setInputFiles([{ name: "photo.txt", mimeType: "text/plain", buffer: Buffer.from([0xff, 0xd8, 0xff, 0xe0]) }]);
  await it.page.getByText("is not text in UTF-8").waitFor();
  assert.equal(it.calls.filter((url) => url.endsWith("/ingest")).length, before);
  it.clean();
});

test("a conversation streams, is kept as a session, and can be taken up and deleted", async () => {
  const it = await opened();
  const { page } = it;
  await view(page, "Chat");
  await page.getByLabel("Message").fill("How long can a customer ask for a refund?");
  await page.keyboard.press("Enter");
  await page.locator(".turn.assistant .answer-text").waitFor();
  await page.locator(".sessions li").first().waitFor();
  await page.getByLabel("Message").fill("And who pays for shipping it back?");
  await page.getByRole("button", { name: "Send" }).click();
  await page.locator(".turn.assistant").nth(1).locator(".answer:not(.growing)").waitFor();
  assert.equal(await page.locator(".sessions li").count(), 1, "both turns are of one session");
  await page.getByRole("button", { name: "New" }).click();
  assert.equal(await page.locator(".turn").count(), 0);
  await page.locator(".sessions .session").first().click();
  await page.locator(".turn").nth(3).waitFor();
  await page.getByRole("button", { name: /^Delete the session/ }).click();
  await page.getByRole("button", { name: "Delete", exact: true }).click();
  await page.waitForFunction(() => document.querySelectorAll(".sessions li").length === 0);
  it.clean();
});

test("usage, limits and the state of the service are shown", async () => {
  const it = await opened();
  await view(it.page, "Usage and limits");
  await it.page.getByText("The service is").waitFor();
  await it.page.getByRole("region", { name: "Usage by model" }).waitFor();
  const told = await it.page.locator(".usage").textContent();
  for (const part of ["hashed-lexical-v1", "Requests left in the window", "query chars"]) assert.ok(told.includes(part), part);
  it.clean();
});

test("what the credential may not do is said, and the quote is still there", async () => {
  const it = await opened(await key(TENANT, "search-only"));
  it.expect("403");
  await it.page.getByLabel("Question").fill("How long can a customer ask for a refund?");
  await it.page.keyboard.press("Enter");
  await it.page.locator(".answer-text .cite").first().click();
  await it.page.getByText("may not read documents").waitFor();
  await it.page.locator("dialog blockquote").waitFor();
  await it.page.keyboard.press("Escape");
  await view(it.page, "Documents");
  await it.page.getByText("documents:read").first().waitFor();
  it.clean();
});

test("a key that is withdrawn ends the visit, and forgetting it ends what is under way", async () => {
  const it = await opened();
  it.expect("401");
  await it.page.route("**/usage", (route) => route.fulfill({ status: 401, json: { error: { code: "UNAUTHORIZED", message: "no", request_id: "a" } } }));
  await it.page.getByRole("link", { name: "Usage and limits" }).click();
  await it.page.getByText("no longer takes this key").waitFor();
  assert.equal(await it.page.getByRole("link", { name: "Search" }).count(), 0);
  const other = await opened();
  let held;
  await other.page.route("**/search", (route) => { held = route; });
  await other.page.getByLabel("Question").fill("When does support answer?");
  const asked = other.page.waitForEvent("requestfailed");
  await other.page.keyboard.press("Enter");
  await other.page.getByText("Looking for an answer…").waitFor();
  await other.page.getByRole("button", { name: "Forget key" }).click();
  assert.match((await asked).failure().errorText, /ABORTED/);
  await held.abort();
  await other.page.getByText("The key is forgotten.").waitFor();
  it.clean();
  other.clean();
});

test("everything can be done from the keyboard", async () => {
  const it = await opened();
  const { page } = it;
  await page.keyboard.type("When does support answer?");
  await page.keyboard.press("Enter");
  await page.getByRole("article", { name: "Answer" }).waitFor();
  for (let at = 0; at < 30 && !(await page.evaluate(() => document.activeElement.matches(".cite"))); at += 1) await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await page.locator("dialog mark").waitFor();
  await page.keyboard.press("Escape");
  await page.keyboard.press("Shift+Tab");
  assert.ok(await page.evaluate(() => document.activeElement !== document.body));
  await page.reload();
  await page.keyboard.press("Shift+Tab");
  assert.equal(await page.evaluate(() => document.activeElement.className), "skip", "the first stop skips to the page");
  it.clean();
});
