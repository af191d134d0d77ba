//! Measures query understanding by the labelled queries of `fixtures/understanding`, each half by itself.
//!
//! `cargo test -p reference-core measured -- --nocapture` prints the figures, and what is wrong in the half that rules may be
//! made by.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use super::{Intent, Turn, Vocabulary, classify, standalone, understand};
use crate::ingest::convert::{ContentType, convert};
use crate::retrieve::words::words;

/// Least share of queries that each kind of understanding must get right, in either half.
const LEAST: f64 = 0.90;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures")
}

fn labelled(file: &str) -> Vec<Json> {
    let text = std::fs::read_to_string(root().join("understanding").join(file)).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn texts(json: &Json) -> Vec<String> {
    json.as_array().into_iter().flatten().map(|it| it.as_str().unwrap().to_owned()).collect()
}

/// Right and all, for each half; wrong ones of the development half are printed.
#[derive(Default)]
struct Tally(BTreeMap<String, (usize, usize)>);

impl Tally {
    fn add(&mut self, item: &Json, right: bool, found: &str) {
        let split = item["split"].as_str().unwrap();
        let (good, all) = self.0.entry(split.to_owned()).or_default();
        *good += usize::from(right);
        *all += 1;
        if !right && (split == "development" || std::env::var_os("SHOW_HELD_OUT").is_some()) {
            println!("  {} {} gave {found}", item["id"].as_str().unwrap(), item["query"]);
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "a few hundred queries")]
    fn check(&self, what: &str) {
        for (split, (good, all)) in &self.0 {
            let share = *good as f64 / *all as f64;
            println!("{what} {split}: {good} of {all} right, {share:.3}");
            assert!(share >= LEAST, "{what} {split}: {share:.3}");
        }
        assert_eq!(self.0.len(), 2, "both halves are measured");
    }
}

/// The words of a tenant's documents, counted by document.
fn vocabulary(tenant: &str) -> Vocabulary {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for entry in std::fs::read_dir(root().join("corpora").join(tenant).join("documents")).unwrap() {
        let path = entry.unwrap().path();
        let content_type = match path.extension().unwrap().to_str().unwrap() {
            "md" => ContentType::Markdown,
            "html" => ContentType::Html,
            "json" => ContentType::Json,
            _ => ContentType::Plain,
        };
        let text = convert(content_type, &std::fs::read_to_string(&path).unwrap()).unwrap().text;
        let mut seen = words(&text);
        seen.sort();
        seen.dedup();
        for word in seen {
            *counts.entry(word).or_default() += 1;
        }
    }
    Vocabulary::new(counts.into_iter().collect())
}

fn vocabularies() -> BTreeMap<&'static str, Vocabulary> {
    ["aurora-bikes", "lumen-desk", "meridian-lab"].into_iter().map(|tenant| (tenant, vocabulary(tenant))).collect()
}

#[test]
#[expect(clippy::cast_precision_loss, reason = "a few hundred queries")]
fn measured_intents_are_right() {
    let mut tally = Tally::default();
    let mut bins: BTreeMap<(String, u8), (f64, f64, f64)> = BTreeMap::new();
    for item in labelled("intent.jsonl") {
        let (intent, score) = classify(item["query"].as_str().unwrap());
        let right = Intent::parse(item["intent"].as_str().unwrap()) == Some(intent);
        tally.add(&item, right, &format!("{} {score}", intent.as_str()));
        let edge = if score < 0.75 {
            0
        } else if score < 0.92 {
            1
        } else {
            2
        };
        let bin = bins.entry((item["split"].as_str().unwrap().to_owned(), edge)).or_default();
        *bin = (bin.0 + score, bin.1 + f64::from(u8::from(right)), bin.2 + 1.0);
    }
    let mut errors: BTreeMap<String, f64> = BTreeMap::new();
    let all = |split: &str| tally.0[split].1 as f64;
    for ((split, edge), (score, right, count)) in &bins {
        let name = ["below .75", ".75 to .92", "from .92"][usize::from(*edge)];
        println!("score {split} {name}: mean {:.2}, right {:.2}, {count} queries", score / count, right / count);
        *errors.entry(split.clone()).or_default() += (score - right).abs() / all(split);
    }
    tally.check("intent");
    for (split, error) in errors {
        println!("expected calibration error {split}: {error:.3}");
        assert!(error <= 0.1, "{split}: {error:.3}");
    }
}

#[test]
fn measured_spelling_is_right() {
    let vocabularies = vocabularies();
    let mut tally = Tally::default();
    for item in labelled("spelling.jsonl") {
        let vocabulary = &vocabularies[item["tenant"].as_str().unwrap()];
        let pair = |it: &Json| (it["from"].as_str().unwrap().to_owned(), it["to"].as_str().unwrap().to_owned());
        let expected: Vec<(String, String)> = item["corrections"].as_array().unwrap().iter().map(pair).collect();
        for (from, to) in &expected {
            assert!(vocabulary.count(to) > 0 && vocabulary.count(from) == 0, "{}: {from} {to}", item["id"]);
        }
        let understood = understand(item["query"].as_str().unwrap(), vocabulary, 200, true);
        let found: Vec<(String, String)> = understood.corrections.into_iter().map(|it| (it.from, it.to)).collect();
        tally.add(&item, found == expected, &format!("{found:?}"));
    }
    tally.check("spelling");
}

#[test]
fn measured_rewriting_is_right() {
    let mut tally = Tally::default();
    for item in labelled("rewriting.jsonl") {
        let text = |it: &Json, key: &str| it[key].as_str().unwrap().to_owned();
        let turns = item["history"].as_array().unwrap().iter();
        let history: Vec<Turn> =
            turns.map(|it| Turn { question: text(it, "question"), answer: text(it, "answer") }).collect();
        let query = item["query"].as_str().unwrap();
        let rewritten = understand(&standalone(&history, query), &Vocabulary::default(), 0, true).rewritten;
        let held = words(&rewritten);
        let right = if item["unchanged"] == true {
            rewritten == query
        } else {
            texts(&item["required"]).iter().all(|word| held.contains(word))
                && !texts(&item["forbidden"]).iter().any(|word| held.contains(word))
        };
        tally.add(&item, right, &rewritten);
    }
    tally.check("rewriting");
}

#[test]
fn measured_expansions_are_right() {
    let vocabularies = vocabularies();
    let mut tally = Tally::default();
    for item in labelled("expansions.jsonl") {
        let vocabulary = &vocabularies[item["tenant"].as_str().unwrap()];
        let found = understand(item["query"].as_str().unwrap(), vocabulary, 200, true).expansions;
        assert!(found.iter().all(|word| vocabulary.count(word) > 0), "{}: {found:?}", item["id"]);
        let any_of = texts(&item["any_of"]);
        let right = (any_of.is_empty() || any_of.iter().any(|word| found.contains(word)))
            && !texts(&item["forbidden"]).iter().any(|word| found.contains(word));
        tally.add(&item, right, &format!("{found:?}"));
    }
    tally.check("expansions");
}
