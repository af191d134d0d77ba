// One HTTP listener for all stand-ins: what the bindings of bindings.mjs call, and the REST addresses of Workers AI and AI Gateway.
//
//   POST /vectorize/{call}, /ai/run                        for the bindings, arguments as JSON
//   POST /client/v4/accounts/{account}/ai/run/{model}      Workers AI over REST
//   POST /v1/{account}/{gateway}/workers-ai/{model}        the same behind an AI Gateway
//   GET /kv                                                which fault strikes the next call of KV
//   GET /state; PUT /faults/{service}; DELETE /faults      for whoever runs it
import { createServer } from "node:http";
import { AiStandIn } from "./ai.mjs";
import { Trouble } from "./trouble.mjs";
import { VectorizeStandIn } from "./vectorize.mjs";

async function body(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return chunks.length ? JSON.parse(Buffer.concat(chunks).toString("utf8")) : undefined;
}

function sent(response, { type, body: content }) {
  response.writeHead(200, { "content-type": type });
  for (const piece of [content].flat()) response.write(piece);
  response.end();
}

/**
 * Starts the stand-ins on a free port of loopback.
 * @returns their objects, `url` without a final slash, and `stop`
 */
export async function standIns({ dimensions = 512, metadataIndexes = [], delayMs = 0 } = {}) {
  const trouble = new Trouble();
  const vectorize = new VectorizeStandIn({ dimensions, metadataIndexes, delayMs, trouble });
  const ai = new AiStandIn({ trouble });
  const points = [];
  const json = (response, status, value) =>
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));

  async function answer(request, response) {
    const path = decodeURIComponent(new URL(request.url, "http://stand-in").pathname);
    const [, first, second] = path.split("/");
    const rest = path.match(/^\/client\/v4\/accounts\/[^/]+\/ai\/run\/(.+)$/);
    const gateway = path.match(/^\/v1\/[^/]+\/([^/]+)\/workers-ai\/(.+)$/);
    try {
      const counts = { ...trouble.counts, points: points.length };
      if (path === "/state") return json(response, 200, { counts, calls: ai.calls, index: vectorize.describe() });
      if (first === "faults" && request.method === "PUT") trouble.set(second, await body(request));
      else if (first === "faults") trouble.clear(second);
      else if (path === "/points") points.push(await body(request));
      else if (path === "/kv") return json(response, 200, { fault: (await trouble.strike("kv", (await body(request)).call)) ?? null });
      else if (first === "vectorize") return json(response, 200, await vectorize.call(second, await body(request)));
      else if (path === "/ai/run") {
        const [model, inputs, options] = await body(request);
        return sent(response, await ai.run(model, inputs, options?.gateway));
      } else if (rest || gateway) {
        const inputs = await body(request);
        const metadata = request.headers["cf-aig-metadata"];
        const through = gateway && { id: gateway[1], ...(metadata && { metadata: JSON.parse(metadata) }) };
        const given = await ai.run(rest ? rest[1] : gateway[2], inputs, through ?? undefined);
        if (given.type !== "application/json") return sent(response, given);
        return json(response, 200, { result: JSON.parse(given.body), success: true, errors: [], messages: [] });
      } else return json(response, 404, { success: false, errors: [{ code: 7000, message: "No route for that URI" }] });
      return response.writeHead(204).end();
    } catch (error) {
      const thrown = { name: error.name, message: error.message };
      if (first === "vectorize" || path === "/ai/run") return json(response, 599, thrown);
      return json(response, error.status ?? 500, { success: false, result: null, messages: [],
        errors: [{ code: error.code ?? 10000, message: error.message }] });
    }
  }

  const server = createServer((request, response) => answer(request, response).catch(() => response.destroy()));
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  const address = `127.0.0.1:${server.address().port}`;
  const stop = () => {
    trouble.clear();
    server.closeAllConnections();
    return new Promise((done) => server.close(done));
  };
  return { trouble, vectorize, ai, points, address, url: `http://${address}`, stop };
}
