//! JavaScript's randomness: `crypto.getRandomValues`.

use reference_core::ports::Ids;
use reference_core::sabotage::{self, Sabotage};

/// Bytes from the runtime.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct JsIds;

impl Ids for JsIds {
    fn fill(&self, bytes: &mut [u8]) {
        if sabotage::on(Sabotage::WorkerIdsRepeat) {
            bytes.fill(7);
            return;
        }
        // Going on with guessable ids would be worse than failing this request.
        getrandom::fill(bytes).expect("a Worker hands out random bytes while it serves a request");
    }
}
