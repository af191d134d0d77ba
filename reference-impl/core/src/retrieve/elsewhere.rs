//! Candidates from a vector index elsewhere. The store stays the truth: it knows up to which row the index shows everything, looks
//! at the rest itself, and filters and scores whatever the index names.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use super::fusion::DEPTH;
use super::index::{CorpusIndex, Mask, floats};
use crate::ports::{
    Clock, Columns, Database, DatabaseError, FILTERED_BYTES, KeptVector, Row, Statement, UnixMillis, Value,
    VectorError, VectorIndex,
};
use crate::tenancy::TenantContext;

/// Chunks that are sent to the index at once: some megabytes of vectors as JSON.
const BATCH: i64 = 200;

/// Vectors that are removed at once, of a tenant that is erased.
const REMOVED_AT_ONCE: i64 = 1000;

/// How far the index has come, as the store knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Progress {
    /// `model/dimensions` of the vectors that it holds.
    embedding: String,
    /// The index epoch that they are of.
    epoch: i64,
    /// Every chunk up to this row is seen by look-ups.
    visible: i64,
    /// Chunks that were gone in this corpus version are removed.
    removed: i64,
    /// What was sent and is not seen yet.
    pending: Option<Pending>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Pending {
    mutation: String,
    since: UnixMillis,
    visible: i64,
    removed: i64,
}

/// What the store says of itself and of the index.
struct State {
    /// The stored text of [`Progress`], for the guard that lets one writer win.
    stored: String,
    mark: String,
    progress: Progress,
    version: i64,
}

/// What one step of bringing the index up has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Nothing is left to do.
    Done,
    /// Something was sent or taken note of; there may be more.
    Moved,
    /// What was sent is not seen yet.
    Waits,
}

