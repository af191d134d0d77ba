//! Exit codes, the same for every binary of the workspace.

/// Everything passed.
pub const PASS: u8 = 0;
/// The harness itself broke.
pub const HARNESS: u8 = 1;
/// Wrong usage, or an input file that cannot be used.
pub const USAGE: u8 = 2;
/// The target could not be reached or started.
pub const UNREACHABLE: u8 = 3;
/// Generated files are stale.
pub const STALE: u8 = 4;
/// Checks failed.
pub const FAILED: u8 = 100;
