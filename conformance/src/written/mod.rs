//! Written cases: one behaviour a file, `cases/<capability>/<name>.yaml`.

mod assertion;
mod expect;
pub(crate) mod format;
mod load;
mod request;
mod run;
mod template;

pub use expect::difference;
pub use format::{Case, Polarity};
pub use load::load;
pub(crate) use load::made;
pub use run::run;
