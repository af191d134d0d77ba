//! The reference deployment on an operating system: what core's ports need from it, configuration, and `serve`.

pub mod clock;
pub mod docs;
pub mod ids;
pub mod sqlite;
pub mod tasks;
pub mod telemetry;
