//! The dense half: an exact scan over int8 codes, whose best are scored again with the exact vectors.

use std::collections::HashMap;
use std::sync::Arc;

use super::index::{CorpusIndex, Mask, Position, Vector, floats, version_of, version_statement};
use super::quantised::Quantised;
use super::scan::{Best, scan};
use crate::ports::{Columns, Database, DatabaseError, Row, Scan, Statement, Value};

/// Lanes of the dot product: enough for the compiler to use the widest registers there are.
const LANES: usize = 16;
/// Candidates that are always scored exactly beyond those that are asked for.
const MARGIN: usize = 40;
/// Candidates that a scan keeps at least.
const LEAST_KEPT: usize = 24;

/// What the dense half found.
pub(super) struct Nearest {
    /// Chunks with their exact cosines, best first; equal ones in the order of chunk ids.
    pub(super) ranked: Vec<(Position, f64)>,
    /// Whether the corpus still was as the index shows it, as far as it was read.
    pub(super) unchanged: bool,
    /// Exact vectors that were read of the version that the index shows: the index is to know them the next time.
    pub(super) read: Vec<(Position, Vector)>,
}

impl Nearest {
    /// Nothing, without a look at the corpus.
    pub(super) fn none() -> Self {
        Self { ranked: Vec::new(), unchanged: true, read: Vec::new() }
    }
}

/// How many candidates of a scan are kept for exact scoring where `depth` are asked for.
pub const fn shortlisted(depth: usize) -> usize {
    // Three times as many: with 384 dimensions the codes of no query of the bench put one of the best ten beyond the thirtieth.
    if depth * 3 > LEAST_KEPT { depth * 3 } else { LEAST_KEPT }
}

/// The best of the chunks that `mask` lets pass, by the cosine of the codes, best first.
fn shortlist(
    index: &CorpusIndex,
    mask: &Mask,
    query: &Quantised,
    depth: usize,
    host: &dyn Scan,
) -> Vec<(f32, Position)> {
    let ids = |one: Position, other: Position| index.chunk_id(one).cmp(index.chunk_id(other));
    let mut best = Best::new(shortlisted(depth), ids);
    for (part, rows) in index.parts(mask) {
        scan(host, rows, query, &mut best, |row| Position::of(part, row));
    }
    best.finish()
}

/// Finds the best `depth` chunks that `mask` lets pass.
///
/// # Errors
///
/// The database's.
pub(super) async fn nearest(
    index: &CorpusIndex,
    mask: &Mask,
    database: &dyn Database,
    host: &dyn Scan,
    query: &[f32],
    depth: usize,
) -> Result<Nearest, DatabaseError> {
    let quantised = Quantised::of(query);
    if index.is_empty() || index.dimensions() != query.len() {
        return Ok(Nearest::none());
    }
    let candidates = shortlist(index, mask, &quantised, depth, host);
    let mut found = Nearest::none();
    let (mut scored, mut worst) = (0, 0.0_f64);
    while scored < candidates.len() {
        // First those that are likely to be enough, then all that are left.
        let until = if scored == 0 { (depth + MARGIN).min(candidates.len()) } else { candidates.len() };
        let (mut unknown, mut score) = (Vec::new(), |approximate: f32, position: Position, vector: &[f32]| {
            let cosine = f64::from(dot(vector, query));
            worst = worst.max((cosine - f64::from(approximate)).abs());
            found.ranked.push((position, cosine));
        });
        for (approximate, position) in &candidates[scored..until] {
            if index.exact(*position, |vector| score(*approximate, *position, vector)).is_none() {
                unknown.push((*approximate, *position));
            }
        }
        // Where all are known the store is not asked, nor whether it has changed: whoever reads the texts is told.
        if !unknown.is_empty() {
            let (vectors, version) = exact(index, database, &unknown).await?;
            found.unchanged &= version == index.version && vectors.len() == unknown.len();
            for (approximate, position) in unknown {
                let Some(vector) = vectors.get(&index.row(position)) else { continue };
                score(approximate, position, vector);
                if version == index.version {
                    found.read.push((position, Arc::clone(vector)));
                }
            }
        }
        found.ranked.sort_unstable_by(|one, other| {
            other.1.total_cmp(&one.1).then_with(|| index.chunk_id(one.0).cmp(index.chunk_id(other.0)))
        });
        scored = until;
        // What was not looked at is not among the best, unless its codes are off by twice what any were up to here.
        let least = found.ranked.get(depth.saturating_sub(1)).map(|(_, cosine)| *cosine);
        let next = candidates.get(scored).map(|(approximate, _)| f64::from(*approximate));
        if least.zip(next).is_some_and(|(least, next)| next + 2.0 * worst < least) {
            break;
        }
    }
    found.ranked.truncate(depth);
    Ok(found)
}

/// Exact vectors of candidates by row, and the corpus version that they are of. A chunk that is gone, or that has another
/// model's vector by now, is left out.
async fn exact(
    index: &CorpusIndex,
    database: &dyn Database,
    candidates: &[(f32, Position)],
) -> Result<(HashMap<i64, Vector>, i64), DatabaseError> {
    const READ: &str = "SELECT rowid, embedding FROM chunks \
         WHERE rowid IN (SELECT value FROM json_each(?1)) AND embedding_model = ?2 AND dimensions = ?3";
    let rows: Vec<i64> = candidates.iter().map(|(_, position)| index.row(*position)).collect();
    let rows = serde_json::Value::from(rows).to_string();
    let (model, dimensions) = index.model();
    let dimensions = Value::Integer(i64::try_from(dimensions).unwrap_or(i64::MAX));
    let params = vec![Value::Text(rows), Value::Text(model.to_owned()), dimensions];
    let answers = database.batch(vec![Statement::new(READ, params), version_statement()]).await?;
    let version = version_of(answers.get(1))?;
    let read = |row: &Row| {
        let mut columns = Columns::of(row);
        Ok((columns.integer()?, floats(columns.blob()?).collect()))
    };
    let vectors = answers.first().into_iter().flatten().map(read);
    Ok((vectors.collect::<Result<_, DatabaseError>>()?, version))
}

/// Dot product. Sums in a fixed order, so that every host gives the same bits.
pub fn dot(one: &[f32], other: &[f32]) -> f32 {
    let (one_lanes, one_rest) = one.as_chunks::<LANES>();
    let (other_lanes, other_rest) = other.as_chunks::<LANES>();
    let mut sums = [0.0_f32; LANES];
    for (one, other) in one_lanes.iter().zip(other_lanes) {
        for lane in 0..LANES {
            sums[lane] += one[lane] * other[lane];
        }
    }
    let rest: f32 = one_rest.iter().zip(other_rest).map(|(one, other)| one * other).sum();
    sums.iter().sum::<f32>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn multiplies_vectors_of_any_length() {
        for length in [0_u16, 1, 15, 16, 17, 40] {
            let one: Vec<f32> = (0..length).map(f32::from).collect();
            let other = vec![2.0_f32; usize::from(length)];
            let expected: f32 = one.iter().map(|value| value * 2.0).sum();
            assert!((dot(&one, &other) - expected).abs() < 1e-3);
        }
    }
}
