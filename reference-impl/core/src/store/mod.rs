//! The tenant database: its schema and its typed repositories.

pub mod audio;
mod error;
pub mod idempotency;
pub mod jobs;
pub(crate) mod metrics;
mod migrations;
pub mod rate;
pub(crate) mod read;

pub use error::StoreError;
pub use migrations::{MIGRATIONS, Migration};
