//! Labelled cases of the tools over HTTP: entities, intents and tags by F1, summaries by ROUGE-L, documents exactly.
//!
//! Figures are those of the half of the cases that nobody tunes by.

mod score;

use std::{collections::BTreeSet, path::Path};

use futures_util::{StreamExt, stream};
use indicatif::ProgressBar;
use serde_json::{Value, json};

use crate::gate::floors::floor;
use crate::wire::{RunError, Wire};
use score::{Counts, rouge_l, words};

/// Each tool with its metric, as `quality/floors.yaml` names them.
pub const METRICS: [(&str, &str); 5] = [
    ("extract_entities", "f1"),
    ("classify_intent", "f1"),
    ("tag_chunk_docs", "f1"),
    ("summarize", "rouge_l"),
    ("ingest_docs", "exact"),
];
/// ROUGE-L below which one summary is told of.
const POOR_ROUGE: f64 = 0.3;
/// Fewest cases that a file holds.
const FEWEST: usize = 100;

/// A figure of one tool.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// The tool.
    pub tool: &'static str,
    /// The metric, for example `f1`.
    pub metric: &'static str,
    /// Its value, 0 to 1.
    pub value: f64,
    /// Cases that it is of.
    pub of: usize,
    /// Least value that passes.
    pub least: f64,
    /// Cases that were not answered rightly; no text of the data.
    pub misses: Vec<String>,
}

impl Figure {
    /// Whether the value reaches its floor. Of no cases nothing was measured.
    pub fn passes(&self) -> bool {
        self.of > 0 && self.value >= self.least
    }
}

/// A labelled case.
#[derive(Debug, Clone)]
pub struct Case {
    id: String,
    arguments: Value,
    gold: Value,
}

/// The cases of a tool that figures are told of.
///
/// # Errors
///
/// A message that names the file, for one that cannot be read or that holds too few cases.
pub fn read(folder: &Path, tool: &str) -> Result<Vec<Case>, String> {
    let file = folder.join(format!("{tool}.jsonl"));
    let told = |what: String| format!("`{}`: {what}", file.display());
    let text = std::fs::read_to_string(&file).map_err(|error| told(error.to_string()))?;
    let lines: Vec<Value> = text
        .lines()
        .enumerate()
        .map(|(at, line)| serde_json::from_str(line).map_err(|error| told(format!("line {}: {error}", at + 1))))
        .collect::<Result<_, _>>()?;
    if lines.len() < FEWEST {
        return Err(told(format!("expected at least {FEWEST} cases, found {}", lines.len())));
    }
    let tested = lines.into_iter().filter(|line| line["split"] == "test");
    let case = |mut line: Value| Case {
        id: line["id"].as_str().unwrap_or_default().to_owned(),
        arguments: line["arguments"].take(),
        gold: line["gold"].take(),
    };
    Ok(tested.map(case).collect())
}

/// Everything that is measured, over the cases in `folder`.
///
/// # Errors
///
/// [`RunError`]: the target stopped answering, or a call was refused.
pub async fn measure(wire: &Wire<'_>, folder: &Path, progress: &ProgressBar) -> Result<Vec<Figure>, RunError> {
    let cases = |tool: &str| read(folder, tool).map_err(RunError::Missing);
    let entities = cases("extract_entities")?;
    let intents = cases("classify_intent")?;
    let tags = cases("tag_chunk_docs")?;
    let summaries = cases("summarize")?;
    let documents = cases("ingest_docs")?;
    Ok(vec![
        f1(wire, "extract_entities", &entities, progress, found_entities).await?,
        f1(wire, "classify_intent", &intents, progress, found_labels).await?,
        f1(wire, "tag_chunk_docs", &tags, progress, found_tags).await?,
        rouge(wire, &summaries, progress).await?,
        exact(wire, &documents, progress).await?,
    ])
}

/// The results of a tool for all cases, in their order.
async fn call(wire: &Wire<'_>, tool: &str, cases: &[Case], progress: &ProgressBar) -> Result<Vec<Value>, RunError> {
    progress.set_message(tool.to_owned());
    progress.set_length(u64::try_from(cases.len()).unwrap_or(0));
    progress.set_position(0);
    let one = |case: &Case| {
        let body = json!({ "tool": tool, "arguments": case.arguments });
        async move { wire.ask::<Value>("POST", "/tools/execute", Some(body)).await }
    };
    let mut results = Vec::new();
    let mut answers = stream::iter(cases).map(one).buffered(wire.pace.concurrency());
    while let Some(answer) = answers.next().await {
        progress.inc(1);
        results.push(answer?["result"].take());
    }
    Ok(results)
}

