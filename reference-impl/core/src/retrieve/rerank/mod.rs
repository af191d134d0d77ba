//! Rerankers without a model: they look at the texts, headings, vectors and scores of the candidates, and at nothing else.

mod evidence;
mod graph;
mod overlap;
mod terms;

pub use evidence::Evidence;
pub use overlap::TermOverlap;
