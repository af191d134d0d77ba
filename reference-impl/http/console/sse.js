// Server-sent events out of a body: fields by line, an event at each blank line, comments skipped.

const TERMINATOR = "[DONE]";

/** The body ended before the terminator did: what was read so far is not the whole answer. */
export class StreamCut extends Error {
  constructor() {
    super("the stream ended before its answer did");
    this.name = "StreamCut";
  }
}

/** Yields `{event, data}` of each event, `data` read as JSON, until the terminator. */
export async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  let event = "";
  let data = [];
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) throw new StreamCut();
      rest += value;
      // A line ends with CR, LF or both; a CR at the end of a piece may be half of both.
      let match;
      while ((match = /\r\n|\n|\r(?!$)/.exec(rest))) {
        const line = rest.slice(0, match.index);
        rest = rest.slice(match.index + match[0].length);
        if (line === "") {
          const text = data.join("\n");
          if (data.length > 0 && text === TERMINATOR) return;
          if (data.length > 0) yield { event: event || "message", data: JSON.parse(text) };
          [event, data] = ["", []];
          continue;
        }
        const [, name, value = ""] = /^([^:]*)(?:: ?(.*))?$/s.exec(line);
        if (name === "event") event = value;
        else if (name === "data") data.push(value);
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}
