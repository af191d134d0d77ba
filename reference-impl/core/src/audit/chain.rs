//! The chain in the tenant's database.

use std::collections::HashMap;
use std::sync::{Arc, Mutex as Lock, PoisonError};

use futures_util::lock::Mutex;
use serde_json::Value as Json;

use super::record::{self, AuditRecord, Called, FIRST_PREVIOUS, Outcome};
use crate::ports::{Database, DatabaseError, Row, Statement, Value};
use crate::sabotage::{self, Sabotage};
use crate::store::{StoreError, read};
use crate::tenancy::TenantId;

const HEAD: &str = "SELECT sequence, hash FROM audit ORDER BY sequence DESC LIMIT 1";
const AT_HEAD: &str = "SELECT 1 WHERE (SELECT coalesce(max(sequence), 0) FROM audit) = ?1";
const HAS: &str = "SELECT 1 FROM audit WHERE id = ?1";
const APPEND: &str = "INSERT INTO audit (sequence, id, record, hash) VALUES (?1, ?2, ?3, ?4)";
const OPEN: &str = "INSERT INTO audit_open (id, call) VALUES (?1, ?2)";
const CLOSE: &str = "DELETE FROM audit_open WHERE id = ?1";
const OPENED: &str = "SELECT call FROM audit_open ORDER BY rowid";
const LIST: &str = "SELECT record, hash FROM audit WHERE sequence < ?1 ORDER BY sequence DESC LIMIT ?2";
/// Writers of other processes, or of this one where they take no turns, that may come between before a record is given up.
const TRIES: usize = 128;

/// Why the journal could not be written or read.
pub type AuditError = StoreError;

/// Writes records, one at a time for each tenant, so that a chain never forks.
#[derive(Debug, Default)]
pub struct Journal {
    writing: Lock<HashMap<TenantId, Arc<Mutex<()>>>>,
    /// Whether writers wait for nobody: the head of the chain alone decides then whose record comes next.
    apart: bool,
}

impl Journal {
    /// A journal whose writers take no turns, for hosts that let no request be woken by another one's work.
    pub fn apart() -> Self {
        Self { apart: true, ..Self::default() }
    }

    fn turn(&self, tenant: &TenantId) -> Option<Arc<Mutex<()>>> {
        if self.apart {
            return None;
        }
        let mut writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(writing.entry(tenant.clone()).or_default()))
    }

    /// Notes that a call with a side effect begins.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; the call must not go on then.
    pub async fn open(&self, database: &dyn Database, called: &Called) -> Result<(), AuditError> {
        let params = vec![text(&called.id), Value::Text(to_json(called))];
        database.batch(vec![Statement::new(OPEN, params)]).await?;
        Ok(())
    }

    /// Puts how a call ended on record, and takes its note away. A call that is on record already stays as it is.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; the call is not on record then.
    pub async fn close(
        &self,
        tenant: &TenantId,
        database: &dyn Database,
        called: &Called,
        outcome: Outcome,
        latency_us: u64,
    ) -> Result<(), AuditError> {
        let turn = self.turn(tenant);
        let _mine = match &turn {
            Some(turn) => Some(turn.lock().await),
            None => None,
        };
        for _ in 0..TRIES {
            let looked =
                database.batch(vec![Statement::new(HAS, vec![text(&called.id)]), Statement::new(HEAD, Vec::new())]);
            let answers = looked.await?;
            if answers.first().is_some_and(|rows| !rows.is_empty()) {
                return Ok(());
            }
            let (sequence, previous_hash) = match answers.get(1).and_then(|rows| rows.first()) {
                Some(row) => (read::integer(row, 0, "audit.sequence")?, read::text(row, 1, "audit.hash")?.to_owned()),
                None => (0, FIRST_PREVIOUS.to_owned()),
            };
            match database.batch(append(called, outcome, latency_us, sequence, previous_hash)).await {
                Ok(_) => return Ok(()),
                // A record of another process came first.
                Err(DatabaseError::GuardFailed { .. }) => {}
                Err(error @ (DatabaseError::Unavailable { .. } | DatabaseError::Refused { .. })) => {
                    return Err(error.into());
                }
            }
        }
        Err(StoreError::Database(DatabaseError::Unavailable {
            reason: "too many writers of the audit chain".to_owned(),
        }))
    }

    /// Puts every call on record as unknown that was noted and did not end; for a host that starts anew and knows that
    /// none of them lives. Returns how many.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn settle(&self, tenant: &TenantId, database: &dyn Database) -> Result<usize, AuditError> {
        let answers = database.batch(vec![Statement::new(OPENED, Vec::new())]).await?;
        let rows = answers.into_iter().next().unwrap_or_default();
        for row in &rows {
            let called = serde_json::from_str(read::text(row, 0, "audit_open.call")?);
            let called: Called = called.map_err(|_| StoreError::Damaged { what: "audit_open.call" })?;
            self.close(tenant, database, &called, Outcome::Unknown, 0).await?;
        }
        Ok(rows.len())
    }

    /// Up to `limit` records before `before`, the latest first, each with its hash as the wire has it.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn list(
        database: &dyn Database,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<(u64, Json)>, AuditError> {
        const DAMAGED: StoreError = StoreError::Damaged { what: "audit.record" };
        let before = before.and_then(|it| i64::try_from(it).ok()).unwrap_or(i64::MAX);
        let params = vec![Value::Integer(before), Value::Integer(i64::try_from(limit).unwrap_or(i64::MAX))];
        let answers = database.batch(vec![Statement::new(LIST, params)]).await?;
        let told = |row: &Row| {
            let mut record: Json = serde_json::from_str(read::text(row, 0, "audit.record")?).map_err(|_| DAMAGED)?;
            let sequence = record["sequence"].as_u64().ok_or(DAMAGED)?;
            record["hash"] = read::text(row, 1, "audit.hash")?.into();
            Ok((sequence, record))
        };
        answers.first().map_or(&[][..], Vec::as_slice).iter().map(told).collect()
    }
}

fn append(called: &Called, outcome: Outcome, latency_us: u64, sequence: i64, previous_hash: String) -> Vec<Statement> {
    let mut previous_hash = previous_hash;
    if sabotage::on(Sabotage::AuditChainCut) {
        FIRST_PREVIOUS.clone_into(&mut previous_hash);
    }
    let next = sequence + if sabotage::on(Sabotage::AuditSequenceSkips) { 2 } else { 1 };
    #[expect(clippy::cast_precision_loss, reason = "no call takes 2^52 microseconds")]
    let latency_ms = latency_us as f64 / 1000.0;
    let record = AuditRecord {
        called: called.clone(),
        sequence: u64::try_from(next).unwrap_or_default(),
        outcome: outcome.as_str().to_owned(),
        latency_ms,
        previous_hash,
    };
    let canonical = record.canonical();
    let hash = record::hash(&canonical);
    vec![
        Statement::guard(AT_HEAD, vec![Value::Integer(sequence)]),
        Statement::new(APPEND, vec![Value::Integer(next), text(&called.id), Value::Text(canonical), Value::Text(hash)]),
        Statement::new(CLOSE, vec![text(&called.id)]),
    ]
}

fn to_json(called: &Called) -> String {
    serde_json::to_string(called).unwrap_or_default()
}

fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}

#[cfg(test)]
mod tests;
