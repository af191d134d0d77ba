// Listen: a text spoken by one of the tenant's voices.

import { answerOf, get, path } from "../api.js";
import { trouble } from "../answer.js";
import { check, choice, field, fill, h } from "../dom.js";
import { watch } from "../jobs.js";
import { count, size } from "../text.js";

/** Formats that browsers play; raw samples are not among them. */
const PLAYED = new Set(["wav", "mp3", "opus"]);

export function listen({ capabilities }) {
  const limits = capabilities.limits;
  const text = h("textarea", { rows: "5", required: true, maxlength: limits.tts_max_chars });
  const voice = choice([["", "as configured"]]);
  const format = choice(capabilities.tts.formats.filter((it) => PLAYED.has(it)).map((it) => [it, it]));
  const speed = h("input", { type: "range", min: "0.5", max: "2", step: "0.05", value: "1" });
  const told = h("output", {}, "1×");
  const later = check("As a job");
  const result = h("div", { class: "sound", role: "status" });
  const speak = h("button", { type: "submit" }, "Speak");
  let address = null;

  speed.addEventListener("input", () => { told.textContent = `${Number(speed.value)}×`; });

  async function voices() {
    if (voice.options.length > 1) return;
    try {
      const found = await get("/tts/voices");
      for (const it of found.voices) voice.append(h("option", { value: it.id }, `${it.name} (${it.language}, ${it.provider})`));
    } catch (error) {
      fill(result, trouble(error));
    }
  }

  async function submit(event) {
    event.preventDefault();
    speak.disabled = true;
    fill(result, h("p", { class: "hint" }, "Speaking…"));
    const body = { text: text.value, voice: voice.value || undefined, format: format.value || undefined, speed: Number(speed.value), async: later.box.checked || undefined };
    try {
      // A long text becomes a job, so sound and JSON are both answers.
      const answer = await answerOf("POST", "/tts", { body, accept: "*/*", idempotent: true });
      if (answer.status !== 202) return await play(answer);
      const watched = watch(await answer.json());
      fill(result, watched.element);
      const ended = await watched.ended;
      if (ended.status === "succeeded") await play(await answerOf("GET", path("/jobs/{id}/result", { id: ended.id }), { accept: "*/*" }));
    } catch (error) {
      fill(result, trouble(error));
    } finally {
      speak.disabled = false;
    }
  }

  async function play(answer) {
    const sound = await answer.blob();
    if (address) URL.revokeObjectURL(address);
    address = URL.createObjectURL(sound);
    fill(result, h("audio", { controls: true, src: address, "aria-label": "Spoken text" }),
      h("p", { class: "hint" }, `${size(sound.size)} by ${answer.headers.get("x-tts-provider") ?? "an unnamed provider"} · `,
        h("a", { href: address, download: `speech.${format.value || "wav"}` }, "Save the sound")));
  }

  return {
    element: h("section", { class: "listen" }, h("h2", {}, "Listen"), h("form", { on: { submit } },
      field("Text", text, `At most ${count(limits.tts_max_chars)} characters; more than ${count(limits.tts_sync_chars)} become a job.`),
      h("div", { class: "options" }, field("Voice", voice), field("Format", format),
        h("div", { class: "speed" }, field("Speed", speed), told), later.row),
      h("div", { class: "actions" }, speak)), result),
    shown(handed) {
      if (handed) text.value = handed.slice(0, limits.tts_max_chars);
      voices();
    },
  };
}
