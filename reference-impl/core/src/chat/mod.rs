//! One turn of a conversation: what came before, what the documents say, what a model writes, and what of that may leave.
//!
//! A turn is pulled: nothing is read from the model before the client takes what was made, and dropping the turn ends the
//! call, gives its session back and leaves the history as it was.

mod check;
mod context;
mod error;
mod extractive;
mod grounded;
mod guard;
mod model;
mod parts;
mod turn;
mod written;

pub(crate) use check::check;
pub(crate) use context::{Said, question, recent, spoken, turns};
pub use error::ChatError;
pub use extractive::ExtractiveChat;
pub use model::{ChatEvent, ChatRequest, ChatSummary, Finish};
pub use turn::Turn;
pub(crate) use turn::{Ask, Begin, Plan, kept};
