//! How well a text fits each category: by the tenant's embedding model, and by the words that they share.

use std::collections::{HashMap, HashSet};

use super::Category;
use super::known::FIELDS;
use crate::retrieve::words::stem;
use crate::tools::text::{content, cosine};

/// The texts of a category that are embedded: the label with its description, then each example.
pub(super) fn texts(category: &Category) -> Vec<String> {
    let label = category.label.replace(['_', '-'], " ");
    let mut texts =
        vec![if category.description.is_empty() { label } else { format!("{label}: {}", category.description) }];
    texts.extend(category.examples.iter().cloned());
    texts
}

/// A score from 0 to 1 for each category, with its position.
///
/// - `vectors`: one for the text, then one for each of the [`texts`] of each category; `None` where there is no model.
pub(super) fn scores(text: &str, categories: &[Category], vectors: Option<&[Vec<f32>]>) -> Vec<(usize, f64)> {
    let said: Vec<String> = content(text);
    let said_set: HashSet<&str> = said.iter().map(String::as_str).collect();
    let words: Vec<HashMap<String, f64>> = categories.iter().map(weights).collect();
    // A word that speaks for many categories speaks for none.
    let mut shared: HashMap<&str, f64> = HashMap::new();
    for weights in &words {
        for word in weights.keys() {
            *shared.entry(word).or_default() += 1.0;
        }
    }
    let mut at = 1;
    let mut meant = Vec::new();
    for category in categories {
        let count = 1 + category.examples.len();
        let similarity = vectors.and_then(|all| {
            let text = all.first()?;
            let own = all.get(at..at + count)?;
            let about = cosine(text, &own[0]);
            let mut examples: Vec<f64> = own[1..].iter().map(|it| cosine(text, it)).collect();
            examples.sort_by(|one, other| other.total_cmp(one));
            let best = examples.first().copied();
            let second = examples.get(1).copied();
            Some(match (best, second) {
                (Some(best), Some(second)) => (0.65 * best + 0.35 * second).max(0.9 * about),
                (Some(best), None) => best.max(about),
                (None, _) => about,
            })
        });
        at += count;
        meant.push(similarity.unwrap_or_default().clamp(0.0, 1.0));
    }
    let mean = mean(&meant);
    categories
        .iter()
        .enumerate()
        .map(|(index, category)| {
            let label: HashSet<String> = content(&category.label.replace(['_', '-'], " ")).into_iter().collect();
            let named = !label.is_empty() && label.iter().all(|it| said_set.contains(it.as_str()));
            let overlap: f64 = words[index]
                .iter()
                .filter(|(word, _)| said_set.contains(word.as_str()))
                .map(|(word, weight)| weight / shared.get(word.as_str()).copied().unwrap_or(1.0))
                .sum();
            let overlap = 1.0 - (-0.55 * overlap).exp();
            // How far a category stands out from the others says more than how near it is.
            let stands = (meant[index] - mean).max(-0.2);
            let evidence = 0.6 * meant[index] + 1.3 * stands + 0.75 * overlap + if named { 0.45 } else { 0.0 };
            (index, logistic(6.0 * (evidence - 0.42)))
        })
        .collect()
}

fn mean(values: &[f64]) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "there are at most 100 categories")]
    let count = values.len().max(1) as f64;
    values.iter().sum::<f64>() / count
}

fn logistic(it: f64) -> f64 {
    1.0 / (1.0 + (-it).exp())
}

/// The stems that speak for a category, and how much.
fn weights(category: &Category) -> HashMap<String, f64> {
    let mut weights: HashMap<String, f64> = HashMap::new();
    let mut put = |stem: String, weight: f64| {
        let held = weights.entry(stem).or_default();
        *held = held.max(weight);
    };
    let label = category.label.to_lowercase().replace(['_', '-'], " ");
    let heads: HashSet<String> = content(&label).into_iter().collect();
    for (names, words) in FIELDS {
        let fits = names.split(' ').any(|name| {
            let stems: Vec<String> = name.split('-').map(stem).collect();
            !stems.is_empty() && stems.iter().all(|it| heads.contains(it))
        });
        if fits {
            words.split(' ').for_each(|word| put(stem(word), 0.8));
        }
    }
    for head in &heads {
        put(head.clone(), 1.6);
    }
    for word in content(&category.description) {
        put(word, 1.0);
    }
    for word in category.examples.iter().flat_map(|example| content(example)) {
        put(word, 0.8);
    }
    weights
}
