//! Percentiles of a record's buckets: what can still be told once histograms have been added.

use contract_types::HistogramBucket;

/// The latency in milliseconds that a share `quantile` of the requests did not exceed; `None` without requests.
///
/// Requests of a bucket are taken to lie evenly between its bounds on a logarithmic scale. Bounds of records are 6 % apart, so that
/// the answer is at most that far off.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
pub fn quantile_ms(buckets: &[HistogramBucket], quantile: f64) -> Option<f64> {
    let all: u64 = buckets.iter().map(|bucket| bucket.count).sum();
    if all == 0 {
        return None;
    }
    let wanted = quantile.clamp(0.0, 1.0) * all as f64;
    let mut below = 0.0;
    let mut before: Option<f64> = None;
    for bucket in buckets.iter().filter(|bucket| bucket.count > 0) {
        let count = bucket.count as f64;
        if below + count >= wanted {
            // A bucket behind a gap begins where its neighbour would end, not where the last full one does.
            let low = before.map_or(bucket.up_to_ms / WIDTH, |before| before.max(bucket.up_to_ms / WIDTH));
            let share = ((wanted - below) / count).clamp(0.0, 1.0);
            return Some(low * (bucket.up_to_ms / low).powf(share));
        }
        below += count;
        before = Some(bucket.up_to_ms);
    }
    before
}

/// The ratio of a bucket's bounds.
const WIDTH: f64 = 1.059_254;

/// Adds buckets bound by bound.
pub(crate) fn sum<'a>(all: impl IntoIterator<Item = &'a [HistogramBucket]>) -> Vec<HistogramBucket> {
    let mut sum: Vec<HistogramBucket> = Vec::new();
    for bucket in all.into_iter().flatten() {
        match sum.binary_search_by(|own| own.up_to_ms.total_cmp(&bucket.up_to_ms)) {
            Ok(at) => sum[at].count += bucket.count,
            Err(at) => sum.insert(at, bucket.clone()),
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    fn buckets(of: &[(f64, u64)]) -> Vec<HistogramBucket> {
        of.iter().map(|(up_to_ms, count)| HistogramBucket { up_to_ms: *up_to_ms, count: *count }).collect()
    }

    #[test]
    fn finds_the_bucket_of_a_percentile() {
        let all = buckets(&[(10.0, 50), (10.593, 45), (100.0, 5)]);
        for (quantile, low, high) in
            [(0.5, 9.9, 10.001), (0.95, 10.59, 10.594), (0.99, 94.4, 100.0), (1.0, 99.9, 100.1)]
        {
            let found = quantile_ms(&all, quantile).unwrap();
            assert!((low..=high).contains(&found), "{quantile}: {found}");
        }
        assert_eq!(quantile_ms(&[], 0.5), None);
    }

    #[test]
    fn adds_equal_bounds_and_keeps_the_others_in_order() {
        let (one, two) = (buckets(&[(1.0, 2), (5.0, 1)]), buckets(&[(1.0, 3), (2.0, 7)]));
        assert_eq!(sum([&one[..], &two]), buckets(&[(1.0, 5), (2.0, 7), (5.0, 1)]));
    }
}
