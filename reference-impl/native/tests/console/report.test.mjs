// The report pages, opened from disk as a person does: nothing runs, nothing is fetched, everything can be read.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { LOOKS, launch, looksRight, picture, watched } from "./lib/browser.mjs";
import { root } from "./lib/server.mjs";

let folder;
let browser;

before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "report-"));
  await cp(process.env.RECORDS ?? path.join(root, "reports/tests/records"), folder, { recursive: true });
  const program = path.join(process.env.CARGO_TARGET_DIR ?? path.join(root, "target"), "debug/reports");
  // 100 says that a run failed, as one of the samples does.
  const code = await new Promise((resolve) => execFile(program, ["--out", folder], (error) => resolve(error?.code ?? 0)));
  assert.ok([0, 100].includes(code), `reports ended with ${code}`);
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await rm(folder, { recursive: true, force: true });
});

/** Captions whose text goes on where the page ends. Runs on the page. */
function beyondTheEdge() {
  const cut = [...document.querySelectorAll("caption, figcaption")].filter((caption) => {
    const range = document.createRange();
    range.selectNodeContents(caption);
    const box = range.getBoundingClientRect();
    return box.width > 2 && box.right > document.documentElement.clientWidth + 1;
  });
  return cut.map((caption) => caption.textContent);
}

/** Neighbours on an axis without a gap between them. Runs on the page. */
function inOneAnother() {
  const found = [];
  for (const axis of document.querySelectorAll("svg.axis")) {
    const names = [...axis.querySelectorAll("text")];
    names.slice(1).forEach((name, at) => {
      if (names[at].getBoundingClientRect().right + 2 > name.getBoundingClientRect().left) found.push(`${names[at].textContent}, ${name.textContent}`);
    });
  }
  return found;
}

for (const [look, options] of LOOKS) {
  test(`the report holds on a ${look.replace("-", ", ")} page`, async () => {
    const it = await watched(browser, "file://", { ...options, javaScriptEnabled: true });
    const { page } = it;
    await page.goto(`file://${folder}/index.html`);
    await page.getByRole("navigation", { name: "Contents" }).waitFor();
    await looksRight(page, look);
    await picture(page, `report-${look}`);
    for (const link of await page.getByRole("navigation", { name: "Contents" }).getByRole("link").all()) {
      const target = (await link.getAttribute("href")).slice(1);
      assert.equal(await page.locator(`[id="${target}"]`).count(), 1, target);
    }
    for (const name of ["Rules", "Score", "Latency", "History"]) assert.ok((await page.getByRole("heading", { name }).count()) > 0, name);
    assert.ok((await page.locator("svg.curve polyline").count()) > 1, "curves are drawn");
    assert.ok((await page.locator(".ranked .sides").count()) > 0, "rankings stand side by side");
    assert.deepEqual(await page.evaluate(beyondTheEdge), [], "captions that are cut");
    assert.deepEqual(await page.evaluate(inOneAnother), [], "names of an axis that stand in one another");
    for (const summary of await page.locator("details.family > summary").all()) await summary.click();
    await looksRight(page, `${look}, rules unfolded`);
    assert.deepEqual(it.calls.filter((url) => !url.endsWith("/index.html")), []);
    it.clean();
  });
}
