//! Where the words of a query stand in the candidates.

use std::collections::HashMap;

use crate::ports::RerankCandidate;
use crate::retrieve::words::{stem, words};

/// Words of the narrow window.
const NARROW: usize = 24;
/// Words of the wide window.
const WIDE: usize = 48;
/// Furthest that a word may stand after its neighbour in the query.
const REACH: usize = 2;
/// BM25's saturation of counts.
const K1: f64 = 1.2;
/// BM25's part of the length.
const B: f64 = 0.75;

/// What one candidate holds of the query, each 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Found {
    /// Weighted share of the query's words.
    pub(super) coverage: f64,
    /// Weighted share within the narrow window.
    pub(super) narrow: f64,
    /// Weighted share within the wide window.
    pub(super) wide: f64,
    /// Neighbours of the query that are neighbours here, against the candidate with most of them.
    pub(super) pairs: f64,
}

/// What every candidate holds.
pub(super) struct Evidences {
    pub(super) each: Vec<Found>,
}

/// Positions of the query's words in one candidate.
struct Places {
    heading: Vec<Vec<usize>>,
    body: Vec<Vec<usize>>,
    length: usize,
}

impl Evidences {
    /// Looks for `stems`, in the order of the query, in every candidate. A word weighs by how few candidates hold it: it
    /// is between them that it is to tell.
    pub(super) fn of(stems: &[String], candidates: &[RerankCandidate]) -> Self {
        let mut terms: Vec<&String> = Vec::new();
        for stem in stems {
            if !terms.contains(&stem) {
                terms.push(stem);
            }
        }
        let index: HashMap<&str, usize> = terms.iter().enumerate().map(|(at, term)| (term.as_str(), at)).collect();
        let places: Vec<Places> = candidates.iter().map(|candidate| Places::of(&index, candidate)).collect();
        let total = count(candidates.len());
        let weights: Vec<f64> = (0..terms.len())
            .map(|term| {
                let holding = count(places.iter().filter(|it| it.holds(term)).count());
                if holding == 0.0 { 0.0 } else { (1.0 + (total - holding + 0.5) / (holding + 0.5)).ln() }
            })
            .collect();
        let whole: f64 = weights.iter().sum();
        if whole <= 0.0 {
            return Self { each: vec![Found::default(); candidates.len()] };
        }
        let average = places.iter().map(|it| count(it.length)).sum::<f64>() / total;
        let known: Vec<usize> = (0..terms.len()).filter(|term| weights[*term] > 0.0).collect();
        let mut each: Vec<Found> = places
            .iter()
            .map(|it| Found {
                coverage: known.iter().filter(|term| it.holds(**term)).map(|term| weights[*term]).sum::<f64>() / whole,
                narrow: it.densest(&weights, NARROW) / whole,
                wide: it.densest(&weights, WIDE) / whole,
                pairs: it.pairs(&known, &weights, average),
            })
            .collect();
        let most = each.iter().map(|found| found.pairs).fold(0.0, f64::max);
        for found in &mut each {
            found.pairs = if most > 0.0 { found.pairs / most } else { 0.0 };
        }
        Self { each }
    }
}

impl Places {
    fn of(index: &HashMap<&str, usize>, candidate: &RerankCandidate) -> Self {
        let heading = words(&candidate.heading_path.join(" "));
        let body = words(&candidate.text);
        let length = heading.len() + body.len();
        Self { heading: places(index, &heading), body: places(index, &body), length }
    }

    fn holds(&self, term: usize) -> bool {
        !self.body[term].is_empty() || !self.heading[term].is_empty()
    }

    /// The greatest weight of different words among any `width` words of the body that follow each other.
    fn densest(&self, weights: &[f64], width: usize) -> f64 {
        let mut hits: Vec<(usize, usize)> = Vec::new();
        for (term, positions) in self.body.iter().enumerate() {
            hits.extend(positions.iter().map(|position| (*position, term)));
        }
        hits.sort_unstable();
        let mut held = vec![0_usize; weights.len()];
        let (mut from, mut weight, mut best) = (0, 0.0, 0.0_f64);
        for (position, term) in &hits {
            if held[*term] == 0 {
                weight += weights[*term];
            }
            held[*term] += 1;
            while position - hits[from].0 >= width {
                let left = hits[from].1;
                held[left] -= 1;
                if held[left] == 0 {
                    weight -= weights[left];
                }
                from += 1;
            }
            best = best.max(weight);
        }
        best
    }

