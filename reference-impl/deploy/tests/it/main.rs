//! `deploy` against a fake of the API, and its configuration against seeded faults.

#[path = "../fake/mod.rs"]
mod fake;

mod docs;
mod faults;
mod fleet;
mod flows;
mod trouble;
mod world;
