//! The gate, in three steps: what must be exact, what must not have got worse than the baseline, and what must reach a floor.

pub mod floors;
pub mod statistics;
#[cfg(test)]
mod tests;

use std::fmt;

use contract_types::{CaseRecord, CaseRecordLevel, CaseRecordOutcome};

use crate::{
    baseline::{Baseline, kept_score},
    collection::FIXTURES,
    evaluate::Evaluated,
    measure::Measure,
};
use statistics::{Compared, SIGNIFICANCE, compare, holm};

/// Loss of nDCG@10 that is let through when nothing else is asked for.
pub const MARGIN: f64 = 0.02;
/// Most problems that one gate tells.
const TOLD: usize = 5;

/// A step of the gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Rankings, counts and metadata, to the letter.
    Exact,
    /// The comparison with the baseline.
    Statistics,
    /// The absolute floors.
    Floor,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Exact => "exact",
            Self::Statistics => "statistics",
            Self::Floor => "floor",
        })
    }
}

/// How one gate ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It holds; what was found.
    Pass(String),
    /// It does not hold, and why.
    Fail(String),
    /// It cannot be asked, and why.
    NotApplicable(String),
}

/// One gate of one collection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gate {
    /// Its step.
    pub step: Step,
    /// Its name within the collection.
    pub name: String,
    /// The collection.
    pub collection: String,
    /// How it ended.
    pub verdict: Verdict,
}

impl Gate {
    /// Whether it failed.
    pub fn fails(&self) -> bool {
        matches!(self.verdict, Verdict::Fail(_))
    }

    /// As a case of a run record.
    pub fn case(&self) -> CaseRecord {
        let cut = |text: &str| harness::record::cut(text, 4096).0;
        let (outcome, message, reason) = match &self.verdict {
            Verdict::Pass(_) => (CaseRecordOutcome::Pass, None, None),
            Verdict::Fail(message) => (CaseRecordOutcome::Fail, Some(cut(message)), None),
            Verdict::NotApplicable(reason) => (CaseRecordOutcome::NotApplicable, None, Some(cut(reason))),
        };
        CaseRecord {
            id: format!("quality/{}/{}/{}", self.collection, self.step, self.name),
            kind: "gate".to_owned(),
            operation: None,
            rule: None,
            level: CaseRecordLevel::Must,
            outcome,
            duration_ms: 0.0,
            message,
            curl: None,
            request: None,
            response: None,
            reason,
            attempts: None,
        }
    }
}

/// What the gate is asked with.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    /// Loss of nDCG@10 that is let through.
    pub margin: f64,
    /// Seed of flips and samples.
    pub seed: u64,
}

/// A collection with its baseline and their comparison.
#[derive(Debug, Clone)]
pub struct Judged {
    /// What the collection came to.
    pub evaluated: Evaluated,
    /// Its baseline, where there is one.
    pub baseline: Option<Baseline>,
    /// The comparison, where there is a baseline.
    pub compared: Option<Compared>,
    /// The gates.
    pub gates: Vec<Gate>,
}

/// Judges several collections together; Holm's correction is over those that have a baseline.
pub fn judge(collections: Vec<(Evaluated, Option<Baseline>)>, terms: Terms) -> Vec<Judged> {
    let compared: Vec<Option<Compared>> = collections
        .iter()
        .map(|(evaluated, baseline)| baseline.as_ref().map(|baseline| against(evaluated, baseline, terms.seed)))
        .collect();
    let mut corrected = holm(&compared.iter().flatten().map(|found| found.p_loss).collect::<Vec<_>>()).into_iter();
    let mut judged = Vec::new();
    for ((evaluated, baseline), compared) in collections.into_iter().zip(compared) {
        let mut gates = exact(&evaluated, baseline.as_ref());
        let p_loss = compared.and_then(|_| corrected.next());
        gates.push(loss(&evaluated, compared.as_ref().zip(p_loss), terms.margin));
        gates.extend(floors_of(&evaluated));
        judged.push(Judged { evaluated, baseline, compared, gates });
    }
    judged
}

/// The comparison over the questions that both have.
fn against(evaluated: &Evaluated, baseline: &Baseline, seed: u64) -> Compared {
    let pairs = evaluated.scored().filter_map(|found| {
        let before = baseline.queries.get(&found.asked.id)?;
        Some((before.score, kept_score(found.measure(Measure::GATED))))
    });
    let (before, now): (Vec<f64>, Vec<f64>) = pairs.unzip();
    compare(&before, &now, seed)
}

