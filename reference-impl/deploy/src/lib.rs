//! Brings tenants onto Cloudflare: checks their configuration, plans, deploys, promotes, rolls back, and finds drift.
//!
//! `config` is read and checked at once → `wanted` is made of it, purely → `live` is read from the API → `plan` is their difference,
//! purely → `apply` carries it out in steps that can be undone → `verify` reads again. Drift, rollback and promotion use the same values.

pub mod config;
pub mod credentials;
pub mod api;
