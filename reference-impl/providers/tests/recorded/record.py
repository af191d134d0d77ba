"""Records what the PyPI package `openai` sends to a server and makes of its answers, one JSON file for each exchange.

    pip install openai && python record.py

A server on this machine answers with the bodies below. What the client sent, what it was answered and what it understood are
written beside this script; the adapter is held to all three (`tests/recorded.rs`).
"""

import json
import pathlib
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import openai

HERE = pathlib.Path(__file__).parent
KEY = "recorded-key"

TOOL = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "Tells the weather of a place.",
        "parameters": {"type": "object", "properties": {"place": {"type": "string"}}, "required": ["place"]},
    },
}
MESSAGES = [
    {"role": "system", "content": "Answer briefly."},
    {"role": "user", "content": "Grüße from Ålesund: how is the weather?"},
]
CALLED = {"id": "call_9", "type": "function", "function": {"name": "weather", "arguments": '{"place":"Ålesund"}'}}
TURNS = [*MESSAGES, {"role": "assistant", "content": "", "tool_calls": [CALLED]},
         {"role": "tool", "content": "rain", "tool_call_id": "call_9"}]


def chunk(delta, finish=None, usage=None, choices=True):
    """One event of a stream as the service writes it."""
    body = {"id": "c-1", "object": "chat.completion.chunk", "created": 1, "model": "m-1"}
    body["choices"] = [{"index": 0, "delta": delta, "finish_reason": finish}] if choices else []
    body["usage"] = usage
    return body


def events(*chunks):
    return "".join(f"data: {json.dumps(it, ensure_ascii=False)}\n\n" for it in chunks) + "data: [DONE]\n\n"


def part(index, **fields):
    return {"tool_calls": [{"index": index, **fields}]}


USAGE = {"prompt_tokens": 21, "completion_tokens": 7, "total_tokens": 28}


def whole(message, finish):
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish, "logprobs": None}
    return {"id": "c-1", "object": "chat.completion", "created": 1, "model": "m-1", "choices": [choice], "usage": USAGE}


ASK = {"model": "m-1", "messages": MESSAGES}
STREAM = {"stream": True, "stream_options": {"include_usage": True}}
EXCHANGES = {
    "embeddings": (
        lambda client: client.embeddings.create(model="m-1", input=["one", "two"], encoding_format="float"),
        {"object": "list", "model": "m-1", "usage": {"prompt_tokens": 2, "total_tokens": 2},
         "data": [{"object": "embedding", "index": 0, "embedding": [0.6, 0.8]},
                  {"object": "embedding", "index": 1, "embedding": [1.0, 0.0]}]},
    ),
    "chat-whole": (
        lambda client: client.chat.completions.create(**ASK, stream=False, max_tokens=400, temperature=0.0),
        whole({"content": "Rain, sagt Ålesund."}, "stop"),
    ),
    "chat-stream": (
        lambda client: client.chat.completions.create(**ASK, **STREAM, max_tokens=9, temperature=0.5, stop=["END"]),
        events(chunk({"role": "assistant", "content": ""}), chunk({"content": "Rain, "}), chunk({"content": "sagt Ålesund"}),
               chunk({}, "length"), chunk({}, usage=USAGE, choices=False)),
    ),
    "chat-stream-tools": (
        lambda client: client.chat.completions.create(**ASK, **STREAM, tools=[TOOL]),
        events(chunk({"role": "assistant", "content": None}),
               chunk(part(0, id="call_1", type="function", function={"name": "weather", "arguments": ""})),
               chunk(part(0, function={"arguments": '{"pla'})), chunk(part(0, function={"arguments": 'ce":"Ålesund"}'})),
               chunk(part(1, id="call_2", type="function", function={"name": "weather", "arguments": ""})),
               chunk(part(1, function={"arguments": '{"place":"Oslo"}'})), chunk({}, "tool_calls"),
               chunk({}, usage=USAGE, choices=False)),
    ),
    "chat-stream-after-tools": (
        lambda client: client.chat.completions.create(model="m-1", messages=TURNS, **STREAM, tools=[TOOL]),
        events(chunk({"role": "assistant", "content": "It rains."}), chunk({}, "stop"), chunk({}, usage=USAGE, choices=False)),
    ),
}


def understood(answer):
    """What the client made of an answer, in plain words."""
    if hasattr(answer, "data"):
        return {"vectors": [it.embedding for it in answer.data], "tokens_in": answer.usage.prompt_tokens}
    if hasattr(answer, "choices"):
        choice = answer.choices[0]
        return {"text": choice.message.content, "tools": [], "finish": choice.finish_reason,
                "tokens": [answer.usage.prompt_tokens, answer.usage.completion_tokens]}
    told = {"text": "", "tools": [], "finish": None, "tokens": None}
    for event in answer:
        if event.usage:
            told["tokens"] = [event.usage.prompt_tokens, event.usage.completion_tokens]
        for choice in event.choices:
            told["text"] += choice.delta.content or ""
            told["finish"] = choice.finish_reason or told["finish"]
            for call in choice.delta.tool_calls or []:
                if call.index == len(told["tools"]):
                    told["tools"].append({"id": call.id, "tool": call.function.name, "arguments": ""})
                told["tools"][call.index]["arguments"] += call.function.arguments or ""
    return told


def main():
    seen, answer = [], {}

    class Server(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            kept = {name: self.headers[name] for name in ("authorization", "content-type")}
            seen.append({"method": "POST", "path": self.path, "headers": kept, "body": body})
            self.send_response(200)
            self.send_header("content-type", answer["content_type"])
            self.end_headers()
            self.wfile.write(answer["body"].encode())

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    client = openai.OpenAI(api_key=KEY, base_url=f"http://127.0.0.1:{server.server_port}/v1", max_retries=0)
    for name, (call, body) in EXCHANGES.items():
        streamed = isinstance(body, str)
        answer["content_type"] = "text/event-stream" if streamed else "application/json"
        answer["body"] = body if streamed else json.dumps(body, ensure_ascii=False)
        told = understood(call(client))
        record = {"client": f"openai {openai.__version__}", "request": seen.pop(), "response": dict(answer), "understood": told}
        (HERE / f"{name}.json").write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n")
    server.shutdown()


if __name__ == "__main__":
    main()
