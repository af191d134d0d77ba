//! The segments of a tenant's database: sealed behind new chunks, joined when mostly dead, dropped when damaged.
//!
//! Segments are derived: `chunks.embedding` is what they are made of. Each transaction here holds to what it read, so that two
//! hosts at the same work do it once, and a failure costs time and nothing else.

use super::segment::{MOST_ROWS, Segment, most_rows};
use super::{damaged, version_of, version_statement};
use crate::ports::{Columns, Database, DatabaseError, Row, Statement, Value};
use crate::tenancy::TenantId;

/// Segments joined at once.
const MOST_JOINED: usize = 8;
/// Joins in one call: what is left waits for the next.
const MOST_JOINS: usize = 16;

const UNSEALED: &str = "SELECT coalesce((SELECT max(rowid) FROM chunks), 0) \
     - (SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'sealed_row')";

/// Tells, at the end of a batch that writes chunks, whether [`maintain`] has work; [`due`] reads the answer.
pub(crate) fn due_statement() -> Statement {
    Statement::new(UNSEALED, Vec::new())
}

/// Whether enough rows are outside of segments.
pub(crate) fn due(answer: Option<&Vec<Row>>) -> bool {
    let unsealed = answer.and_then(|rows| rows.first()).and_then(|row| Columns::of(row).size().ok());
    unsealed.is_some_and(|unsealed| unsealed >= MOST_ROWS)
}

/// Seals chunks into segments, and joins segments that are mostly dead. What fails is told and tried again with the next
/// chunks: nothing depends on it but time.
pub(crate) async fn maintain(tenant: &TenantId, database: &dyn Database) {
    let done = async {
        while seal(database).await? {}
        for _ in 0..MOST_JOINS {
            if !join(tenant, database).await? {
                break;
            }
        }
        Ok(())
    };
    let done: Result<(), DatabaseError> = done.await;
    if let Err(error) = done {
        tracing::warn!(tenant = tenant.as_str(), error = %error, "segments of the index could not be kept up");
    }
}

/// Drops the damaged segment that ends at `last_row` and all after it, and makes them again out of the chunks.
pub(super) async fn mend(tenant: &TenantId, database: &dyn Database, last_row: i64) -> Result<(), DatabaseError> {
    drop_from(tenant, database, last_row).await?;
    maintain(tenant, database).await;
    Ok(())
}

async fn drop_from(tenant: &TenantId, database: &dyn Database, last_row: i64) -> Result<(), DatabaseError> {
    tracing::error!(
        tenant = tenant.as_str(),
        last_row,
        "a segment of the index is damaged (its checksum, model or rows do not fit); it is made again out of the chunks"
    );
    let drop = Statement::new("DELETE FROM segments WHERE last_row >= ?1", vec![Value::Integer(last_row)]);
    database.batch(vec![drop, sealed_to_the_last_segment()]).await?;
    Ok(())
}

fn sealed_to_the_last_segment() -> Statement {
    Statement::new(
        "UPDATE meta SET value = CAST(coalesce((SELECT max(last_row) FROM segments), 0) AS TEXT) \
         WHERE key = 'sealed_row'",
        Vec::new(),
    )
}

/// Statements that drop all segments, for a switch of all vectors.
pub(crate) fn drop_all() -> Vec<Statement> {
    vec![
        Statement::new("DELETE FROM segments", Vec::new()),
        Statement::new("DELETE FROM tombstones", Vec::new()),
        sealed_to_the_last_segment(),
        Statement::new(
            "UPDATE meta SET value = (SELECT value FROM meta WHERE key = 'corpus_version') WHERE key = 'tombstones_from'",
            Vec::new(),
        ),
    ]
}

/// What a step holds to: the store as it was when the step read it.
struct Seen {
    epoch: String,
    sealed_row: String,
    version: i64,
}

const SEEN: &str = "SELECT (SELECT value FROM meta WHERE key = 'index_epoch'), \
     (SELECT value FROM meta WHERE key = 'sealed_row')";

impl Seen {
    /// Reads the answers of [`SEEN`] and of the version.
    fn of(seen: Option<&Vec<Row>>, version: Option<&Vec<Row>>) -> Result<Self, DatabaseError> {
        let row = seen.and_then(|rows| rows.first()).ok_or_else(|| damaged("no index state"))?;
        let mut columns = Columns::of(row);
        let (epoch, sealed_row) = (columns.text()?.to_owned(), columns.text()?.to_owned());
        Ok(Self { epoch, sealed_row, version: version_of(version)? })
    }

