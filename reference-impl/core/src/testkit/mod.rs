//! Test doubles and helpers for every crate that tests against core. Nothing here may reach a deployment.

mod clock;
mod database;
mod ids;
mod tenants;
mod timer;
mod tokens;
mod vectors;

pub use clock::ManualClock;
pub use database::MemoryDatabases;
pub use ids::SeededIds;
pub use tenants::{TestCredential, TestTenants};
pub use timer::TestTimer;
pub use tokens::{AUDIENCE, ISSUER, JWKS, SigningKey, claims, sign, token_settings};
pub use vectors::MemoryVectors;
