//! Flaws that can be turned on one at a time, so that a conformance suite can prove that each of its checks can fail.
//!
//! They exist in a build with the feature `sabotage` alone. In every other build [`on`] is the constant `false`, so that what
//! stands behind it is unreachable and an optimised build does not hold it; what reaches into other tenants' stores or makes
//! up a caller is not compiled at all.

#[cfg(feature = "sabotage")]
mod state;
mod switches;
#[cfg(test)]
mod tests;

#[cfg(feature = "sabotage")]
pub use state::{current, know, on, others, set};
pub use switches::Sabotage;

/// Whether this flaw is on: never, in this build.
#[cfg(not(feature = "sabotage"))]
#[inline]
pub const fn on(_which: Sabotage) -> bool {
    false
}