    /// Weight of neighbours of the query that stand in its order and close together, saturated as BM25 saturates counts.
    fn pairs(&self, terms: &[usize], weights: &[f64], average: f64) -> f64 {
        let norm = K1 * (1.0 - B + B * count(self.length) / average.max(1.0));
        let near = |one: &[usize], other: &[usize]| {
            one.iter()
                .map(|from| other.iter().filter(|to| (1..=REACH).contains(&to.wrapping_sub(*from))).count())
                .sum::<usize>()
        };
        let neighbours = terms.windows(2).map(|pair| {
            let (one, other) = (pair[0], pair[1]);
            let times =
                count(near(&self.heading[one], &self.heading[other]) + near(&self.body[one], &self.body[other]));
            weights[one].min(weights[other]) * times * (K1 + 1.0) / (times + norm)
        });
        neighbours.sum()
    }
}

/// Positions of each term among `words`.
fn places(index: &HashMap<&str, usize>, words: &[String]) -> Vec<Vec<usize>> {
    let mut places = vec![Vec::new(); index.len()];
    for (position, word) in words.iter().enumerate() {
        // Stems begin as their words do, nearly all of them: looking at the first letter saves most of the stemming.
        let first = word.chars().next();
        if !index.keys().any(|stem| stem.chars().next() == first) {
            continue;
        }
        if let Some(term) = index.get(stem(word).as_str()) {
            places[*term].push(position);
        }
    }
    places
}

#[expect(clippy::cast_precision_loss, reason = "counts of words are far below 2^52")]
fn count(number: usize) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(stems: &[&str], texts: &[(&str, &str)]) -> Vec<Found> {
        let candidates: Vec<RerankCandidate> = texts
            .iter()
            .map(|(heading, text)| RerankCandidate {
                text: (*text).to_owned(),
                heading_path: vec![(*heading).to_owned()],
                vector: Vec::new(),
                score: 0.0,
            })
            .collect();
        Evidences::of(&stems.iter().map(|&stem| stem.to_owned()).collect::<Vec<_>>(), &candidates).each
    }

    #[test]
    fn counts_a_word_of_the_heading_as_covered() {
        let all = found(&["batteri", "charg"], &[("Battery", "Charging it"), ("", "charging"), ("", "nothing")]);
        assert!((all[0].coverage - 1.0).abs() < 1e-12);
        assert!(all[1].coverage > 0.0 && all[1].coverage < 1.0);
        assert_eq!(all[2], Found::default());
    }

    #[test]
    fn looks_into_windows_of_the_body_alone() {
        let apart = format!("battery {} charging", "so ".repeat(30));
        let all = found(&["batteri", "charg"], &[("", &apart), ("", "battery charging"), ("battery charging", "x")]);
        assert!(all[0].narrow < all[0].wide && (all[0].wide - 1.0).abs() < 1e-12, "{:?}", all[0]);
        assert!((all[1].narrow - 1.0).abs() < 1e-12);
        assert!(all[2].narrow.abs() < 1e-12 && (all[2].coverage - 1.0).abs() < 1e-12);
    }

    #[test]
    fn counts_neighbours_in_their_order() {
        let all = found(
            &["batteri", "charg"],
            &[("", "the battery charging here"), ("", "charging the battery here"), ("", "battery x y charging")],
        );
        assert!((all[0].pairs - 1.0).abs() < 1e-12);
        assert!(all[1].pairs.abs() < 1e-12 && all[2].pairs.abs() < 1e-12, "{all:?}");
    }

    #[test]
    fn is_nothing_without_words() {
        assert_eq!(found(&[], &[("", "a")]), [Found::default()]);
        assert_eq!(found(&["zzz"], &[("", "a")]), [Found::default()]);
        assert!(found(&["a"], &[]).is_empty());
    }
}
