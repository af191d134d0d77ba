//! Tools: declared once in the contract, called by one dispatcher that checks, bounds and records every call.

mod classes;
mod declared;
mod dispatch;
pub mod entities;
mod error;
pub mod ingestion;
pub mod intent;
mod jobs;
mod pending;
mod registry;
pub mod summarize;
pub mod tagging;
#[cfg(test)]
mod tests;
mod text;
mod turn;

pub use declared::{Declaration, Limits, SideEffects};
pub use dispatch::{ToolCall, ToolCounts, ToolOutput};
pub(crate) use dispatch::{Toolbox, outcome};
pub use error::{ToolError, ToolFault};
pub use ingestion::{Converter, ConverterError, FileKind};
pub(crate) use jobs::decode_output;
pub use registry::{Registered, RegistrationError, Registry, Tool, ToolRun};
pub use turn::ToolTurn;
