//! Runs and judgements as files of TREC's form, so that other tools can score them.

use std::{fmt::Write, fs, io, path::Path};

use crate::{evaluate::Evaluated, measure::Measure, metrics::Judgements};

/// Writes `<collection>.run`, `<collection>.qrels` and `<collection>.scores.json` (our own values by question) to `folder`.
///
/// # Errors
///
/// What the file system says.
pub fn write(evaluated: &Evaluated, folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let name = &evaluated.collection;
    fs::write(folder.join(format!("{name}.run")), run(evaluated))?;
    let judged: String = evaluated.scored().map(|found| qrels(&found.asked.id, &found.asked.judgements)).collect();
    fs::write(folder.join(format!("{name}.qrels")), judged)?;
    let questions = evaluated.scored().map(|found| {
        let values = Measure::ALL.iter().map(|measure| (measure.to_string(), found.measure(*measure).into()));
        (found.asked.id.clone(), serde_json::Value::Object(values.collect()))
    });
    let means = Measure::ALL.iter().map(|measure| (measure.to_string(), evaluated.mean(*measure).into()));
    let scores = serde_json::json!({
        "mean": serde_json::Value::Object(means.collect()),
        "questions": serde_json::Value::Object(questions.collect()),
    });
    fs::write(folder.join(format!("{name}.scores.json")), scores.to_string())
}

fn run(evaluated: &Evaluated) -> String {
    let mut out = String::new();
    for found in evaluated.scored() {
        for (place, document) in found.ranking.documents().iter().enumerate() {
            let scores = found.scored.iter().filter(|(id, _)| id == document).map(|(_, score)| *score);
            let best = scores.fold(f64::NEG_INFINITY, f64::max);
            let _ = writeln!(out, "{} Q0 {document} {} {best:?} plumbline", found.asked.id, place + 1);
        }
    }
    out
}

fn qrels(question: &str, judgements: &Judgements) -> String {
    let mut out = String::new();
    for (document, grade) in judgements {
        let _ = writeln!(out, "{question} 0 {document} {grade}");
    }
    out
}