fn exact(evaluated: &Evaluated, baseline: Option<&Baseline>) -> Vec<Gate> {
    let gate = |name: &str, verdict: Verdict| Gate {
        step: Step::Exact,
        name: name.to_owned(),
        collection: evaluated.collection.clone(),
        verdict,
    };
    let none = |what: &str, found: &[String], passed: String| {
        if found.is_empty() { Verdict::Pass(passed) } else { Verdict::Fail(format!("{what}: {}", told(found))) }
    };
    let mut gates = vec![
        gate(
            "answers",
            none("expected a ranking for every question", &evaluated.problems, "every answer is a ranking".to_owned()),
        ),
        gate(
            "documents",
            none(
                "expected every document of the collection and no other",
                &evaluated.miscounted,
                format!("{} documents", evaluated.documents),
            ),
        ),
        gate(
            "metadata",
            none("expected content and metadata to the letter", &evaluated.altered, "nothing was altered".to_owned()),
        ),
        gate(
            "own-documents",
            none(
                "expected documents of the tenant alone",
                &evaluated.strangers,
                "no stranger was retrieved".to_owned(),
            ),
        ),
    ];
    let Some(baseline) = baseline else {
        let reason = "there is no baseline; `quality bless` writes one".to_owned();
        gates.push(gate("chunks", Verdict::NotApplicable(reason.clone())));
        if evaluated.collection == FIXTURES {
            gates.push(gate("golden-rankings", Verdict::NotApplicable(reason)));
        }
        return gates;
    };
    let (chunks, documents) = (evaluated.chunks, evaluated.documents);
    gates.push(gate(
        "chunks",
        if (documents, chunks) == (baseline.documents, baseline.chunks) {
            Verdict::Pass(format!("{chunks} chunks"))
        } else {
            let (before, of) = (baseline.chunks, baseline.documents);
            Verdict::Fail(format!(
                "expected {before} chunks of {of} documents as in the baseline, found {chunks} of {documents}"
            ))
        },
    ));
    if evaluated.collection == FIXTURES {
        let differing: Vec<String> = evaluated.found.iter().filter_map(|found| differs(found, baseline)).collect();
        let passed = format!("{} rankings are those of the baseline", evaluated.found.len());
        gates.push(gate(
            "golden-rankings",
            none("expected the first ten documents of the baseline", &differing, passed),
        ));
    }
    gates
}

/// How the ranking of a question differs from the golden one.
fn differs(found: &crate::evaluate::Found, baseline: &Baseline) -> Option<String> {
    let golden = &baseline.queries.get(&found.asked.id)?.ranking;
    let now: Vec<&String> = found.ranking.documents().iter().take(crate::baseline::PLACES).collect();
    let place = (0..golden.len().max(now.len())).find(|place| golden.get(*place) != now.get(*place).copied())?;
    let name = |document: Option<&String>| document.map_or("nothing", String::as_str).to_owned();
    let (was, is) = (name(golden.get(place)), name(now.get(place).copied()));
    Some(format!("{} has {is} in place {}, where {was} was", found.asked.id, place + 1))
}

fn loss(evaluated: &Evaluated, compared: Option<(&Compared, f64)>, margin: f64) -> Gate {
    let verdict = match compared {
        None => Verdict::NotApplicable("there is no baseline; `quality bless` writes one".to_owned()),
        Some((found, _)) if found.questions == 0 => {
            Verdict::Fail("the baseline has none of the questions; bless a new one".to_owned())
        }
        Some((found, p_loss)) => {
            let words = sentence(found, p_loss);
            if p_loss < SIGNIFICANCE {
                Verdict::Fail(format!("{} lost against the baseline: {words}", Measure::GATED))
            } else if found.low < -margin {
                Verdict::Fail(format!(
                    "a loss of {} beyond the margin of {margin} cannot be ruled out: {words}",
                    Measure::GATED
                ))
            } else {
                Verdict::Pass(words)
            }
        }
    };
    Gate { step: Step::Statistics, name: "no-loss".to_owned(), collection: evaluated.collection.clone(), verdict }
}

/// The comparison in words.
pub fn sentence(found: &Compared, p_loss: f64) -> String {
    let worst = if found.at_worst { " at worst" } else { "" };
    format!(
        "difference {:+.4} over {} questions, 95 % interval {:+.4} to {:+.4}, p of a loss {p_loss:.4} after Holm; a loss of {:.4} would be seen with 80 % probability{worst}",
        found.difference, found.questions, found.low, found.high, found.seen_loss
    )
}

fn floors_of(evaluated: &Evaluated) -> Vec<Gate> {
    let gate = |measure: &Measure| {
        let least = floors::floor(&evaluated.collection, measure.metric(), measure.k, evaluated.mode)?;
        let name = measure.k.map_or_else(|| measure.metric().to_owned(), |k| format!("{}-at-{k}", measure.metric()));
        Some(at_least(&evaluated.collection, &name, evaluated.mean(*measure), least))
    };
    Measure::ALL.iter().filter_map(gate).collect()
}

/// The gate of one floor.
pub fn at_least(collection: &str, name: &str, value: f64, least: f64) -> Gate {
    let verdict = if value >= least {
        Verdict::Pass(format!("{value:.4}, at least {least}"))
    } else {
        Verdict::Fail(format!("expected {name} of at least {least}, found {value:.4}"))
    };
    Gate { step: Step::Floor, name: name.to_owned(), collection: collection.to_owned(), verdict }
}

/// The first few of `found`, and how many there are.
fn told(found: &[String]) -> String {
    let first: Vec<&str> = found.iter().take(TOLD).map(String::as_str).collect();
    let more = if found.len() > TOLD { format!(" and {} more", found.len() - TOLD) } else { String::new() };
    format!("{}{more}", first.join("; "))
}
