//! Answers of the cache in the bytes that are sent: what is the same for every request is written once for an entry.

use reference_core::search::{Answered, SearchAnswer};
use serde_json::Value;

use super::encode;
use crate::Written;

/// Fields of an answer that each request has of its own, in the order of the contract.
const OWN: [&str; 3] = ["cache", "timings_ms", "request_id"];
/// Room for those fields: numbers, names and an id.
const OWN_BYTES: usize = 400;

/// The answer's bytes; `None` where it is none of the cache's, or where more of it than [`OWN`] is this request's.
pub(super) fn written(answered: &Answered, request_id: &str) -> Option<Written> {
    let Answered::Kept(kept) = answered else { return None };
    let [before, between] = kept.written(parts)?;
    let mut bytes = Vec::with_capacity(before.len() + between.len() + OWN_BYTES);
    bytes.extend_from_slice(before);
    bytes.extend_from_slice(b"\"cache\":");
    serde_json::to_writer(&mut bytes, &encode::cache(kept.cache())).ok()?;
    bytes.extend_from_slice(b",\"timings_ms\":");
    serde_json::to_writer(&mut bytes, &encode::timings(kept.timings())).ok()?;
    bytes.extend_from_slice(between);
    bytes.extend_from_slice(b"\"request_id\":");
    serde_json::to_writer(&mut bytes, request_id).ok()?;
    bytes.push(b'}');
    Some(Written(bytes))
}

/// What stands before the fields of [`OWN`], and between the second and the third of them.
fn parts(answer: &SearchAnswer) -> Option<[Vec<u8>; 2]> {
    let Ok(Value::Object(fields)) = serde_json::to_value(encode::answer(answer.clone(), "")) else { return None };
    let (mut before, mut between) = (b"{".to_vec(), b",".to_vec());
    let mut seen = 0;
    for (name, value) in &fields {
        if OWN.get(seen) == Some(&name.as_str()) {
            seen += 1;
            continue;
        }
        // Written in this order alone: another order of the contract is no answer of this kind.
        let part = match seen {
            0 => &mut before,
            2 => &mut between,
            _ => return None,
        };
        serde_json::to_writer(&mut *part, name).ok()?;
        part.push(b':');
        serde_json::to_writer(&mut *part, value).ok()?;
        part.push(b',');
    }
    (seen == OWN.len()).then_some([before, between])
}