    fn guards(&self) -> Vec<Statement> {
        let guard = |sql, value: &str| Statement::guard(sql, vec![Value::Text(value.to_owned())]);
        vec![
            guard("SELECT 1 FROM meta WHERE key = 'index_epoch' AND value = ?1", &self.epoch),
            guard("SELECT 1 FROM meta WHERE key = 'sealed_row' AND value = ?1", &self.sealed_row),
        ]
    }

    /// Forgets the tombstones of rows from `first` to `last` that this has seen.
    fn forget_tombstones(&self, first: i64, last: i64) -> Vec<Statement> {
        let version = Value::Integer(self.version);
        vec![
            Statement::new(
                "DELETE FROM tombstones WHERE rowid BETWEEN ?1 AND ?2 AND version <= ?3",
                vec![Value::Integer(first), Value::Integer(last), version.clone()],
            ),
            Statement::new(
                "UPDATE meta SET value = CAST(max(CAST(value AS INTEGER), ?1) AS TEXT) WHERE key = 'tombstones_from'",
                vec![version],
            ),
        ]
    }
}

/// Runs a step; someone else having been faster is no failure.
async fn run(database: &dyn Database, statements: Vec<Statement>) -> Result<bool, DatabaseError> {
    match database.batch(statements).await {
        Ok(_) => Ok(true),
        Err(DatabaseError::GuardFailed { .. }) => Ok(false),
        Err(error @ (DatabaseError::Unavailable { .. } | DatabaseError::Refused { .. })) => Err(error),
    }
}

/// Seals one segment behind the last; whether there may be more to seal.
async fn seal(database: &dyn Database) -> Result<bool, DatabaseError> {
    const FIRST: &str = "SELECT embedding_model, dimensions FROM chunks \
         WHERE rowid > (SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'sealed_row') ORDER BY rowid LIMIT 1";
    const PAGE: &str = "SELECT rowid, embedding_model, dimensions, embedding FROM chunks \
         WHERE rowid > (SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'sealed_row') ORDER BY rowid LIMIT ?1";
    let peek = vec![Statement::new(UNSEALED, Vec::new()), Statement::new(FIRST, Vec::new())];
    let answers = database.batch(peek).await?;
    let Some(first) = answers.get(1).and_then(|rows| rows.first()).filter(|_| due(answers.first())) else {
        return Ok(false);
    };
    let mut columns = Columns::of(first);
    let (model, dimensions) = (columns.text()?.to_owned(), columns.size()?);
    let most = most_rows(dimensions);
    let answers = database
        .batch(vec![
            Statement::new(SEEN, Vec::new()),
            version_statement(),
            Statement::new(PAGE, vec![Value::Integer(i64::try_from(most).unwrap_or(i64::MAX))]),
        ])
        .await?;
    let seen = Seen::of(answers.first(), answers.get(1))?;
    let mut segment = Segment::new(&model, dimensions);
    for row in answers.get(2).into_iter().flatten() {
        let mut columns = Columns::of(row);
        let (rowid, of_model, of_dimensions) = (columns.integer()?, columns.text()?, columns.size()?);
        let vector = columns.blob()?;
        if of_model != model || of_dimensions != dimensions || vector.len() != dimensions * 4 {
            return Err(damaged("vectors of different models in one index"));
        }
        segment.add(rowid, vector);
    }
    let Some(last) = segment.rows.last().copied() else { return Ok(false) };
    // Ranges leave no gap, so that every tombstone falls into one and goes when it is joined.
    let first = seen.sealed_row.parse::<i64>().map_err(|_| damaged("no index state"))? + 1;
    let mut statements = seen.guards();
    statements.push(insert(&segment, first, last));
    statements.push(Statement::new(
        "UPDATE meta SET value = CAST(?1 AS TEXT) WHERE key = 'sealed_row'",
        vec![Value::Integer(last)],
    ));
    Ok(run(database, statements).await? && segment.rows.len() == most)
}

fn insert(segment: &Segment, first: i64, last: i64) -> Statement {
    Statement::new(
        "INSERT INTO segments (last_row, first_row, model, dimensions, count, checksum, body) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        segment.columns(first, last),
    )
}

