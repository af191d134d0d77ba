//! Models that this host reaches over the network.

mod chat;

pub use chat::ChatGenerator;
