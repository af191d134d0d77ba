//! Tenant databases in Durable Objects: one object with its own SQLite for each tenant.
//!
//! A batch travels as JSON to the tenant's object and runs there as one transaction. The object checks that it is the one
//! of the tenant that the batch names.

mod databases;
mod message;
mod object;
mod statement;

pub(crate) use databases::ObjectDatabases;
