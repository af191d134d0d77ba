//! The dense half: an exact scan over the tenant's vectors.

use super::index::CorpusIndex;

/// Lanes of the dot product: enough for the compiler to use the widest registers there are.
const LANES: usize = 16;

/// Scores every allowed entry against `query` and returns the best `depth`, as positions and cosines, best first; equal
/// cosines are in the order of chunk ids.
pub(crate) fn nearest(
    index: &CorpusIndex,
    allowed: &(dyn Fn(usize) -> bool + Sync),
    query: &[f32],
    depth: usize,
) -> Vec<(usize, f64)> {
    let mut scored: Vec<(usize, f64)> = (0..index.entries.len())
        .filter(|position| allowed(*position))
        .map(|position| (position, f64::from(dot(index.vector(position), query))))
        .collect();
    let order = |one: &(usize, f64), other: &(usize, f64)| {
        other.1.total_cmp(&one.1).then_with(|| index.entries[one.0].chunk_id.cmp(&index.entries[other.0].chunk_id))
    };
    if scored.len() > depth {
        scored.select_nth_unstable_by(depth, order);
        scored.truncate(depth);
    }
    scored.sort_unstable_by(order);
    scored
}

/// Dot product. Sums in a fixed order, so that every host gives the same bits.
pub(crate) fn dot(one: &[f32], other: &[f32]) -> f32 {
    let (one_lanes, one_rest) = one.as_chunks::<LANES>();
    let (other_lanes, other_rest) = other.as_chunks::<LANES>();
    let mut sums = [0.0_f32; LANES];
    for (one, other) in one_lanes.iter().zip(other_lanes) {
        for lane in 0..LANES {
            sums[lane] += one[lane] * other[lane];
        }
    }
    let rest: f32 = one_rest.iter().zip(other_rest).map(|(one, other)| one * other).sum();
    sums.iter().sum::<f32>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn multiplies_vectors_of_any_length() {
        for length in [0_u16, 1, 15, 16, 17, 40] {
            let one: Vec<f32> = (0..length).map(f32::from).collect();
            let other = vec![2.0_f32; usize::from(length)];
            let expected: f32 = one.iter().map(|value| value * 2.0).sum();
            assert!((dot(&one, &other) - expected).abs() < 1e-3);
        }
    }
}
