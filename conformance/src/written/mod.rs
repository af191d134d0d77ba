//! Written cases: one behaviour a file, `cases/<capability>/<name>.yaml`.

mod assertion;
mod format;
mod load;
mod run;
mod template;

pub use format::Case;
pub use load::load;
pub use run::run;
