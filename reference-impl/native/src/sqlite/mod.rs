//! Tenant databases in SQLite: one file a tenant, crash-safe, many readers beside one writer.

mod batch;
mod connection;
mod database;
mod databases;

pub use databases::SqliteDatabases;
