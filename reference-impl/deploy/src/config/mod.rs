//! The configuration of deployments, read and checked as a whole before anything is done: `deploy.yaml`, `platform.yaml` and every
//! `<tenant>/tenant.yaml`.

mod check;
mod cron;
mod deployment;
mod load;
mod models;
mod needs;
mod problem;
pub(crate) mod schema;
mod source;

pub use deployment::{Deployment, Environment};
pub use load::{Folder, Places, load};
pub use needs::{NEEDS, Need};
pub use problem::Problem;
pub use source::Source;

/// Largest text of one plain setting of a Worker, in bytes; CONFIG is one.
pub const VAR_BYTES: usize = 5120;
