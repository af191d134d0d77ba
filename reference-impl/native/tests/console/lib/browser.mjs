// Headless Chromium, and what a page must never do: fail aloud, call another host, or run what a document says.

import assert from "node:assert/strict";
import { mkdir, readFile } from "node:fs/promises";
import path from "node:path";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const require = createRequire(import.meta.url);
const axe = await readFile(require.resolve("axe-core/axe.min.js"), "utf8");

export const launch = () => chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"],
});

/** Widths and colours in which pages are looked at. */
export const LOOKS = [
  ["wide-light", { viewport: { width: 1280, height: 900 }, colorScheme: "light" }],
  ["wide-dark", { viewport: { width: 1280, height: 900 }, colorScheme: "dark" }],
  ["narrow-light", { viewport: { width: 360, height: 740 }, colorScheme: "light" }],
  ["narrow-dark", { viewport: { width: 360, height: 740 }, colorScheme: "dark" }],
];

/** A page that notes everything that it must not do. `clean` asserts that it did nothing of it. */
export async function watched(browser, url, options = {}) {
  const context = await browser.newContext({ reducedMotion: "reduce", ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  const faults = [];
  const calls = [];
  let expected = [];
  page.on("console", (it) => {
    // A refused request is told on the console by the browser itself; those that a test means to cause are named.
    if (["error", "warning"].includes(it.type()) && !expected.some((text) => it.text().includes(text))) faults.push(`console: ${it.text()}`);
  });
  page.on("pageerror", (error) => faults.push(`uncaught: ${error.message}`));
  page.on("dialog", (it) => { faults.push(`dialog: ${it.message()}`); it.dismiss(); });
  page.on("popup", () => faults.push("a window was opened"));
  context.on("request", (request) => {
    calls.push(request.url());
    if (!request.url().startsWith(url) && !request.url().startsWith("blob:")) faults.push(`off the origin: ${request.url()}`);
  });
  if (process.env.CONSOLE_FROM_DISK) await fromDisk(page, process.env.CONSOLE_FROM_DISK);
  return {
    page, context, calls,
    expect: (...texts) => { expected = texts; },
    clean: () => assert.deepEqual(faults.splice(0), []),
  };
}

/** While the console is being written its files are read anew each time from the folder `assets`, without building the server. */
async function fromDisk(page, assets) {
  const types = { js: "text/javascript", css: "text/css", svg: "image/svg+xml" };
  await page.route(/\/console\/[0-9a-f]+\//, async (route) => {
    const name = new URL(route.request().url()).pathname.split("/").slice(3).join("/");
    await route.fulfill({ body: await readFile(path.join(assets, name)), contentType: types[name.split(".").at(-1)] });
  });
}

/** Asserts that axe finds nothing serious and that the page does not scroll sideways. */
export async function looksRight(page, name) {
  // Over the debugger, since the page's own policy rightly refuses to run a text.
  const session = await page.context().newCDPSession(page);
  await session.send("Runtime.evaluate", { expression: axe, allowUnsafeEvalBlockedByCSP: true });
  await session.detach();
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  const serious = violations.filter(({ impact }) => ["serious", "critical"].includes(impact));
  assert.deepEqual(serious.map((it) => `${it.id}: ${it.nodes.map((node) => `${node.target} ${node.failureSummary}`).join("; ")}`), [], `axe on ${name}`);
  const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.ok(over <= 0, `${name} scrolls sideways by ${over} px`);
}

/** Keeps a picture where `SHOTS` names a folder. */
export async function picture(page, name) {
  if (!process.env.SHOTS) return;
  await mkdir(process.env.SHOTS, { recursive: true });
  await page.screenshot({ path: path.join(process.env.SHOTS, `${name}.png`), fullPage: !(await page.locator("dialog[open]").count()) });
}
