//! What was counted, as kept for all processes that count.

use crate::metrics::{Change, Metric};
use crate::ports::{Columns, Database, DatabaseError, Statement, Value};
use crate::tenancy::TenantId;

/// Under which name the tenants stand of which something was counted.
const TENANTS: &str = "tenants";

const ADD: &str = "INSERT INTO metrics VALUES (?1, ?2, ?3, ?4) \
     ON CONFLICT DO UPDATE SET value = value + excluded.value";
const REPLACE: &str = "INSERT INTO metrics VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE SET value = excluded.value";
const READ: &str = "SELECT metric, labels, part, value FROM metrics WHERE metric <> 'tenants'";
const NOTE: &str = "INSERT INTO metrics VALUES (?1, ?2, 0, 1) ON CONFLICT DO NOTHING";
const NOTED: &str = "SELECT labels FROM metrics WHERE metric = ?1 ORDER BY labels";

fn writes(changes: &[Change]) -> impl Iterator<Item = Statement> {
    changes.iter().map(|change| {
        let sql = if change.replaces() { REPLACE } else { ADD };
        let params = vec![
            Value::Text(change.metric.family().alias.to_owned()),
            Value::Text(serde_json::to_string(&change.labels).unwrap_or_default()),
            Value::Integer(change.part),
            Value::Real(change.value),
        ];
        Statement::new(sql, params)
    })
}

/// Adds these to what is kept.
///
/// # Errors
///
/// [`DatabaseError`]; then nothing was added.
pub(crate) async fn add(database: &dyn Database, changes: &[Change]) -> Result<(), DatabaseError> {
    if changes.is_empty() {
        return Ok(());
    }
    database.batch(writes(changes).collect()).await.map(drop)
}

/// The same, and reads all that is kept then.
///
/// # Errors
///
/// [`DatabaseError`]; then nothing was added.
pub(crate) async fn add_and_read(database: &dyn Database, changes: &[Change]) -> Result<Vec<Change>, DatabaseError> {
    let answers = database.batch(writes(changes).chain([Statement::new(READ, Vec::new())]).collect()).await?;
    let mut kept = Vec::new();
    for row in answers.last().into_iter().flatten() {
        let mut columns = Columns::of(row);
        let (name, labels) = (columns.text()?, columns.strings()?);
        // Of a later release.
        let Some(metric) = Metric::ALL.iter().find(|it| it.family().alias == name) else { continue };
        let labels = labels.into_iter().map(String::into_boxed_str).collect();
        kept.push(Change { metric: *metric, labels, part: columns.integer()?, value: columns.real()? });
    }
    Ok(kept)
}

/// Notes that something is kept of a tenant, in the place of what belongs to none.
///
/// # Errors
///
/// [`DatabaseError`].
pub(crate) async fn note(database: &dyn Database, tenant: &TenantId) -> Result<(), DatabaseError> {
    let params = vec![Value::Text(TENANTS.to_owned()), Value::Text(serde_json::json!([tenant.as_str()]).to_string())];
    database.batch(vec![Statement::new(NOTE, params)]).await.map(drop)
}

/// The tenants that were noted, in the order of their ids.
///
/// # Errors
///
/// [`DatabaseError`].
pub(crate) async fn noted(database: &dyn Database) -> Result<Vec<TenantId>, DatabaseError> {
    let answers = database.batch(vec![Statement::new(NOTED, vec![Value::Text(TENANTS.to_owned())])]).await?;
    let ids = answers.first().into_iter().flatten().map(|row| Columns::of(row).strings());
    Ok(ids.collect::<Result<Vec<_>, _>>()?.concat().iter().filter_map(|id| TenantId::parse(id).ok()).collect())
}
