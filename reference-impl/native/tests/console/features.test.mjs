// Views that capabilities turn on and off, and how every view looks.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { LOOKS, launch, looksRight, picture, watched } from "./lib/browser.mjs";
import { call, corpus, key, start } from "./lib/server.mjs";
import { TOOLS, claims, result, wav, withSpeech, withTools } from "./lib/stubs.mjs";

const TENANT = "aurora-bikes";
let server;
let browser;
let all;
let capabilities;

before(async () => {
  [server, browser, all] = await Promise.all([start(), launch(), key(TENANT, "all")]);
  await call(server.url, all, "POST", "/ingest", { documents: await corpus(TENANT) });
  capabilities = await call(server.url, all, "GET", "/capabilities");
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

async function opened(prepare = async () => {}, options) {
  const it = await watched(browser, server.url, options);
  await prepare(it.page);
  await it.page.goto(server.url);
  await it.page.getByLabel("API key or token").fill(all);
  await it.page.keyboard.press("Enter");
  await it.page.getByRole("heading", { name: "Search" }).waitFor();
  return it;
}

const view = (page, name) => page.getByRole("navigation", { name: "Views" }).getByRole("link", { name }).click();

test("a feature that the tenant lacks is named and not offered", async () => {
  const lacking = [["Chat", "chat"], ["Tools", "tools"], ["Listen", "tts"]];
  const it = await opened((page) => claims(page, (found) => {
    found.features = found.features.filter((feature) => !["chat", "tools", "tts", "search_streaming", "usage"].includes(feature));
  }));
  for (const [name, feature] of lacking) {
    await view(it.page, name);
    await it.page.getByText(`Not enabled: ${TENANT} does not have the feature ${feature}.`).waitFor();
  }
  await view(it.page, "Usage and limits");
  await it.page.getByText("Not enabled: the tenant does not have the feature usage.").waitFor();
  await view(it.page, "Search");
  await it.page.getByLabel("Question").fill("When does support answer?");
  const asked = it.page.waitForRequest((request) => request.url().endsWith("/search"));
  await it.page.keyboard.press("Enter");
  assert.equal((await asked).postDataJSON().stream, undefined, "and streaming is not asked for");
  await it.page.getByRole("article", { name: "Answer" }).waitFor();
  it.clean();
});

test("a tool's form is made from its schema, and its errors point into it", async () => {
  const calls = [];
  const answers = [
    { status: 400, json: { error: { code: "VALIDATION_ERROR", message: "the arguments do not fit", request_id: "a", details: [{ pointer: "/arguments/weight", keyword: "maximum", message: "at most 1" }] } } },
    { json: result("tag_parts", { tagged: 2, tags: ["bell", "brake"], parts: [{ id: "a", score: 1 }] }) },
  ];
  const it = await opened(async (page) => {
    await claims(page, withTools);
    await page.route("**/tools", (route) => route.fulfill({ json: { tools: TOOLS } }));
    await page.route("**/tools/execute", (route) => {
      calls.push(route.request().postDataJSON());
      return route.fulfill(answers[calls.length - 1]);
    });
  });
  it.expect("400");
  const { page } = it;
  await view(page, "Tools");
  const tool = page.locator(".tool").nth(1);
  await tool.locator("summary").first().click();
  await tool.getByRole("textbox", { name: "tags 1" }).fill("bell");
  await tool.getByRole("button", { name: "Add to tags" }).click();
  await tool.getByRole("textbox", { name: "tags 2" }).fill("brake");
  await tool.getByLabel("weight").fill("1");
  await tool.getByLabel("filter").fill('{"area": "support"}');
  await tool.getByRole("button", { name: "Call" }).click();
  await page.getByText("at most 1").waitFor();
  assert.equal(await tool.getByLabel("weight").getAttribute("aria-invalid"), "true");
  await tool.getByLabel("weight").fill("0.5");
  await tool.getByRole("button", { name: "Call" }).click();
  await page.getByText("took").waitFor();
  await looksRight(page, "tool");
  assert.deepEqual(calls[1], { tool: "tag_parts", arguments: { tags: ["bell", "brake"], mode: "replace", dry: true, weight: 0.5, filter: { area: "support" } } });
  it.clean();
});

test("the tools of the server itself can be called", async (context) => {
  if (!capabilities.tools.includes("summarize")) return context.skip("this build has no tool `summarize`");
  const it = await opened();
  await view(it.page, "Tools");
  const tool = it.page.locator(".tool", { hasText: "summarize" }).first();
  await tool.locator("summary").first().click();
  await tool.getByLabel("text", { exact: true }).fill("The warranty lasts three years. It covers the frame and the motor. It does not cover tyres.");
  await tool.getByRole("button", { name: "Call" }).click();
  await it.page.getByText("took").waitFor();
  return it.clean();
});

test("a text is spoken, and an answer can be listened to", async () => {
  let spoken;
  const it = await opened(async (page) => {
    await claims(page, withSpeech);
    await page.route("**/tts/voices", (route) => route.fulfill({ json: { voices: [{ id: "en-gb", name: "English", language: "en-GB", provider: "local", formats: ["wav"], sample_rates_hz: [22050] }] } }));
    await page.route("**/tts", (route) => {
      spoken = route.request().postDataJSON();
      return route.fulfill({ body: wav(), contentType: "audio/wav", headers: { "x-tts-provider": "local" } });
    });
  });
  const { page } = it;
  await page.getByLabel("Question").fill("How long can a customer ask for a refund?");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Listen to the answer" }).click();
  await page.getByRole("button", { name: "Speak" }).click();
  await page.getByText("by local").waitFor();
  assert.ok(!/\[\d+\]/.test(spoken.text) && spoken.text.includes("17 days") && spoken.format === "wav");
  await page.waitForFunction(() => document.querySelector("audio").duration > 0);
  await looksRight(page, "listen");
  it.clean();
});

for (const [look, options] of LOOKS) {
  test(`every view holds on a ${look.replace("-", ", ")} page`, async () => {
    const it = await opened(async (page) => {
      if (!capabilities.features.includes("tools")) {
        await claims(page, withTools);
        await page.route("**/tools", (route) => route.fulfill({ json: { tools: TOOLS } }));
      }
    }, options);
    const { page } = it;
    const look_at = async (name) => {
      await looksRight(page, `${name} ${look}`);
      await picture(page, `console-${name}-${look}`);
    };
    await page.getByText("Filters", { exact: true }).click();
    await page.getByLabel("Question").fill("How long does the waranty last?");
    await page.getByLabel("Question").press("Enter");
    await page.getByText("How this answer came about").click();
    await page.getByRole("region", { name: "Candidates" }).waitFor();
    await look_at("search");
    await page.locator(".answer-text .cite").first().click();
    await page.locator("dialog mark").waitFor();
    await look_at("passage");
    await page.keyboard.press("Escape");
    await view(page, "Documents");
    await page.getByRole("region", { name: "Documents" }).waitFor();
    await page.locator("#files").setInputFiles([{ name: "note.txt", mimeType: "text/plain", buffer: Buffer.from("The bell sits on the left grip.") }]);
    await page.locator(".outcomes li").waitFor();
    await look_at("documents");
    await view(page, "Chat");
    await page.getByLabel("Message").fill("How long can a customer ask for a refund?");
    await page.keyboard.press("Enter");
    await page.locator(".turn.assistant .answer:not(.growing)").waitFor();
    await page.locator(".sessions li").first().waitFor();
    await look_at("chat");
    await view(page, "Tools");
    await page.locator(".tool summary").nth(1).click();
    await look_at("tools");
    await view(page, "Listen");
    await look_at("listen");
    await view(page, "Usage and limits");
    await page.getByText("The service is").waitFor();
    await page.getByRole("region", { name: "Usage by model" }).waitFor();
    await look_at("usage");
    await page.getByRole("button", { name: "Forget key" }).click();
    await page.getByRole("heading", { name: "Open a tenant" }).waitFor();
    await look_at("sign-in");
    it.clean();
  });
}
