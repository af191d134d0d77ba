//! What every suite shares: target profiles, starting a target, the HTTP and event-stream client, the judge that holds each
//! response against the contract, the canary scanner, values drawn from schemas, seeding, and the run record.
//!
//! A suite knows its target by HTTP alone, so all of this fits any deployment, in any language.

pub mod arbitrary;
pub mod auc;
pub mod audio;
pub mod canary;
pub mod client;
pub mod credential;
pub mod curl;
pub mod doctor;
pub mod exit;
pub mod judge;
pub mod mark;
pub mod output;
pub mod pace;
pub mod prepare;
pub mod profile;
pub mod record;
pub mod redact;
pub mod root;
pub mod seed;
pub mod sse;
pub mod target;
pub mod token;
pub mod upstream;
pub mod wire;

pub use root::project_root;
