//! Brings tenants onto Cloudflare: checks their configuration, plans, deploys, promotes, rolls back, and finds drift.
//!
//! `config` is read and checked at once → `wanted` is made of it, purely → `live` is read from the API → `plan` is their difference,
//! purely → `apply` carries it out in steps that can be undone, and verifies. `drift`, `rollback`, `promote` and `remove` use the same
//! values; `fleet` does it for many tenants; `cmd` is the command line.

pub mod api;
pub mod apply;
pub mod cmd;
pub mod config;
pub mod credentials;
pub mod drift;
pub mod fleet;
pub mod live;
pub mod plan;
pub mod promote;
pub mod remove;
pub mod rollback;
pub mod stop;
pub mod wanted;
