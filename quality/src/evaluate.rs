//! Asks every question of a collection once through `POST /retrieve`, and looks whether the target holds the collection to the
//! letter.

use std::collections::{BTreeMap, BTreeSet};

use contract_types::{DocumentSummary, RetrievalMode, RetrieveResponse};
use futures_util::{StreamExt, stream};
use indicatif::ProgressBar;
use serde_json::json;

use crate::{
    collection::{Asked, Collection},
    fill::{content_hash, held},
    gate::statistics::mean,
    measure::Measure,
    ranking::Ranking,
    smoke::TOP_K,
    wire::{RunError, Wire},
};

/// One question with the ranking that it got.
#[derive(Debug, Clone)]
pub struct Found {
    /// The question.
    pub asked: Asked,
    /// The tenant that was asked.
    pub tenant: String,
    /// Documents with the scores of their chunks, as the collection names them.
    pub scored: Vec<(String, f64)>,
    /// The documents by the best chunk of each.
    pub ranking: Ranking,
}

impl Found {
    /// A question with its scored documents.
    pub fn new(asked: Asked, tenant: &str, scored: Vec<(String, f64)>) -> Self {
        let ranking = Ranking::from_scores(scored.iter().map(|(document, score)| (document.as_str(), *score)));
        Self { asked, tenant: tenant.to_owned(), scored, ranking }
    }

    /// A measure of the ranking.
    pub fn measure(&self, measure: Measure) -> f64 {
        measure.of(&self.ranking, &self.asked.judgements)
    }
}

/// What a collection came to.
#[derive(Debug, Clone, Default)]
pub struct Evaluated {
    /// Its name.
    pub collection: String,
    /// The tenants that were asked.
    pub tenants: Vec<String>,
    /// The mode that was asked for; `None` for the tenant's own.
    pub mode: Option<RetrievalMode>,
    /// The questions in their order; those without a relevant document among them.
    pub found: Vec<Found>,
    /// Answers that were no ranking.
    pub problems: Vec<String>,
    /// Retrieved documents that the tenant does not hold.
    pub strangers: Vec<String>,
    /// Documents that are missing or too many.
    pub miscounted: Vec<String>,
    /// Documents whose content or metadata is not what was sent.
    pub altered: Vec<String>,
    /// Documents of the collection that are there.
    pub documents: u64,
    /// Their chunks.
    pub chunks: u64,
}

impl Evaluated {
    /// The questions that have a relevant document: what measures are means over.
    pub fn scored(&self) -> impl Iterator<Item = &Found> {
        self.found.iter().filter(|found| found.asked.is_answerable())
    }

    /// The mean of a measure.
    pub fn mean(&self, measure: Measure) -> f64 {
        let values: Vec<f64> = self.scored().map(|found| found.measure(measure)).collect();
        mean(&values)
    }

    /// Takes in what another tenant of the same collection came to.
    pub fn join(&mut self, other: Self) {
        if self.collection.is_empty() {
            *self = other;
            return;
        }
        self.tenants.extend(other.tenants);
        self.found.extend(other.found);
        self.problems.extend(other.problems);
        self.strangers.extend(other.strangers);
        self.miscounted.extend(other.miscounted);
        self.altered.extend(other.altered);
        self.documents += other.documents;
        self.chunks += other.chunks;
    }

    fn look(&mut self, collection: &Collection, held: &[DocumentSummary]) {
        let there: BTreeMap<&str, &DocumentSummary> = held.iter().map(|held| (held.id.0.as_str(), held)).collect();
        let mut own = BTreeSet::new();
        for document in &collection.documents {
            own.insert(document.id.as_str());
            let Some(found) = there.get(document.id.as_str()) else {
                self.miscounted.push(format!("{} is not there", document.id));
                continue;
            };
            self.documents += 1;
            self.chunks += found.chunks;
            if found.chunks == 0 {
                self.miscounted.push(format!("{} has no chunk", document.id));
            }
            if found.content_hash.0 != content_hash(&document.content) {
                self.altered.push(format!("{}: its content has another hash than what was sent", document.id));
            }
            let metadata = serde_json::to_value(&found.metadata).unwrap_or_default();
            if metadata != serde_json::Value::Object(document.metadata.clone()) {
                self.altered.push(format!("{}: its metadata is {metadata}", document.id));
            }
        }
        if collection.alone {
            let more = there.keys().filter(|id| !own.contains(*id));
            self.miscounted.extend(more.map(|id| format!("{id} is not of the collection")));
        }
    }
}

/// Evaluates `collection`, whose documents are in the tenant of `wire`.
///
/// # Errors
///
/// [`RunError`] when the target gives no response, or does not list its documents.
pub async fn evaluate(
    wire: &Wire<'_>,
    collection: &Collection,
    mode: Option<RetrievalMode>,
    progress: &ProgressBar,
) -> Result<Evaluated, RunError> {
    let tenant = wire.credential.tenant.as_str();
    let mut evaluated = Evaluated {
        collection: collection.name.clone(),
        tenants: vec![tenant.to_owned()],
        mode,
        ..Evaluated::default()
    };
    let listed = held(wire).await?;
    evaluated.look(collection, &listed);
    let listed: BTreeSet<&str> = listed.iter().map(|held| held.id.0.as_str()).collect();
    progress.set_message(format!("{}: asking", collection.name));
    progress.set_length(u64::try_from(collection.questions.len()).unwrap_or(0));
    progress.set_position(0);
    let mut answers = stream::iter(&collection.questions)
        .map(|asked| async move { (asked, ask(wire, asked, mode).await) })
        .buffered(wire.pace.concurrency());
    while let Some((asked, answer)) = answers.next().await {
        progress.inc(1);
        let answer = match answer {
            Ok(answer) => answer,
            Err(error @ RunError::Client(_)) => return Err(error),
            Err(error) => {
                evaluated.problems.push(format!("{}: {error}", asked.id));
                RetrieveResponse { chunks: Vec::new(), explain: None, degraded: None }
            }
        };
        let mut scored = Vec::new();
        for chunk in &answer.chunks {
            let id = chunk.document_id.0.as_str();
            if !listed.contains(id) {
                evaluated.strangers.push(format!("{}: {id}", asked.id));
            }
            // A stranger keeps its whole name, so that it takes a place in the ranking and is never relevant.
            scored.push((collection.own_id(id).unwrap_or(id).to_owned(), chunk.score));
        }
        if answer.degraded.is_some() {
            evaluated.problems.push(format!("{}: the answer is degraded", asked.id));
        }
        evaluated.found.push(Found::new(asked.clone(), tenant, scored));
    }
    Ok(evaluated)
}

async fn ask(wire: &Wire<'_>, asked: &Asked, mode: Option<RetrievalMode>) -> Result<RetrieveResponse, RunError> {
    let mut body = json!({ "query": asked.text, "top_k": TOP_K });
    if let Some(mode) = mode {
        body["mode"] = mode.as_str().into();
    }
    wire.ask("POST", "/retrieve", Some(body)).await
}
