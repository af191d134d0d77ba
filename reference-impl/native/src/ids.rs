//! The operating system's randomness.

use std::cell::RefCell;

use reference_core::ports::Ids;

/// Bytes that a thread fetches at once: those of some fifty requests.
const FETCHED: usize = 2_048;

/// Bytes from the operating system. Each thread fetches some ahead, so that not every id is a call of the system; what is
/// given out is wiped where it lay.
#[derive(Debug, Default, Clone, Copy)]
pub struct OsIds;

struct Ahead {
    bytes: [u8; FETCHED],
    /// Bytes from the end that were not given out.
    left: usize,
}

thread_local! {
    static AHEAD: RefCell<Ahead> = const { RefCell::new(Ahead { bytes: [0; FETCHED], left: 0 }) };
}

impl Ids for OsIds {
    fn fill(&self, bytes: &mut [u8]) {
        if bytes.len() > FETCHED {
            return fetch(bytes);
        }
        AHEAD.with_borrow_mut(|ahead| {
            if ahead.left < bytes.len() {
                fetch(&mut ahead.bytes);
                ahead.left = FETCHED;
            }
            let from = FETCHED - ahead.left;
            let given = &mut ahead.bytes[from..from + bytes.len()];
            bytes.copy_from_slice(given);
            given.fill(0);
            ahead.left -= bytes.len();
        });
    }
}

fn fetch(bytes: &mut [u8]) {
    // Going on with guessable ids would be worse than failing this request.
    getrandom::fill(bytes).expect("every supported system hands out random bytes");
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn fills_every_byte_anew() {
        let (mut first, mut second) = ([0; 64], [0; 64]);
        OsIds.fill(&mut first);
        OsIds.fill(&mut second);
        assert!(first != second && first != [0; 64] && first[32..] != [0; 32]);
        let mut many = [0; 3 * FETCHED];
        OsIds.fill(&mut many);
        assert!(many[2 * FETCHED..].iter().any(|byte| *byte != 0));
    }

    #[test]
    fn gives_no_bytes_twice_where_it_fetches_ahead() {
        let mut seen = BTreeSet::new();
        for _ in 0..3 * FETCHED / 24 {
            let mut bytes = [0; 24];
            OsIds.fill(&mut bytes);
            assert!(seen.insert(bytes) && bytes != [0; 24]);
        }
    }
}
