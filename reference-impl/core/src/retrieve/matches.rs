//! The lexical half: what the full-text index finds of what may be found.

use super::error::RetrieveError;
use super::fusion::DEPTH;
use super::index::{CorpusIndex, Mask, Position, version_of, version_statement};
use super::lexical::{HEADING_WEIGHT, full_text_query};
use super::words::{stem, words};
use crate::ports::{Database, Statement, Value};
use crate::sabotage::{self, Sabotage};

/// The best of the lexical half, as positions and BM25 scores, best first, and whether the corpus still was as the index
/// shows it. Every match is read where the index is filtered, so that a filter never costs a match.
pub(super) async fn matches(
    index: &CorpusIndex,
    mask: &Mask,
    database: &dyn Database,
    query: &str,
    expansions: &[String],
) -> Result<(Vec<(Position, f64)>, bool), RetrieveError> {
    const READ: &str = "SELECT rowid, -bm25(chunks_fts, ?2, 1.0) FROM chunks_fts WHERE chunks_fts MATCH ?1";
    let cut;
    let query = if sabotage::on(Sabotage::ExactTermsIgnored) {
        let plain = |word: &&str| !word.chars().any(|character| character.is_ascii_digit());
        cut = query.split_whitespace().filter(plain).collect::<Vec<_>>().join(" ");
        &cut
    } else {
        query
    };
    let unstemmed;
    let (query, expansions) = if sabotage::on(Sabotage::StemmingOff) {
        unstemmed = own_stems(query);
        (unstemmed.as_str(), &[][..])
    } else {
        (query, expansions)
    };
    let Some(query) = full_text_query(query, expansions) else { return Ok((Vec::new(), true)) };
    let params = vec![Value::Text(query), Value::Real(HEADING_WEIGHT)];
    let (scores, version) = database.read_scores(Statement::new(READ, params), version_statement()).await?;
    let unchanged = version_of(Some(&version))? == index.version;
    let order = |one: &(Position, f64), other: &(Position, f64)| {
        other.1.total_cmp(&one.1).then_with(|| index.chunk_id(one.0).cmp(index.chunk_id(other.0)))
    };
    let mut best: Vec<(Position, f64)> = Vec::with_capacity(2 * DEPTH);
    let mut least = f64::NEG_INFINITY;
    for (row, score) in scores {
        // Most matches of frequent words are no candidates, and where they are in the index need not be looked up.
        if score < least {
            continue;
        }
        // Rows are never used again: where documents came or went meanwhile, what both know of is found all the same.
        best.extend(index.position(row).filter(|position| mask.allows(*position)).map(|it| (it, score)));
        if best.len() == 2 * DEPTH {
            best.select_nth_unstable_by(DEPTH, order);
            best.truncate(DEPTH);
            least = best.iter().fold(f64::INFINITY, |least, (_, score)| least.min(*score));
        }
    }
    best.sort_unstable_by(order);
    best.truncate(DEPTH);
    Ok((best, unchanged))
}

/// The words of `query` that are their own stems: of a stemmed index, all that a query without stemming finds.
fn own_stems(query: &str) -> String {
    words(query).into_iter().filter(|word| stem(word) == *word).collect::<Vec<_>>().join(" ")
}
