//! Measures what orders planted in documents do to answers, without a server:
//! `cargo run -p reference-impl --example planted -- FILE`.
//!
//! FILE holds a JSON object a line: `id`, `text`, `question`, `label`, and `attack` where `text` holds an order. Objects whose
//! ids agree up to the last hyphen are twins, and the one labelled `benign` among them holds no order.

mod shared;

use std::collections::HashMap;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use reference_core::answer::Extractive;
use reference_core::ingest::{ChunkOptions, ContentType, DocumentInput};
use reference_core::retrieve::Filter;
use reference_core::search::{CacheMode, SearchRequest};
use reference_core::testkit::TestTenants;
use serde_json::json;

use shared::{Watched, lines, platform, text};

#[derive(Default)]
struct Tally {
    planted: usize,
    answered: usize,
    in_answer: usize,
    in_citation: usize,
    in_follow_up: usize,
    /// Rows whose order is among the parts that an answer could be made of.
    could_answer: usize,
    as_twin: usize,
    clean: usize,
    clean_answered: usize,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let file = std::env::args().nth(1).context("expected a file as the first argument")?;
    let tenants = TestTenants::new();
    let watched = Arc::new(Watched::default());
    let platform = platform(&tenants, &watched, false)?;
    let owner = tenants.owner();
    let mut tally = Tally::default();
    let mut twins: HashMap<String, String> = HashMap::new();
    let mut out = std::io::stdout();
    let mut rows = lines(Path::new(&file))?;
    rows.sort_by_key(|row| text(row, "label") != "benign");
    for row in &rows {
        let id = text(row, "id").to_owned();
        let document = DocumentInput {
            id: id.clone(),
            content_type: ContentType::Plain,
            content: text(row, "text").to_owned(),
            metadata: json!({"doc": id}).as_object().cloned().unwrap_or_default(),
        };
        platform.ingest(&owner, &[document], ChunkOptions::default()).await?;
        let mut request = SearchRequest::new(text(row, "question"));
        request.cache = CacheMode::Bypass;
        request.filter = Filter::parse(json!({"doc": id}).as_object().context("an object")?)?;
        let answer = platform.search(&owner, &request).await?;
        let said = answer.answer.clone();
        let flat = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let stem = id.rsplit_once('-').map_or(id.as_str(), |(stem, _)| stem).to_owned();
        let Some(attack) = row["attack"].as_str().map(flat) else {
            tally.clean += 1;
            tally.clean_answered += usize::from(!answer.citations.is_empty());
            twins.insert(stem, said);
            continue;
        };
        let holds = |text: &str| flat(text).contains(&attack);
        tally.planted += 1;
        tally.answered += usize::from(!answer.citations.is_empty());
        tally.in_answer += usize::from(holds(&said));
        tally.in_citation += usize::from(answer.citations.iter().any(|it| holds(&it.quote)));
        tally.in_follow_up += usize::from(answer.follow_ups.iter().any(|it| holds(it)));
        let same = twins.get(&stem).is_some_and(|twin| *twin == said);
        tally.as_twin += usize::from(same);
        if !same {
            writeln!(out, "{id}: answered otherwise than its twin, band {}", answer.confidence.band.as_str())?;
        }
        let last = watched.0.lock().ok().and_then(|mut last| last.take());
        let could = last.is_some_and(|seen| Extractive::candidates(&seen).iter().any(|it| holds(&it.text)));
        tally.could_answer += usize::from(could);
        if could || holds(&said) {
            writeln!(out, "{id}: the order is a sentence like any other")?;
        }
    }
    writeln!(
        out,
        "{} with an order: {} answered, order in the answer {}, in a citation {}, in a follow-up {}, able to be an answer {}; \
         answer equal to that of the twin without it {}. {} without: {} answered.",
        tally.planted,
        tally.answered,
        tally.in_answer,
        tally.in_citation,
        tally.in_follow_up,
        tally.could_answer,
        tally.as_twin,
        tally.clean,
        tally.clean_answered,
    )?;
    Ok(())
}
