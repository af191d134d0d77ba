//! Gives all chunks of a tenant new vectors: beside the old ones, and switched at once at the end.
//!
//! Until the switch the index is what it was; a query by the new model is refused, one by the old model finds what it
//! found. What was embedded before an interruption is kept for the next try with the same model.

use super::index::{bump_epoch, drop_all, embedding_name, maintain};
use super::quantised::is_finite;
use crate::ingest::{bump_version, embedded_text};
use crate::ports::{Columns, Database, DatabaseError, EmbedPurpose, Embedder, ModelError, Row, Statement, Value};
use crate::tenancy::TenantContext;

/// Chunks embedded and written at once.
const BATCH: i64 = 64;
/// How often a switch is tried anew because chunks came in meanwhile.
const SWITCHES: usize = 8;
/// Position of the guard that finds chunks without a new vector in the batch that switches.
const COMPLETE: usize = 1;

/// How far it is, in chunks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReindexProgress {
    /// Chunks with a new vector.
    pub done: u64,
    /// All chunks.
    pub total: u64,
}

/// What it came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reindexed {
    /// Chunks with a new vector.
    pub chunks: u64,
    /// How many of these an earlier try had embedded.
    pub resumed: u64,
    /// `model/dimensions` before; `None` where there was no vector.
    pub from: Option<String>,
    /// `model/dimensions` now.
    pub to: String,
}

