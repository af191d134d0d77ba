//! JSON pointers (RFC 6901), the way every message of this crate names a place.

/// Appends one reference token to a pointer, escaped.
pub(crate) fn join(pointer: &str, token: &str) -> String {
    format!("{pointer}/{}", token.replace('~', "~0").replace('/', "~1"))
}
