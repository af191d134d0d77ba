//! `deploy` against a fake of the API, and its configuration against seeded faults.
#![expect(clippy::unwrap_used, reason = "what cannot go on here is a failed test")]

#[path = "../fake/mod.rs"]
mod fake;

mod docs;
mod faults;
mod fleet;
mod flows;
mod promote;
mod stopped;
mod strange;
mod trouble;
mod world;
