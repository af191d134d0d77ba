//! The models that this host adds to core's own: a neural embedder on its processors, and the client that reaches those behind
//! URLs.

mod fetch;
mod neural;
mod word_piece;

pub use fetch::{CertificatesError, HttpFetch};
pub use neural::MiniLmEmbedder;
pub use word_piece::WordPieceTokenizer;
