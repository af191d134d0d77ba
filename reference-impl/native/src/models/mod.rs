//! The models that this host adds to core's own: a neural embedder on its processors, and models behind URLs.

mod neural;
pub mod remote;
mod word_piece;

pub use neural::MiniLmEmbedder;
pub use word_piece::WordPieceTokenizer;
