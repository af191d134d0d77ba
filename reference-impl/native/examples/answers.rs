//! Measures the extractive generator over a folder of documents, questions and gold answers, without a server:
//! `cargo run -p reference-impl --example answers -- FOLDER [--gold|--withhold] [--neural] [--dump FILE]`.
//!
//! FOLDER holds `docs.jsonl`, `queries.jsonl` and `answers.jsonl`, or is a fixture corpus with `documents.yaml` beside
//! `questions.jsonl`. Questions of even position are for developing, those of odd position for judging; both figures are told
//! apart. `--gold` gives each question its own document alone, `--withhold` all but that one, so that hardly any question is
//! answered by what is left. `--neural` embeds with all-MiniLM-L6-v2 and reranks, as the native server does by default, in place
//! of hashed words. `fit.rs` reads the dumps.

mod shared;

use std::collections::HashMap;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use reference_core::answer::Extractive;
use reference_core::ingest::{ChunkOptions, ContentType, DocumentInput};
use reference_core::retrieve::{Evidence, Filter};
use reference_core::search::{CacheMode, SearchRequest};
use reference_core::testkit::TestTenants;
use serde_json::{Value, json};

use shared::{Watched, lines, platform, text};

#[derive(Default)]
struct Tally {
    asked: usize,
    answered: usize,
    first: usize,
    any: usize,
    verbatim: usize,
    citations: usize,
    longest: usize,
    /// Sum of scores, right ones and number, in ten bins of the score.
    bins: [(f64, f64, f64); 10],
}

