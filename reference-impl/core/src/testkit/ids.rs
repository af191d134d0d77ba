//! Randomness that a seed repeats.

use std::sync::atomic::{AtomicU64, Ordering};

use sha2::{Digest, Sha256};

use crate::ports::Ids;

/// SHA-256 of a seed and a counter: the same seed gives the same bytes in the same order. Not for deployments.
#[derive(Debug)]
pub struct SeededIds {
    seed: u64,
    next: AtomicU64,
}

impl SeededIds {
    /// A source that starts at the beginning of `seed`'s sequence.
    pub fn new(seed: u64) -> Self {
        Self { seed, next: AtomicU64::new(0) }
    }
}

impl Ids for SeededIds {
    fn fill(&self, bytes: &mut [u8]) {
        for part in bytes.chunks_mut(32) {
            let at = self.next.fetch_add(1, Ordering::Relaxed);
            let block = Sha256::new().chain_update(self.seed.to_be_bytes()).chain_update(at.to_be_bytes()).finalize();
            part.iter_mut().zip(block).for_each(|(to, from)| *to = from);
        }
    }
}
