"""Derives shapes.json: JSON Schemas of the answers and requests of the Cloudflare API that `deploy` uses, from the types of the official
SDK, which are generated from the official OpenAPI document.

    python3 -m venv .venv && .venv/bin/pip install cloudflare==5.9.0 && .venv/bin/python derive.py

Answers are the SDK's models, requests its typed dictionaries with the names that go over the wire.
"""

import datetime
import inspect
import json
import pathlib
import typing

import cloudflare
import pydantic
import typing_extensions
from cloudflare.types import accounts, kv, queues, r2, user, vectorize, workers, zones
from cloudflare.types.vectorize import indexes
from cloudflare.types.workers import scripts

ANSWERS = {
    "account": accounts.Account,
    "bucket": r2.Bucket,
    "deployments": scripts.DeploymentListResponse,
    "index": vectorize.CreateIndex,
    "metadata_indexes": indexes.MetadataIndexListResponse,
    "namespace": kv.Namespace,
    "queue": queues.Queue,
    "route": workers.RouteListResponse,
    "schedules": scripts.ScheduleGetResponse,
    "script": workers.Script,
    "settings": scripts.ScriptAndVersionSettingGetResponse,
    "token": user.TokenVerifyResponse,
    "version": scripts.VersionGetResponse,
    "version_created": scripts.VersionCreateResponse,
    "version_listed": scripts.VersionListResponse,
    "zone": zones.Zone,
}
REQUESTS = {
    "create_bucket": r2.BucketCreateParams,
    "create_deployment": scripts.DeploymentCreateParams,
    "create_index": vectorize.IndexCreateParams,
    "create_metadata_index": indexes.MetadataIndexCreateParams,
    "create_namespace": kv.NamespaceCreateParams,
    "create_queue": queues.QueueCreateParams,
    "create_route": workers.RouteCreateParams,
    "upload_script": workers.script_update_params.Metadata,
    "upload_version": scripts.version_create_params.Metadata,
}
# What goes into the path or a header and not into the body.
ELSEWHERE = {"account_id", "zone_id", "script_name", "index_name", "jurisdiction", "force"}


def wire(kind):
    """The schema of a type of the SDK, with the names that go over the wire. What is no type of data is anything."""
    if inspect.isclass(kind) and issubclass(kind, pydantic.BaseModel):
        fields = kind.model_fields
        properties = {field.alias or name: wire(field.annotation) for name, field in fields.items()}
        required = sorted(field.alias or name for name, field in fields.items() if field.is_required())
        return {"type": "object", "properties": properties, "required": required}
    if typing_extensions.is_typeddict(kind):
        hints = typing_extensions.get_type_hints(kind, include_extras=True)
        properties, required = {}, []
        for name, hint in hints.items():
            must = False
            while typing.get_origin(hint) in (typing_extensions.Required, typing_extensions.NotRequired):
                must = typing.get_origin(hint) is typing_extensions.Required
                hint = typing.get_args(hint)[0]
            alias = name
            for extra in getattr(hint, "__metadata__", ()):
                alias = getattr(extra, "alias", None) or alias
            if name in ELSEWHERE:
                continue
            properties[alias] = wire(hint)
            if must:
                required.append(alias)
        return {"type": "object", "properties": properties, "required": sorted(required)}
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Annotated:
        return wire(args[0])
    if origin is typing.Literal:
        return {"enum": list(args)}
    if origin is typing.Union or str(origin) == "<class 'types.UnionType'>":
        # An extension of the SDK names constants that a string may have; both are texts.
        return {"anyOf": [wire(arg) for arg in args]}
    if origin is not None and inspect.isclass(origin) and issubclass(origin, typing.Mapping):
        return {"type": "object"}
    if origin is not None and args:
        return {"type": "array", "items": wire(args[0])}
    if kind is datetime.datetime:
        return {"type": "string", "format": "date-time"}
    if kind is datetime.date:
        return {"type": "string", "format": "date"}
    simple = {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null"}
    if kind in simple:
        return {"type": simple[kind]}
    return {}


def main():
    shapes = {
        "source": f"PyPI cloudflare {cloudflare.__version__}, by derive.py; do not edit",
        "answers": {name: wire(kind) for name, kind in ANSWERS.items()},
        "requests": {name: wire(kind) for name, kind in REQUESTS.items()},
    }
    path = pathlib.Path(__file__).with_name("shapes.json")
    path.write_text(json.dumps(shapes, indent=1, sort_keys=True) + "\n")


main()
