// A job while it runs: its progress, its items, and a way to stop it.

import { get, path, remove } from "./api.js";
import { button, fill, h, said } from "./dom.js";
import { trouble } from "./answer.js";
import { words } from "./text.js";

const ENDED = new Set(["succeeded", "failed", "cancelled"]);
/** Milliseconds between two looks at a job: short at first, then longer. */
const FIRST_LOOK = 150;
const LONGEST_LOOK = 2000;

/**
 * Watches a job until it has ended.
 *
 * Returns its element and a promise of the job as it ended; the promise does not fail, what goes wrong is shown.
 */
export function watch(job) {
  const element = h("div", { class: "job", role: "status" });
  let stopped = false;
  const stop = async () => {
    try {
      show(await remove(path("/jobs/{id}", { id: job.id })));
    } catch (error) {
      fill(element, trouble(error));
    }
  };
  const cancel = button("Cancel the job", stop, { class: "quiet" });
  const show = (now) => {
    stopped = ENDED.has(now.status);
    fill(element,
      h("p", {}, h("strong", {}, words(now.status)), " ", h("code", {}, now.id)),
      h("progress", { max: now.progress.total, value: now.progress.done, "aria-label": "Progress of the job" }),
      h("span", { class: "num" }, ` ${now.progress.done} of ${now.progress.total}`),
      now.error ? h("p", { class: "fail" }, said(now.error.message)) : null,
      now.items?.some((item) => item.error)
        ? h("ul", {}, now.items.filter((item) => item.error).map((item) => h("li", {}, h("code", {}, item.id), " ", said(item.error.message)))) : null,
      stopped ? null : cancel);
    return now;
  };
  const follow = async () => {
    let now = show(job);
    let wait = FIRST_LOOK;
    try {
      while (!ENDED.has(now.status)) {
        await new Promise((resolve) => setTimeout(resolve, wait));
        wait = Math.min(wait * 1.5, LONGEST_LOOK);
        now = show(await get(path("/jobs/{id}", { id: job.id })));
      }
    } catch (error) {
      fill(element, trouble(error));
    }
    return now;
  };
  return { element, ended: follow() };
}
