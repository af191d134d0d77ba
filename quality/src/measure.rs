//! The measures of a run by name, each with its cut, in the order of tables.

use std::fmt;

use crate::{
    metrics::{self, Judgements},
    ranking::Ranking,
};

/// Persistence of the reader that rank-biased precision stands for.
pub const PERSISTENCE: f64 = 0.8;
/// Documents that are looked at where a measure has no cut of its own.
const DEPTH: usize = 100;

/// What is measured of one ranking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Ndcg,
    Recall,
    Precision,
    Ap,
    Mrr,
    Rbp,
    Success,
    Judged,
}

/// A measure of one ranking, from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measure {
    kind: Kind,
    /// Rank down to which it looks; `None` for all of a ranking.
    pub k: Option<usize>,
}

const fn at(kind: Kind, k: usize) -> Measure {
    Measure { kind, k: Some(k) }
}

const fn of_all(kind: Kind) -> Measure {
    Measure { kind, k: None }
}

impl Measure {
    /// What the gate compares with a baseline.
    pub const GATED: Self = at(Kind::Ndcg, 10);

    /// Every measure.
    pub const ALL: &'static [Self] = &[
        at(Kind::Ndcg, 5),
        Self::GATED,
        at(Kind::Ndcg, 100),
        at(Kind::Recall, 5),
        at(Kind::Recall, 10),
        at(Kind::Recall, 100),
        at(Kind::Precision, 1),
        at(Kind::Precision, 5),
        at(Kind::Precision, 10),
        of_all(Kind::Ap),
        at(Kind::Ap, 10),
        of_all(Kind::Mrr),
        of_all(Kind::Rbp),
        at(Kind::Success, 1),
        at(Kind::Success, 5),
        at(Kind::Success, 10),
        at(Kind::Judged, 10),
    ];

    /// Its name in records: `ndcg`, `recall`, `map` and so on, without the cut.
    pub fn metric(self) -> &'static str {
        match self.kind {
            Kind::Ndcg => "ndcg",
            Kind::Recall => "recall",
            Kind::Precision => "precision",
            Kind::Ap if self.k.is_none() => "map",
            Kind::Ap => "ap",
            Kind::Mrr => "mrr",
            Kind::Rbp => "rbp",
            Kind::Success => "success",
            Kind::Judged => "judged",
        }
    }

    /// The measure that records call `metric`, with this cut.
    pub fn named(metric: &str, k: Option<usize>) -> Option<Self> {
        Self::ALL.iter().copied().find(|measure| measure.metric() == metric && measure.k == k)
    }

    /// Its value for one ranking.
    pub fn of(self, ranking: &Ranking, judgements: &Judgements) -> f64 {
        let k = self.k.unwrap_or(DEPTH);
        match self.kind {
            Kind::Ndcg => metrics::ndcg(ranking, judgements, k),
            Kind::Recall => metrics::recall(ranking, judgements, k),
            Kind::Precision => metrics::precision(ranking, judgements, k),
            Kind::Ap => metrics::average_precision(ranking, judgements, k),
            Kind::Mrr => metrics::reciprocal_rank(ranking, judgements),
            Kind::Rbp => metrics::rank_biased_precision(ranking, judgements, PERSISTENCE),
            Kind::Success => metrics::success(ranking, judgements, k),
            Kind::Judged => metrics::judged(ranking, judgements, k),
        }
    }
}

/// `ndcg@10`, `mrr`.
impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.metric())?;
        self.k.map_or(Ok(()), |k| write!(f, "@{k}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_every_measure_by_its_name() {
        for measure in Measure::ALL {
            assert_eq!(Measure::named(measure.metric(), measure.k), Some(*measure));
        }
        assert_eq!(Measure::named("ndcg", Some(7)), None);
        assert_eq!(Measure::GATED.to_string(), "ndcg@10");
    }
}
