//! The operating system's randomness.

use reference_core::ports::Ids;

/// Bytes from the operating system.
#[derive(Debug, Default, Clone, Copy)]
pub struct OsIds;

impl Ids for OsIds {
    fn fill(&self, bytes: &mut [u8]) {
        // Going on with guessable ids would be worse than failing this request.
        getrandom::fill(bytes).expect("every supported system hands out random bytes");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fills_every_byte_anew() {
        let (mut first, mut second) = ([0; 64], [0; 64]);
        OsIds.fill(&mut first);
        OsIds.fill(&mut second);
        assert!(first != second && first != [0; 64] && first[32..] != [0; 32]);
    }
}
