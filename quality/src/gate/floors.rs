//! The absolute floors, read from `quality/floors.yaml`.

use contract_types::RetrievalMode;
use serde::Deserialize;

const FLOORS: &str = include_str!("../../floors.yaml");

/// A least value.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Floor {
    /// The collection.
    pub collection: String,
    /// Name of the metric.
    pub metric: String,
    /// Its cut.
    #[serde(default)]
    pub k: Option<usize>,
    /// Least value that passes.
    pub least: f64,
}

/// Every floor.
///
/// # Panics
///
/// Never: a test reads the file, which is compiled in.
pub fn floors() -> Vec<Floor> {
    serde_yaml::from_str(FLOORS).expect("the file is compiled in and read by a test")
}

/// The floor of a metric where a run asks in `mode`.
pub fn floor(collection: &str, metric: &str, k: Option<usize>, mode: Option<RetrievalMode>) -> Option<f64> {
    let own = mode.is_none_or(|mode| mode == RetrievalMode::Hybrid);
    let found =
        floors().into_iter().find(|floor| floor.collection == collection && floor.metric == metric && floor.k == k);
    found.filter(|_| own).map(|floor| floor.least)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{answers::METRICS, measure::Measure, tools};

    #[test]
    fn names_metrics_that_there_are() {
        for floor in floors() {
            let known = Measure::named(&floor.metric, floor.k).is_some()
                || (floor.k.is_none() && METRICS.contains(&floor.metric.as_str()))
                || tools::METRICS.contains(&(floor.collection.as_str(), floor.metric.as_str()));
            assert!(known && (0.0..=1.0).contains(&floor.least), "{floor:?}");
        }
    }

    #[test]
    fn holds_for_the_default_mode_and_hybrid_alone() {
        assert_eq!(floor("scifact", "ndcg", Some(10), None), Some(0.725));
        assert_eq!(floor("scifact", "ndcg", Some(10), Some(RetrievalMode::Hybrid)), Some(0.725));
        assert_eq!(floor("scifact", "ndcg", Some(10), Some(RetrievalMode::Dense)), None);
        assert_eq!(floor("unheard-of", "ndcg", Some(10), None), None);
    }
}