/// Why a step failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StepError {
    #[error(transparent)]
    Database(#[from] DatabaseError),
    #[error(transparent)]
    Vectors(#[from] VectorError),
}

async fn state(database: &dyn Database) -> Result<State, DatabaseError> {
    const READ: &str = "SELECT coalesce((SELECT value FROM meta WHERE key = 'vector_index'), ''), \
         (SELECT value FROM meta WHERE key = 'mark'), \
         (SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'index_epoch'), \
         coalesce((SELECT value FROM meta WHERE key = 'embedding'), ''), \
         (SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'corpus_version')";
    let answers = database.batch(vec![Statement::new(READ, Vec::new())]).await?;
    let row = answers.first().and_then(|rows| rows.first());
    let row = row.ok_or_else(|| DatabaseError::Refused { index: 0, reason: "no state of the index".to_owned() })?;
    let mut columns = Columns::of(row);
    let (stored, mark) = (columns.text()?.to_owned(), columns.text()?.to_owned());
    let (epoch, embedding, version) = (columns.integer()?, columns.text()?.to_owned(), columns.integer()?);
    let known: Option<Progress> = serde_json::from_str(&stored).ok();
    // Vectors of another model or an earlier epoch are as good as none: all are sent again, in the place of those.
    let same = known.filter(|it| it.embedding == embedding && it.epoch == epoch);
    let progress = same.unwrap_or(Progress { embedding, epoch, visible: 0, removed: 0, pending: None });
    Ok(State { stored, mark, progress, version })
}

fn id(mark: &str, row: i64) -> String {
    format!("{mark}-{row}")
}

/// The row that an id names; `None` for one of another store, such as the tenant's own before it was deleted and made anew.
fn row_of(mark: &str, id: &str) -> Option<i64> {
    id.strip_prefix(mark)?.strip_prefix('-')?.parse().ok()
}

/// The chunks of `mask` that are worth looking at for `query`: those that the index names, and those that it cannot know yet.
/// `None` where everything must be looked at: the index does not answer, is of other vectors, or names fewer than there must be.
///
/// # Errors
///
/// The database's.
pub(super) async fn narrowed(
    index: &CorpusIndex,
    mask: &Mask,
    tenant: &TenantContext,
    database: &dyn Database,
    vectors: &dyn VectorIndex,
    query: &[f32],
    filter: Option<Map<String, Json>>,
) -> Result<(Option<Mask>, bool), DatabaseError> {
    let State { mark, progress, .. } = state(database).await?;
    if index.embedding.as_ref() != Some(&progress.embedding) {
        return Ok((None, true));
    }
    let fresh = index.mask_where(|it| mask.allows(it) && index.row(it) > progress.visible);
    let behind = progress.pending.is_some() || fresh.count() > 0;
    let old = mask.count() - fresh.count();
    if old == 0 {
        return Ok((None, behind));
    }
    let Ok(ids) = vectors.nearest(tenant, query, filter).await else { return Ok((None, behind)) };
    let named = ids.iter().filter_map(|id| index.position(row_of(&mark, id)?));
    let named: std::collections::HashSet<_> = named.filter(|it| mask.allows(*it) && !fresh.allows(*it)).collect();
    if named.len() < old.min(DEPTH) {
        return Ok((None, behind));
    }
    Ok((Some(index.mask_where(|it| fresh.allows(it) || named.contains(&it))), behind))
}

/// Brings the index one step further: takes note of what is seen by now, or sends the next chunks, or removes those that are gone.
///
/// # Errors
///
/// [`StepError`]; the next step begins where this one did.
pub(crate) async fn step(
    tenant: &TenantContext,
    database: &dyn Database,
    vectors: &dyn VectorIndex,
    clock: &dyn Clock,
) -> Result<Step, StepError> {
    let state = state(database).await?;
    let mut progress = state.progress.clone();
    if let Some(pending) = progress.pending.take() {
        if !vectors.is_visible(tenant, &pending.mutation, pending.since).await? {
            return Ok(Step::Waits);
        }
        (progress.visible, progress.removed) = (pending.visible, pending.removed);
        return note(database, &state, &progress).await;
    }
    let (fresh, last) = fresh(tenant, database, &state).await?;
    if !fresh.is_empty() {
        let mutation = vectors.put(tenant, fresh).await?;
        let (visible, removed) = (last, progress.removed);
        progress.pending = Some(Pending { mutation, since: clock.system(), visible, removed });
        return note(database, &state, &progress).await;
    }
    if progress.removed >= state.version {
        return Ok(Step::Done);
    }
    let gone = gone(database, &state).await?;
    if gone.is_empty() {
        progress.removed = state.version;
        return note(database, &state, &progress).await;
    }
    let mutation = vectors.remove(tenant, gone).await?;
    let (visible, removed) = (progress.visible, state.version);
    progress.pending = Some(Pending { mutation, since: clock.system(), visible, removed });
    note(database, &state, &progress).await
}

/// Removes every vector that the index may hold of the tenant, and returns of how many it was told; `None` where the tenant never had
/// any there. Rows are counted up and never used again, so that their numbers name all that was ever sent, also what the store has
/// forgotten since.
///
/// - `chosen`: the tenant has chosen the index. Its first vectors may be there before the store knows.
///
/// # Errors
///
/// [`StepError`]; some may be removed.
pub(super) async fn erase(
    tenant: &TenantContext,
    database: &dyn Database,
    vectors: &dyn VectorIndex,
    chosen: bool,
) -> Result<Option<u64>, StepError> {
    const LAST: &str = "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'chunks'), 0)";
    let State { stored, mark, .. } = state(database).await?;
    if stored.is_empty() && !chosen {
        return Ok(None);
    }
    let answers = database.batch(vec![Statement::new(LAST, Vec::new())]).await?;
    let row = answers.first().and_then(|rows| rows.first()).cloned().unwrap_or_default();
    let last = Columns::of(&row).integer()?;
    let mut from = 1;
    while from <= last {
        let until = last.min(from.saturating_add(REMOVED_AT_ONCE - 1));
        vectors.remove(tenant, (from..=until).map(|row| id(&mark, row)).collect()).await?;
        from = until.saturating_add(1);
    }
    Ok(Some(u64::try_from(last).unwrap_or_default()))
}

/// Writes what is known now, unless another writer was quicker, who then knows as much.
async fn note(database: &dyn Database, state: &State, progress: &Progress) -> Result<Step, StepError> {
    const SAME: &str = "SELECT 1 WHERE coalesce((SELECT value FROM meta WHERE key = 'vector_index'), '') = ?1";
    const WRITE: &str = "INSERT INTO meta VALUES ('vector_index', ?1) ON CONFLICT DO UPDATE SET value = excluded.value";
    let text = serde_json::to_string(progress).unwrap_or_default();
    let batch = vec![
        Statement::guard(SAME, vec![Value::Text(state.stored.clone())]),
        Statement::new(WRITE, vec![Value::Text(text)]),
    ];
    match database.batch(batch).await {
        Ok(_) | Err(DatabaseError::GuardFailed { .. }) => Ok(Step::Moved),
        Err(error @ (DatabaseError::Unavailable { .. } | DatabaseError::Refused { .. })) => Err(error.into()),
    }
}

/// The next chunks that the index lacks, and the row of the last.
async fn fresh(
    tenant: &TenantContext,
    database: &dyn Database,
    state: &State,
) -> Result<(Vec<KeptVector>, i64), DatabaseError> {
    const READ: &str = "SELECT c.rowid, c.embedding, d.metadata FROM chunks c JOIN documents d ON d.id = c.document_id \
         WHERE c.rowid > ?1 AND c.embedding_model || '/' || c.dimensions = ?2 ORDER BY c.rowid LIMIT ?3";
    let progress = &state.progress;
    let embedding = Value::Text(progress.embedding.clone());
    let bound = vec![Value::Integer(progress.visible), embedding, Value::Integer(BATCH)];
    let answers = database.batch(vec![Statement::new(READ, bound)]).await?;
    let keys = &tenant.settings().vectors.indexed_keys;
    let mut last = progress.visible;
    let mut read = |row: &Row| {
        let mut columns = Columns::of(row);
        last = columns.integer()?;
        let values = floats(columns.blob()?).collect();
        let metadata: Json = columns.json()?;
        let held = keys.iter().filter_map(|key| Some((key.clone(), comparable(metadata.get(key)?)?)));
        Ok(KeptVector { id: id(&state.mark, last), values, metadata: held.collect() })
    };
    let vectors: Result<Vec<_>, DatabaseError> = answers.first().into_iter().flatten().map(&mut read).collect();
    Ok((vectors?, last))
}

/// What an index can compare of a value: of a string its beginning, of anything but a scalar nothing.
fn comparable(value: &Json) -> Option<Json> {
    match value {
        Json::String(text) => {
            let end = (0..=text.len().min(FILTERED_BYTES)).rev().find(|end| text.is_char_boundary(*end))?;
            Some(Json::from(&text[..end]))
        }
        Json::Bool(_) | Json::Number(_) => Some(value.clone()),
        Json::Null | Json::Array(_) | Json::Object(_) => None,
    }
}

/// Ids of chunks that the index holds and the store no longer does. Those whose tombstones are forgotten stay in the index, where
/// nobody finds them: what it names and the store does not know is passed over.
async fn gone(database: &dyn Database, state: &State) -> Result<Vec<String>, DatabaseError> {
    const READ: &str = "SELECT rowid FROM tombstones WHERE version > ?1 AND version <= ?2 AND rowid <= ?3";
    let bound = [state.progress.removed, state.version, state.progress.visible].map(Value::Integer).to_vec();
    let answers = database.batch(vec![Statement::new(READ, bound)]).await?;
    let rows = answers.first().into_iter().flatten();
    rows.map(|row| Ok(id(&state.mark, Columns::of(row).integer()?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_no_id_of_another_store() {
        assert_eq!(row_of("0a1b", &id("0a1b", 17)), Some(17));
        for id in ["0a1c-17", "17", "0a1b-", "0a1b17", "0a1b-x", ""] {
            assert_eq!(row_of("0a1b", id), None, "{id}");
        }
    }

    #[test]
    fn sends_what_an_index_can_compare() {
        let long = "\u{e9}".repeat(40);
        assert_eq!(comparable(&Json::from(long.as_str())), Some(Json::from("\u{e9}".repeat(32))));
        assert_eq!(comparable(&Json::from("x".repeat(65))), Some(Json::from("x".repeat(64))));
        for whole in [Json::from("short"), Json::from(7), Json::from(true), Json::from("")] {
            assert_eq!(comparable(&whole), Some(whole));
        }
        for none in [Json::Null, serde_json::json!(["a"]), serde_json::json!({"a": 1})] {
            assert_eq!(comparable(&none), None);
        }
    }
}
