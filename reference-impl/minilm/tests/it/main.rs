//! The model against what its published parts say, and against hostile texts.
#![expect(clippy::unwrap_used, reason = "what cannot go on here is a failed test")]

mod hostile;
mod recorded;
mod sums;

use std::sync::LazyLock;

use minilm::MiniLm;

static MODEL: LazyLock<MiniLm> = LazyLock::new(|| MiniLm::load().unwrap());

fn cosine(one: &[f32], other: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    dot(one, other) / (dot(one, one) * dot(other, other)).sqrt()
}