async fn f1(
    wire: &Wire<'_>,
    tool: &'static str,
    cases: &[Case],
    progress: &ProgressBar,
    both: impl Fn(&Value, &Value) -> (BTreeSet<String>, BTreeSet<String>),
) -> Result<Figure, RunError> {
    let mut counts = Counts::default();
    let mut misses = Vec::new();
    for (case, result) in cases.iter().zip(call(wire, tool, cases, progress).await?) {
        let (found, wanted) = both(&result, &case.gold);
        if found != wanted {
            misses.push(case.id.clone());
        }
        counts.add(&found, &wanted);
    }
    Ok(Figure { tool, metric: "f1", value: counts.f1(), of: cases.len(), least: least(tool, "f1"), misses })
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn texts(value: &Value) -> BTreeSet<String> {
    list(value).filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Entities as type and place.
fn found_entities(result: &Value, gold: &Value) -> (BTreeSet<String>, BTreeSet<String>) {
    let named = |it: &Value, at: &Value| format!("{} {} {}", it["type"], at["start"], at["end"]);
    let found = list(&result["entities"]).map(|it| named(it, &it["span"])).collect();
    (found, list(&gold["entities"]).map(|it| named(it, it)).collect())
}

fn found_labels(result: &Value, gold: &Value) -> (BTreeSet<String>, BTreeSet<String>) {
    (list(&result["labels"]).filter_map(|it| it["label"].as_str()).map(str::to_owned).collect(), texts(&gold["labels"]))
}

/// Tags of a taxonomy; without one a single term, of which any that the gold lists is right.
fn found_tags(result: &Value, gold: &Value) -> (BTreeSet<String>, BTreeSet<String>) {
    let found = texts(&result["documents"][0]["tags"]);
    let Some(terms) = gold["any_of"].as_array() else { return (found, texts(&gold["tags"])) };
    let hit = terms.iter().filter_map(Value::as_str).any(|term| found.contains(&term.to_lowercase()));
    let one = |word: &str| BTreeSet::from([word.to_owned()]);
    (one(if hit { "hit" } else { "miss" }), one("hit"))
}

async fn rouge(wire: &Wire<'_>, cases: &[Case], progress: &ProgressBar) -> Result<Figure, RunError> {
    let mut sum = 0.0;
    let mut misses = Vec::new();
    for (case, result) in cases.iter().zip(call(wire, "summarize", cases, progress).await?) {
        let said = words(result["summary"].as_str().unwrap_or_default());
        let best = list(&case.gold["summaries"])
            .filter_map(Value::as_str)
            .map(|written| rouge_l(&said, &words(written)))
            .fold(0.0, f64::max);
        if best < POOR_ROUGE {
            misses.push(format!("{} {best:.2}", case.id));
        }
        sum += best;
    }
    let value = sum / crate::metrics::count(cases.len().max(1));
    Ok(Figure {
        tool: "summarize",
        metric: "rouge_l",
        value,
        of: cases.len(),
        least: least("summarize", "rouge_l"),
        misses,
    })
}

/// The share of documents whose text is the gold's, byte by byte. The documents are taken away again.
async fn exact(wire: &Wire<'_>, cases: &[Case], progress: &ProgressBar) -> Result<Figure, RunError> {
    let mut misses = Vec::new();
    let mut of = 0;
    for (case, result) in cases.iter().zip(call(wire, "ingest_docs", cases, progress).await?) {
        for (told, text) in list(&result["documents"]).zip(list(&case.gold["texts"])) {
            let id = told["id"].as_str().unwrap_or_default();
            let path = format!("/documents/{id}");
            let held = wire.send("GET", &path, None).await?.response.json().unwrap_or_default();
            of += 1;
            if held["text"] != *text {
                misses.push(id.to_owned());
            }
            wire.send("DELETE", &path, None).await?;
        }
    }
    let value = crate::metrics::count(of - misses.len()) / crate::metrics::count(of.max(1));
    Ok(Figure { tool: "ingest_docs", metric: "exact", value, of, least: least("ingest_docs", "exact"), misses })
}

/// The floor of a tool; nothing but what is perfect passes one that has none.
fn least(tool: &str, metric: &str) -> f64 {
    floor(tool, metric, None, None).unwrap_or(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tool_has_a_floor() {
        for (tool, metric) in METRICS {
            assert!(floor(tool, metric, None, None).is_some(), "{tool} {metric}");
        }
    }

    #[test]
    fn counts_any_term_where_there_is_no_taxonomy() {
        let result = json!({"documents": [{"tags": ["mill", "wind"]}]});
        let (found, wanted) = found_tags(&result, &json!({"any_of": ["Wind", "sail"]}));
        assert_eq!(found, wanted);
        let (found, wanted) = found_tags(&result, &json!({"any_of": ["sail"]}));
        assert!(found.is_disjoint(&wanted));
        let (found, wanted) = found_tags(&result, &json!({"tags": ["mill"]}));
        assert_eq!((found.len(), wanted.len()), (2, 1));
    }

    #[test]
    fn holds_a_figure_to_its_floor_and_measures_nothing_of_nothing() {
        let figure = |value, of| Figure { tool: "t", metric: "f1", value, of, least: 0.8, misses: Vec::new() };
        assert!(figure(0.8, 1).passes() && !figure(0.79, 1).passes() && !figure(1.0, 0).passes());
    }
}
