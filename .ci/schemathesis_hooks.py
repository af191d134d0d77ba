"""What a valid request needs beyond its schema, so that generated ones are valid indeed.

A cursor is authenticated by the server that made it, a model must be one that the tenant may use, the size of chunks must be
within the tenant's limits and their overlap smaller, the numbers of metadata must be ones that JSON keeps, the documents of a request have different
ids, the id of a JSON-RPC call is not null, the key of a filter is none of the operators, the days of usage are at most a year, a chat has at most as many messages as its
tenant may send and the last one is the user's, and a voice is one that is listed and speaks the language. No schema
says these of requests alone. The conformance suite has cases of its own for each.
"""

import json

import schemathesis


def kept(value):
    """Whether every number survives JSON, and the whole is small enough: what metadata must be beyond its schema."""
    if isinstance(value, dict):
        return all(kept(item) for item in value.values())
    if isinstance(value, list):
        return all(kept(item) for item in value)
    return not isinstance(value, (int, float)) or abs(value) <= 2**53 - 1


def distinct(documents):
    """The documents of a request have different ids."""
    seen = set()
    return [it for it in documents if not isinstance(it, dict) or not (it.get("id") in seen or seen.add(it.get("id")))]


@schemathesis.hook
def before_call(context, case, *args):
    if case.meta is not None and not case.meta.generation.mode.is_positive:
        return
    if case.query:
        for name in ("cursor", "from", "to"):
            case.query.pop(name, None)
    if isinstance(case.body, dict):
        for name in ("model", "voice", "language"):
            case.body.pop(name, None)
        # It holds each event of a stream against the schema of the whole text; the conformance suite judges streams.
        if "stream" in case.body or "messages" in case.body:
            case.body["stream"] = False
        messages = case.body.get("messages")
        if isinstance(messages, list) and messages and isinstance(messages[-1], dict):
            messages[-1]["role"] = "user"
            del messages[:-64]
        if "jsonrpc" in case.body:
            if case.body.get("id", 1) is None:
                case.body["id"] = 1
            if isinstance(case.body.get("params"), dict):
                case.body["params"].pop("_meta", None)
        if isinstance(case.body.get("documents"), list):
            case.body["documents"] = distinct(case.body["documents"])
        for document in case.body.get("documents") or []:
            metadata = document.get("metadata") if isinstance(document, dict) else None
            if metadata and not (kept(metadata) and len(json.dumps(metadata)) < 10_000):
                document["metadata"] = {}
        options = case.body.get("options")
        if isinstance(options, dict):
            for name in ("overlap", "size"):
                options.pop(name, None)
        if isinstance(case.body.get("filter"), dict):
            case.body["filter"] = {key: it for key, it in case.body["filter"].items() if not key.startswith("$")}
