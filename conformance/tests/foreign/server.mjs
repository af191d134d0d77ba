// A server of petshop.yaml without dependencies.
//
//   node server.mjs PORT [--undocumented]
//
// Port 0 takes a free one. `--undocumented` answers a pet that does not fit with 422, which the document does not have. Every
// request needs `authorization: Bearer petshop-secret`. Prints `listening on http://127.0.0.1:PORT/shop` when it is ready.
import { createServer } from "node:http";

const undocumented = process.argv.includes("--undocumented");
const pets = new Map([1, 2, 3].map((id) => [id, { id, name: "Momo", kind: "cat" }]));
const kinds = ["cat", "dog", "fish"];
let next = 4;

class Refusal extends Error {
  constructor(status, title) {
    super(title);
    this.status = status;
  }
}

const text = (value, least, most) => typeof value === "string" && [...value].length >= least && [...value].length <= most;
const whole = (value, least, most) => Number.isInteger(value) && value >= least && value <= most;

function check(fits, title, status = 400) {
  if (!fits) throw new Refusal(status, title);
}

function newPet(body) {
  const status = undocumented ? 422 : 400;
  check(body !== null && typeof body === "object" && !Array.isArray(body), "no object", status);
  const known = ["name", "kind", "age", "tags"];
  check(Object.keys(body).every((key) => known.includes(key)), "unknown field", status);
  check(text(body.name, 1, 40), "name", status);
  check(kinds.includes(body.kind), "kind", status);
  check(body.age === undefined || whole(body.age, 0, 40), "age", status);
  const { tags } = body;
  check(tags === undefined || (Array.isArray(tags) && tags.length <= 3 && tags.every((tag) => text(tag, 1, 20))), "tags", status);
}

function note(body) {
  check(body !== null && typeof body === "object" && !Array.isArray(body), "no object");
  check(text(body.text, 1, 60), "text");
  check(body.stars === undefined || whole(body.stars, 1, 5), "stars");
}

function json(request, bytes) {
  const type = (request.headers["content-type"] ?? "").split(";")[0].trim().toLowerCase();
  check(type === "application/json", "media type", 415);
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw new Refusal(400, "no JSON");
  }
}

function answer(request, bytes) {
  check(request.headers.authorization === "Bearer petshop-secret", "no key", 401);
  const url = new URL(request.url, "http://localhost");
  const parts = url.pathname.split("/").slice(1);
  check(parts.shift() === "shop" && parts.shift() === "pets" && parts.length < 3, "no such path", 404);
  const route = `${request.method} ${["/pets", "/pets/id", "/pets/id/note"][parts.length]}`;
  check(parts.length < 2 || parts[1] === "note", "no such path", 404);
  const id = Number(parts[0]);
  const pet = () => {
    check(pets.has(id), "no such pet", 404);
    return pets.get(id);
  };
  switch (route) {
    case "GET /pets": {
      const limit = url.searchParams.get("limit");
      const kind = url.searchParams.get("kind");
      check(limit === null || (/^\d+$/.test(limit) && whole(Number(limit), 1, 100)), "limit");
      check(kind === null || kinds.includes(kind), "kind");
      const found = [...pets.values()].filter((it) => kind === null || it.kind === kind).slice(0, Number(limit ?? 100));
      return [200, found, { "x-total": found.length }];
    }
    case "POST /pets": {
      check(text(request.headers["x-shop"], 0, 20), "x-shop");
      const body = json(request, bytes);
      newPet(body);
      const made = { id: next++, name: body.name, kind: body.kind };
      pets.set(made.id, made);
      return [201, made];
    }
    case "GET /pets/id":
      return [200, pet()];
    case "DELETE /pets/id":
      pet();
      pets.delete(id);
      return [204];
    case "PUT /pets/id/note": {
      const body = json(request, bytes);
      note(body);
      pet().note = body.text;
      return [200, pet()];
    }
    default:
      throw new Refusal(405, "no such method");
  }
}

const server = createServer((request, response) => {
  const pieces = [];
  request.on("data", (piece) => pieces.push(piece));
  request.on("end", () => {
    let [status, body, headers, type] = [];
    try {
      [status, body, headers] = answer(request, Buffer.concat(pieces));
      type = "application/json; charset=utf-8";
    } catch (error) {
      status = error.status ?? 500;
      body = { title: error.message };
      type = "application/problem+json";
    }
    response.writeHead(status, body === undefined ? {} : { ...headers, "content-type": type });
    response.end(body === undefined ? undefined : JSON.stringify(body));
  });
});
server.listen(Number(process.argv[2]), "127.0.0.1", () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}/shop`);
});