/// One segment as it is listed.
struct Listed {
    first: i64,
    last: i64,
    live: usize,
    dead: usize,
}

/// Joins one run of neighbouring segments that are mostly dead or small; whether there may be more.
async fn join(tenant: &TenantId, database: &dyn Database) -> Result<bool, DatabaseError> {
    const LIST: &str = "SELECT last_row, first_row, dimensions, count, \
         (SELECT count(*) FROM tombstones WHERE tombstones.rowid BETWEEN first_row AND last_row) \
         FROM segments ORDER BY last_row";
    let answers = database.batch(vec![Statement::new(LIST, Vec::new())]).await?;
    let mut most = MOST_ROWS;
    let mut listed = Vec::new();
    for row in answers.first().into_iter().flatten() {
        let mut columns = Columns::of(row);
        let (last, first) = (columns.integer()?, columns.integer()?);
        most = most.min(most_rows(columns.size()?));
        let (count, dead) = (columns.size()?, columns.size()?);
        listed.push(Listed { first, last, live: count.saturating_sub(dead), dead });
    }
    let Some(chosen) = choose(&listed, most) else { return Ok(false) };
    let (first, last) = (listed[chosen.start].first, listed[chosen.end - 1].last);
    let range = || vec![Value::Integer(first), Value::Integer(last)];
    let answers = database
        .batch(vec![
            Statement::new(SEEN, Vec::new()),
            version_statement(),
            Statement::new(
                "SELECT last_row, first_row, model, dimensions, count, checksum, body FROM segments \
                 WHERE last_row BETWEEN ?1 AND ?2 ORDER BY last_row",
                range(),
            ),
            Statement::new("SELECT rowid FROM tombstones WHERE rowid BETWEEN ?1 AND ?2 ORDER BY rowid", range()),
        ])
        .await?;
    let seen = Seen::of(answers.first(), answers.get(1))?;
    let dead: Vec<i64> =
        answers.get(3).into_iter().flatten().map(|row| Columns::of(row).integer()).collect::<Result<_, _>>()?;
    let mut joined: Option<Segment> = None;
    let found = answers.get(2).map_or(0, Vec::len);
    for row in answers.get(2).into_iter().flatten() {
        let Some(segment) = Segment::read(row)? else {
            drop_from(tenant, database, Columns::of(row).integer()?).await?;
            return Ok(false);
        };
        for at in (0..segment.rows.len()).filter(|at| dead.binary_search(&segment.rows[*at]).is_err()) {
            let target = joined.get_or_insert_with(|| Segment::new(&segment.model, segment.dimensions));
            if (&target.model, target.dimensions) != (&segment.model, segment.dimensions) {
                return Err(damaged("segments of different models in one index"));
            }
            target.copy(&segment, at);
        }
    }
    if found != chosen.len() {
        return Ok(false);
    }
    let mut statements = seen.guards();
    statements.push(Statement::guard(
        "SELECT 1 WHERE (SELECT count(*) FROM segments WHERE last_row BETWEEN ?1 AND ?2) = ?3",
        vec![Value::Integer(first), Value::Integer(last), Value::Integer(i64::try_from(found).unwrap_or(i64::MAX))],
    ));
    statements.push(Statement::new("DELETE FROM segments WHERE last_row BETWEEN ?1 AND ?2", range()));
    statements.extend(joined.map(|joined| insert(&joined, first, last)));
    statements.extend(seen.forget_tombstones(first, last));
    run(database, statements).await
}

/// Which neighbours to join: one that is mostly dead, and what is small beside it.
fn choose(listed: &[Listed], most: usize) -> Option<std::ops::Range<usize>> {
    let start = listed.iter().position(|it| it.dead > it.live)?;
    let small = |it: &Listed| it.dead > it.live || it.live * 2 < most;
    let (mut from, mut to, mut live) = (start, start + 1, listed[start].live);
    while to < listed.len() && to - from < MOST_JOINED && small(&listed[to]) && live + listed[to].live <= most {
        live += listed[to].live;
        to += 1;
    }
    while from > 0 && to - from < MOST_JOINED && small(&listed[from - 1]) && live + listed[from - 1].live <= most {
        from -= 1;
        live += listed[from].live;
    }
    Some(from..to)
}
