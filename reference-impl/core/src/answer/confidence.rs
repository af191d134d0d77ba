//! How sure an answer is.

use super::citations::Citation;
use super::evidence::Evidence;
use crate::tenancy::ConfidenceThresholds;

/// The band of an answer's confidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Band {
    /// The documents do not answer.
    None,
    /// They may.
    Low,
    /// They likely do.
    Medium,
    /// They do.
    High,
}

impl Band {
    /// Every value.
    pub const ALL: [Self; 4] = [Self::None, Self::Low, Self::Medium, Self::High];

    /// The contract's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }

    /// The value of the contract's word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|band| band.as_str() == text)
    }

    /// The band that `score` falls into.
    pub fn of(score: f64, thresholds: ConfidenceThresholds) -> Self {
        if score >= thresholds.high {
            Self::High
        } else if score >= thresholds.medium {
            Self::Medium
        } else if score >= thresholds.low {
            Self::Low
        } else {
            Self::None
        }
    }
}

/// How sure an answer is, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Confidence {
    /// 0 to 1.
    pub score: f64,
    /// By the tenant's thresholds.
    pub band: Band,
    /// Why, in plain words.
    pub reasons: Vec<String>,
}

impl Confidence {
    /// No confidence at all, for `reason`.
    pub fn none(reason: &str) -> Self {
        Self { score: 0.0, band: Band::None, reasons: vec![reason.to_owned()] }
    }

    /// The confidence that `evidence` and the citations give.
    pub(crate) fn of(evidence: &Evidence, citations: &[Citation], thresholds: ConfidenceThresholds) -> Self {
        let score = (evidence.probability() * 1e4).round() / 1e4;
        let band = Band::of(score, thresholds);
        let mut documents: Vec<&str> = citations.iter().map(|citation| citation.document_id.as_str()).collect();
        documents.sort_unstable();
        documents.dedup();
        let mut reasons = evidence.reasons();
        reasons.push(match (band, documents.len()) {
            (Band::None, _) => "no document supports an answer well enough".to_owned(),
            (Band::Low | Band::Medium | Band::High, 1) => "one document supports the answer".to_owned(),
            (Band::Low | Band::Medium | Band::High, count) => format!("{count} documents support the answer"),
        });
        Self { score, band, reasons }
    }
}
