//! What every suite shares: target profiles, starting a target, the HTTP and event-stream client, the judge that holds each
//! response against the contract, the canary scanner, values drawn from schemas, seeding, and the run record.
//!
//! A suite knows its target by HTTP alone, so all of this fits any deployment, in any language.

pub mod arbitrary;
pub mod canary;
pub mod client;
pub mod credential;
pub mod curl;
pub mod exit;
pub mod judge;
pub mod output;
pub mod pace;
pub mod prepare;
pub mod profile;
pub mod record;
pub mod redact;
pub mod seed;
pub mod sse;
pub mod target;
pub mod token;
pub mod wire;

use std::path::{Path, PathBuf};

/// Environment variable that names another root than the workspace that this crate was built in.
pub const ROOT: &str = "PLUMBLINE_ROOT";

/// The root of the project: what [`ROOT`] names, or the workspace that this crate was built in.
pub fn project_root() -> PathBuf {
    if let Some(root) = std::env::var_os(ROOT).filter(|root| !root.is_empty()) {
        return PathBuf::from(root);
    }
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_path_buf()
}
