"""Cursors are authenticated by the server that made them: an invented one is refused, which the schema cannot say.

So they are left out of generated queries; the conformance suite's own cases hold real, edited and foreign cursors.
"""

import schemathesis


@schemathesis.hook
def map_query(context, query):
    if query:
        query.pop("cursor", None)
    return query
