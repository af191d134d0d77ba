//! Tags of a taxonomy: by the terms that a text uses, and by what it means where the tenant has a model for that.

use std::collections::{HashMap, HashSet};

use serde::Deserialize;

use crate::ports::{EmbedPurpose, EmbedderKind};
use crate::retrieve::words::{stem, words};
use crate::tools::error::spared;
use crate::tools::text::{content, cosine};
use crate::tools::{ToolFault, ToolRun};

/// Least score of a tag.
const LEAST: f64 = 0.4;
/// Characters of a text that a model reads for its meaning.
const MEANT_CHARS: usize = 2000;

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Given {
    Tag(String),
    Full {
        tag: String,
        #[serde(default)]
        description: String,
        #[serde(default)]
        terms: Vec<String>,
    },
}

/// A tag with what explains it.
#[derive(Debug, Clone)]
pub(super) struct Tag {
    name: String,
    description: String,
    /// Stems of each term.
    terms: Vec<Vec<String>>,
}

impl From<Given> for Tag {
    fn from(given: Given) -> Self {
        let (tag, description, terms) = match given {
            Given::Tag(tag) => (tag, String::new(), Vec::new()),
            Given::Full { tag, description, terms } => (tag, description, terms),
        };
        let named = tag.replace(['-', '_', '/'], " ");
        let stems = |text: &str| words(text).iter().map(|it| stem(it)).collect::<Vec<String>>();
        // A tag whose name is one of its terms is said once by it, not twice.
        let mut all: Vec<Vec<String>> = Vec::new();
        for term in terms.iter().map(|it| stems(it)).chain([stems(&named)]) {
            if !term.is_empty() && !all.contains(&term) {
                all.push(term);
            }
        }
        Self { terms: all, name: tag, description }
    }
}

impl Tag {
    fn meant(&self) -> String {
        let name = self.name.replace(['-', '_', '/'], " ");
        if self.description.is_empty() { name } else { format!("{name}: {}", self.description) }
    }
}

/// What the tags of a taxonomy mean.
pub(super) struct Meaning(Vec<Vec<f32>>);

impl Meaning {
    /// `None` where the tenant's model knows spelling alone, or does not answer.
    pub(super) async fn of(run: ToolRun<'_>, tags: &[Tag]) -> Result<Option<Self>, ToolFault> {
        let Ok(embedder) = run.platform.embedder(run.tenant) else { return Ok(None) };
        if embedder.kind() == EmbedderKind::Lexical {
            return Ok(None);
        }
        let texts: Vec<String> = tags.iter().map(Tag::meant).collect();
        let embedded = spared(embedder.embed(run.tenant, &texts, EmbedPurpose::Query).await)?;
        Ok(embedded.map(|it| it.vectors).filter(|vectors| vectors.len() == tags.len()).map(Self))
    }

    async fn near(&self, run: ToolRun<'_>, text: &str) -> Result<Option<Vec<f64>>, ToolFault> {
        let Ok(embedder) = run.platform.embedder(run.tenant) else { return Ok(None) };
        let text: Vec<String> = vec![text.chars().take(MEANT_CHARS).collect()];
        let embedded = spared(embedder.embed(run.tenant, &text, EmbedPurpose::Document).await)?;
        let vector = embedded.and_then(|it| it.vectors.into_iter().next());
        Ok(vector.map(|vector| self.0.iter().map(|it| cosine(&vector, it)).collect()))
    }
}

/// Up to `most` tags of a text with scores, best first.
pub(super) async fn choose(
    run: ToolRun<'_>,
    text: &str,
    tags: &[Tag],
    meaning: Option<&Meaning>,
    most: usize,
) -> Result<Vec<(String, f64)>, ToolFault> {
    let near = match meaning {
        Some(meaning) => meaning.near(run, text).await?,
        None => None,
    };
    let stems: Vec<String> = words(text).iter().map(|it| stem(it)).collect();
    let mut places: HashMap<&str, Vec<usize>> = HashMap::new();
    for (at, stem) in stems.iter().enumerate() {
        places.entry(stem).or_default().push(at);
    }
    let said: HashSet<&str> = stems.iter().map(String::as_str).collect();
    let mean = near.as_ref().map_or(0.0, |all| {
        #[expect(clippy::cast_precision_loss, reason = "there are at most 500 tags")]
        let count = all.len().max(1) as f64;
        all.iter().sum::<f64>() / count
    });
    let mut scored: Vec<(usize, f64)> = tags
        .iter()
        .enumerate()
        .map(|(index, tag)| {
            let mut hits = 0_usize;
            let mut kinds = 0_usize;
            for term in &tag.terms {
                let first = places.get(term[0].as_str()).map_or(&[][..], Vec::as_slice);
                let found = first.iter().filter(|at| stems[**at..].starts_with(term)).count();
                hits += found;
                kinds += usize::from(found > 0);
            }
            let described: HashSet<String> = content(&tag.description).into_iter().collect();
            let shared = described.iter().filter(|it| said.contains(it.as_str())).count();
            #[expect(clippy::cast_precision_loss, reason = "counts of words are small")]
            let (hits, kinds, shared) = (hits as f64, kinds as f64, shared as f64);
            let words = 1.0 - (-(0.28 * hits + 0.42 * kinds + 0.28 * shared)).exp();
            let meant =
                near.as_ref().map_or(0.0, |all| (all[index] - mean).max(0.0) * 1.1 + (all[index] - 0.3).max(0.0) * 0.6);
            (index, (words + meant).min(1.0))
        })
        .collect();
    scored.sort_by(|one, other| other.1.total_cmp(&one.1).then(one.0.cmp(&other.0)));
    let best = scored.first().map_or(0.0, |it| it.1);
    scored.retain(|(_, score)| *score >= LEAST && *score >= 0.55 * best);
    scored.truncate(most);
    let told = scored.into_iter().map(|(index, score)| (tags[index].name.clone(), (score * 1000.0).round() / 1000.0));
    let mut seen = HashSet::new();
    Ok(told.filter(|(tag, _)| seen.insert(tag.clone())).collect())
}
