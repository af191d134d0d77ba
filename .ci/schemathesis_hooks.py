"""What a valid request needs beyond its schema, so that generated ones are valid indeed.

A cursor is authenticated by the server that made it, a model must be one that the tenant may use, and the overlap of chunks
must be smaller than their size. A schema can say none of these. The conformance suite has cases of its own for each.
"""

import schemathesis


@schemathesis.hook
def before_call(context, case, *args):
    if case.meta is not None and not case.meta.generation.mode.is_positive:
        return
    if case.query:
        case.query.pop("cursor", None)
    if isinstance(case.body, dict):
        case.body.pop("model", None)
        options = case.body.get("options")
        if isinstance(options, dict):
            options.pop("overlap", None)