impl Tally {
    #[expect(clippy::cast_precision_loss, reason = "counts of questions")]
    fn tell(&self, name: &str) -> String {
        let share = |part: usize, of: usize| 100.0 * part as f64 / of.max(1) as f64;
        let error: f64 = self.bins.iter().map(|(scores, right, _)| (scores - right).abs()).sum();
        format!(
            "{name}: {} asked, {:.1} % answered, gold in the first span {:.1} % of answered ({:.1} % of asked), in any {:.1} %, \
             verbatim {:.1} % of {}, longest {} words, calibration error {:.3}",
            self.asked,
            share(self.answered, self.asked),
            share(self.first, self.answered),
            share(self.first, self.asked),
            share(self.any, self.answered),
            share(self.verbatim, self.citations),
            self.citations,
            self.longest,
            error / self.asked.max(1) as f64
        )
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let folder = Path::new(arguments.first().context("expected a folder as the first argument")?);
    let gold = arguments.iter().any(|it| it == "--gold");
    let withhold = arguments.iter().any(|it| it == "--withhold");
    let neural = arguments.iter().any(|it| it == "--neural");
    let dump = arguments.iter().position(|it| it == "--dump").and_then(|at| arguments.get(at + 1));
    let mut dump = dump.map(std::fs::File::create).transpose().context("creating the dump")?;

    // Every answer is given, however unsure, so that dumps tell the figures of all; what a tenant would get is counted here.
    let least = TestTenants::new().owner().settings().retrieval.confidence.low;
    let tenants = TestTenants::with(|settings| {
        settings.retrieval.confidence.low = 0.0;
        if neural {
            minilm::MODEL.clone_into(&mut settings.models.embedding);
            settings.models.rerank = Some(Evidence::MODEL.to_owned());
        }
    });
    let watched = Arc::new(Watched::default());
    let platform = platform(&tenants, &watched, neural)?;
    let owner = tenants.owner();
    let Corpus { documents, queries, answers } = Corpus::read(folder)?;
    let documents: Vec<DocumentInput> = documents
        .iter()
        .map(|document| {
            let (id, content) = (text(document, "id").to_owned(), text(document, "text").to_owned());
            let content_type = ContentType::ALL
                .into_iter()
                .find(|it| it.as_str() == text(document, "content_type"))
                .unwrap_or(ContentType::Plain);
            let metadata =
                json!({"title": text(document, "title"), "doc": id}).as_object().cloned().unwrap_or_default();
            DocumentInput { id, content_type, content, metadata }
        })
        .collect();
    for batch in documents.chunks(50) {
        platform.ingest(&owner, batch, ChunkOptions::default()).await?;
    }
    let mut tallies = [Tally::default(), Tally::default()];
    for (at, query) in queries.iter().enumerate() {
        let wanted = answers.get(text(query, "id"));
        let mut request = SearchRequest::new(text(query, "text"));
        request.cache = CacheMode::Bypass;
        if withhold && wanted.is_none() {
            continue;
        }
        if let (true, Some(wanted)) = (gold || withhold, wanted) {
            let own = &wanted["doc_ids"];
            let filter = if gold { json!({"doc": {"$in": own}}) } else { json!({"doc": {"$nin": own}}) };
            request.filter = Filter::parse(filter.as_object().context("an object")?)?;
        }
        if let Ok(mut last) = watched.0.lock() {
            *last = None;
        }
        let answer = platform.search(&owner, &request).await?;
        let flat = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let right = |quote: &str| wanted.is_some_and(|it| flat(quote).contains(&flat(text(it, "answer"))));
        let tally = &mut tallies[at % 2];
        tally.asked += 1;
        let first = answer.citations.first().is_some_and(|citation| right(&citation.quote));
        let given = if answer.confidence.score >= least { answer.citations.as_slice() } else { &[] };
        tally.answered += usize::from(!given.is_empty());
        tally.first += usize::from(first && !given.is_empty());
        tally.any += usize::from(given.iter().any(|citation| right(&citation.quote)));
        for citation in given {
            tally.citations += 1;
            let document = platform.get_document(&owner, &citation.document_id).await?;
            tally.verbatim += usize::from(document.text.contains(&citation.quote));
            tally.longest = tally.longest.max(citation.quote.split_whitespace().count());
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a score is 0 to 1")]
        let bin = &mut tally.bins[((answer.confidence.score * 10.0) as usize).min(9)];
        bin.0 += answer.confidence.score;
        bin.1 += f64::from(u8::from(first));
        bin.2 += 1.0;
        let last = watched.0.lock().ok().and_then(|mut last| last.take());
        if let (Some(dump), Some(seen)) = (dump.as_mut(), last) {
            let candidates: Vec<Value> = Extractive::candidates(&seen)
                .iter()
                .take(40)
                .map(|it| json!({"x": it.features, "y": right(&it.text), "text": it.text, "p": it.passage, "o": it.order}))
                .collect();
            let line = json!({
                "id": query["id"], "text": query["text"], "gold": wanted.map(|it| &it["answer"]), "half": at % 2, "withheld": withhold,
                "score": answer.confidence.score, "first": first, "candidates": candidates,
                "evidence": reference_core::answer::Evidence::of(&seen, &answer.citations).map(|it| it.features()),
            });
            writeln!(dump, "{line}")?;
        }
    }
    let mut out = std::io::stdout();
    for (tally, name) in tallies.iter().zip(["developing half", "judged half"]) {
        writeln!(out, "{}", tally.tell(name))?;
        for (scores, right, count) in tally.bins.iter().filter(|bin| bin.2 > 0.0) {
            writeln!(out, "  score {:.2}: right {:.2} of {count}", scores / count, right / count)?;
        }
    }
    Ok(())
}

/// A collection: documents, questions, and by question the answer with the documents that hold it.
struct Corpus {
    documents: Vec<Value>,
    queries: Vec<Value>,
    answers: HashMap<String, Value>,
}

impl Corpus {
    /// Reads a folder of `docs.jsonl`, `queries.jsonl` and `answers.jsonl`, or a fixture corpus.
    fn read(folder: &Path) -> Result<Self> {
        if folder.join("documents.yaml").exists() {
            return Self::fixture(folder);
        }
        let answers = lines(&folder.join("answers.jsonl"))?.into_iter().map(|mut answer| {
            answer["doc_ids"] = json!([answer["doc_id"]]);
            (text(&answer, "query_id").to_owned(), answer)
        });
        Ok(Self {
            answers: answers.collect(),
            documents: lines(&folder.join("docs.jsonl"))?,
            queries: lines(&folder.join("queries.jsonl"))?,
        })
    }

    fn fixture(folder: &Path) -> Result<Self> {
        let listed = std::fs::read_to_string(folder.join("documents.yaml")).context("reading documents.yaml")?;
        let mut documents: Vec<Value> = serde_yaml::from_str(&listed).context("documents.yaml is no YAML")?;
        for document in &mut documents {
            let file = folder.join(text(document, "file"));
            document["title"] = document["metadata"]["title"].clone();
            document["text"] =
                std::fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?.into();
        }
        let queries = lines(&folder.join("questions.jsonl"))?;
        let answers = queries.iter().filter(|query| query["answer"].is_string()).map(|query| {
            let judged = query["judgements"].as_object();
            let holding: Vec<&String> = judged.into_iter().flatten().map(|(document, _)| document).collect();
            (text(query, "id").to_owned(), json!({"answer": query["answer"], "doc_ids": holding}))
        });
        Ok(Self { answers: answers.collect(), documents, queries })
    }
}
