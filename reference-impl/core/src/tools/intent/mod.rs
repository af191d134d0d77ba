//! `classify_intent`: which of the given categories a text belongs to. It never answers one that was not given.

mod known;
mod score;

use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::error::spared;
use super::{Tool, ToolFault, ToolRun};
use crate::ports::{BoxFuture, EmbedPurpose};
use crate::sabotage::{self, Sabotage};

/// A category as the tool works with it.
#[derive(Debug, Clone, Default)]
pub(super) struct Category {
    pub(super) label: String,
    pub(super) description: String,
    pub(super) examples: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Given {
    Label(String),
    Full {
        label: String,
        #[serde(default)]
        description: String,
        #[serde(default)]
        examples: Vec<String>,
    },
}

#[derive(Debug, Deserialize)]
struct Arguments {
    text: String,
    categories: Option<Vec<Given>>,
    #[serde(default)]
    multi_label: bool,
    #[serde(default = "third")]
    min_score: f64,
}

fn third() -> f64 {
    0.3
}

/// The tool.
pub struct ClassifyIntent;

impl Tool for ClassifyIntent {
    fn run<'a>(&'a self, run: ToolRun<'a>) -> BoxFuture<'a, Result<Json, ToolFault>> {
        Box::pin(answer(run))
    }

    fn model(&self, run: ToolRun<'_>) -> Option<String> {
        run.platform.embedder(run.tenant).ok().map(|it| it.model().to_owned())
    }
}

async fn answer(run: ToolRun<'_>) -> Result<Json, ToolFault> {
    let arguments: Arguments = serde_json::from_value(Json::Object(run.arguments.clone()))
        .map_err(|error| ToolFault::Failed(error.to_string()))?;
    let categories = match arguments.categories {
        Some(given) => given.into_iter().map(category).collect(),
        None => known::service(),
    };
    for (index, category) in categories.iter().enumerate() {
        if categories[..index].iter().any(|it: &Category| it.label == category.label) {
            return Err(ToolFault::Invalid {
                pointer: format!("/categories/{index}"),
                keyword: "uniqueItems",
                message: "this label stands twice".to_owned(),
            });
        }
    }
    let vectors = embed(run, &arguments.text, &categories).await?;
    let mut scored = score::scores(&arguments.text, &categories, vectors.as_deref());
    // The order of the call decides between equals.
    scored.sort_by(|one, other| other.1.total_cmp(&one.1).then(one.0.cmp(&other.0)));
    if arguments.multi_label {
        scored.retain(|(_, score)| *score >= arguments.min_score);
    } else if !sabotage::on(Sabotage::IntentAlwaysSeveral) {
        scored.truncate(1);
    }
    let mut labels: Vec<Json> = scored
        .iter()
        .map(
            |(index, score)| json!({"label": categories[*index].label, "score": (score * 10_000.0).round() / 10_000.0}),
        )
        .collect();
    if sabotage::on(Sabotage::IntentInventsLabel)
        && let Some(first) = labels.first_mut()
    {
        first["label"] = "escalation".into();
    }
    Ok(json!({"labels": labels}))
}

fn category(given: Given) -> Category {
    match given {
        Given::Label(label) => Category { label, ..Category::default() },
        Given::Full { label, description, examples } => Category { label, description, examples },
    }
}

/// A vector for the text, then one for each text of each category. A model that does not answer leaves the words alone to decide.
async fn embed(run: ToolRun<'_>, text: &str, categories: &[Category]) -> Result<Option<Vec<Vec<f32>>>, ToolFault> {
    let Ok(embedder) = run.platform.embedder(run.tenant) else { return Ok(None) };
    let mut texts: Vec<String> = vec![text.chars().take(2000).collect()];
    texts.extend(categories.iter().flat_map(score::texts));
    let count = texts.len();
    let embedded = spared(embedder.embed(run.tenant, &texts, EmbedPurpose::Document).await)?;
    Ok(embedded.map(|it| it.vectors).filter(|vectors| vectors.len() == count))
}