/// Why the vectors were not renewed; the old ones are as they were.
#[derive(Debug, thiserror::Error)]
pub enum ReindexError {
    /// The embedding model that the tenant is configured with is not part of this deployment.
    #[error("embedding model `{model}` is not part of this deployment; choose another in the tenant's configuration")]
    UnknownModel {
        /// Id of the model.
        model: String,
    },
    /// Another one, to another model, was begun meanwhile, or chunks came in again and again.
    #[error("the corpus was changed while it was reindexed; try again when nothing is ingested")]
    Disturbed,
    /// Texts could not be embedded.
    #[error("chunks could not be embedded; what was done is kept, and the next try goes on from there")]
    Model(#[from] ModelError),
    /// The tenant's database could not be used.
    #[error("the tenant's database could not be read or written")]
    Database(#[from] DatabaseError),
}

/// Gives all chunks vectors of `embedder`; tells `progress` after each batch.
///
/// # Errors
///
/// [`ReindexError`]; the index is then what it was.
pub(crate) async fn reindex(
    tenant: &TenantContext,
    database: &dyn Database,
    embedder: &dyn Embedder,
    progress: &mut (dyn FnMut(ReindexProgress) + Send),
) -> Result<Reindexed, ReindexError> {
    let target = embedding_name(embedder.model(), embedder.dimensions());
    let (from, resumed) = begin(database, &target).await?;
    for _ in 0..SWITCHES {
        let chunks = embed_all(tenant, database, embedder, &target, progress).await?;
        if switch(database, embedder, &target).await? {
            maintain(tenant.id(), database).await;
            return Ok(Reindexed { chunks, resumed, from, to: target });
        }
    }
    Err(ReindexError::Disturbed)
}

fn text(value: &str) -> Vec<Value> {
    vec![Value::Text(value.to_owned())]
}

fn first(rows: Option<&Vec<Row>>) -> Result<&Row, DatabaseError> {
    let damaged = || DatabaseError::Refused { index: 0, reason: "no answer of one row".to_owned() };
    rows.and_then(|rows| rows.first()).ok_or_else(damaged)
}

/// Begins, or goes on with what was begun for the same model; returns the present model and how many vectors are there.
async fn begin(database: &dyn Database, target: &str) -> Result<(Option<String>, u64), ReindexError> {
    let answers = database
        .batch(vec![
            Statement::new(
                "DELETE FROM reindexed WHERE NOT EXISTS (SELECT 1 FROM meta WHERE key = 'reindex' AND value = ?1) \
                 OR rowid NOT IN (SELECT rowid FROM chunks)",
                text(target),
            ),
            Statement::new(
                "INSERT INTO meta (key, value) VALUES ('reindex', ?1) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                text(target),
            ),
            Statement::new(
                "SELECT coalesce((SELECT value FROM meta WHERE key = 'embedding'), ''), (SELECT count(*) FROM reindexed)",
                Vec::new(),
            ),
        ])
        .await?;
    let mut columns = Columns::of(first(answers.get(2))?);
    let from = Some(columns.text()?.to_owned()).filter(|name| !name.is_empty());
    Ok((from, columns.size()? as u64))
}

/// Embeds every chunk that has no new vector yet; returns how many chunks there are.
async fn embed_all(
    tenant: &TenantContext,
    database: &dyn Database,
    embedder: &dyn Embedder,
    target: &str,
    progress: &mut (dyn FnMut(ReindexProgress) + Send),
) -> Result<u64, ReindexError> {
    const PAGE: &str = "SELECT rowid, heading_path, text FROM chunks \
         WHERE rowid > coalesce((SELECT max(rowid) FROM reindexed), 0) ORDER BY rowid LIMIT ?1";
    const COUNTS: &str = "SELECT (SELECT count(*) FROM reindexed), (SELECT count(*) FROM chunks)";
    let counts = || Statement::new(COUNTS, Vec::new());
    let answers = database.batch(vec![counts()]).await?;
    let mut columns = Columns::of(first(answers.first())?);
    let (mut done, mut total) = (columns.size()? as u64, columns.size()? as u64);
    progress(ReindexProgress { done, total });
    loop {
        let answers = database.batch(vec![Statement::new(PAGE, vec![Value::Integer(BATCH)])]).await?;
        let Some(page) = answers.first().filter(|page| !page.is_empty()) else { return Ok(total) };
        let (mut rows, mut texts) = (Vec::with_capacity(page.len()), Vec::with_capacity(page.len()));
        for row in page {
            let mut columns = Columns::of(row);
            rows.push(columns.integer()?);
            texts.push(embedded_text(&columns.strings()?, columns.text()?));
        }
        let vectors = embedder.embed(tenant, &texts, EmbedPurpose::Document).await?.vectors;
        if vectors.len() != texts.len() || vectors.iter().any(|vector| vector.len() != embedder.dimensions()) {
            let reason = "wrong number or length of vectors".to_owned();
            return Err(ModelError::Unusable { model: embedder.model().to_owned(), reason }.into());
        }
        if !vectors.iter().all(|vector| is_finite(vector)) {
            return Err(ModelError::not_finite(embedder.model()).into());
        }
        let ours = Statement::guard("SELECT 1 FROM meta WHERE key = 'reindex' AND value = ?1", text(target));
        let write = |(row, vector): (i64, Vec<f32>)| {
            let vector = Value::Blob(vector.iter().flat_map(|value| value.to_le_bytes()).collect());
            Statement::new(
                "INSERT OR REPLACE INTO reindexed (rowid, embedding) VALUES (?1, ?2)",
                vec![Value::Integer(row), vector],
            )
        };
        let written = rows.len() as u64;
        let statements = std::iter::once(ours).chain(rows.into_iter().zip(vectors).map(write)).collect();
        match database.batch(statements).await {
            Err(DatabaseError::GuardFailed { .. }) => return Err(ReindexError::Disturbed),
            written => written?,
        };
        done += written;
        total = total.max(done);
        progress(ReindexProgress { done, total });
    }
}

/// Puts all new vectors in the place of the old ones, in one transaction; `false` when chunks came in meanwhile.
async fn switch(database: &dyn Database, embedder: &dyn Embedder, target: &str) -> Result<bool, ReindexError> {
    let dimensions = i64::try_from(embedder.dimensions()).unwrap_or(i64::MAX);
    let mut statements = vec![
        Statement::guard("SELECT 1 FROM meta WHERE key = 'reindex' AND value = ?1", text(target)),
        Statement::guard(
            "SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM chunks WHERE rowid NOT IN (SELECT rowid FROM reindexed))",
            Vec::new(),
        ),
        Statement::new(
            "UPDATE chunks SET embedding_model = ?1, dimensions = ?2, \
             embedding = (SELECT reindexed.embedding FROM reindexed WHERE reindexed.rowid = chunks.rowid)",
            vec![Value::Text(embedder.model().to_owned()), Value::Integer(dimensions)],
        ),
        Statement::new(
            "INSERT INTO meta (key, value) VALUES ('embedding', ?1) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            text(target),
        ),
        Statement::new("DELETE FROM reindexed", Vec::new()),
        Statement::new("DELETE FROM meta WHERE key = 'reindex'", Vec::new()),
        bump_epoch(),
        bump_version(),
    ];
    statements.extend(drop_all());
    match database.batch(statements).await {
        Ok(_) => Ok(true),
        Err(DatabaseError::GuardFailed { index: COMPLETE }) => Ok(false),
        Err(DatabaseError::GuardFailed { .. }) => Err(ReindexError::Disturbed),
        Err(error @ (DatabaseError::Unavailable { .. } | DatabaseError::Refused { .. })) => Err(error.into()),
    }
}
