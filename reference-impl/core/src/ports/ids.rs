//! Randomness as a port.

/// Source of random bytes, fit for identifiers that must not be guessed.
pub trait Ids: Send + Sync {
    /// Fills `bytes` from a cryptographically secure source.
    fn fill(&self, bytes: &mut [u8]);
}
