//! Walks a tenant's chain and tells the first record that does not hold.

use serde_json::Value as Json;

use super::record::{self, AuditRecord, FIRST_PREVIOUS, canonical};
use crate::ports::{Database, Statement, Value};
use crate::store::{StoreError, read};

const PAGE: i64 = 1000;
const READ: &str = "SELECT sequence, id, record, hash FROM audit WHERE sequence > ?1 ORDER BY sequence LIMIT ?2";

/// A chain that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Number of its records.
    pub records: u64,
    /// Hash of the last one; whoever keeps it elsewhere can tell later whether the end was cut off.
    pub head: String,
}

/// The first record that does not hold.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// The chain could not be read.
    #[error("the chain could not be read")]
    Unreadable(#[from] StoreError),
    /// Records are missing.
    #[error("record {expected} is missing: {found} follows the one before it")]
    Gap {
        /// The sequence number that should have come.
        expected: u64,
        /// The one that came.
        found: u64,
    },
    /// A record does not say what was hashed.
    #[error("record {sequence} was changed: its hash is not that of what it says")]
    Changed {
        /// Its sequence number.
        sequence: u64,
    },
    /// A record does not name the hash of the one before it.
    #[error("record {sequence} does not follow the one before it: `previous_hash` is not that one's hash")]
    Unlinked {
        /// Its sequence number.
        sequence: u64,
    },
    /// The record that an earlier look ended with is gone.
    #[error("no record has the hash {hash}, which an earlier look told: the end of the chain was cut off")]
    CutOff {
        /// The hash.
        hash: String,
    },
    /// A record belongs to another tenant.
    #[error("record {sequence} belongs to tenant `{tenant}`")]
    Foreign {
        /// Its sequence number.
        sequence: u64,
        /// Whose it says it is.
        tenant: String,
    },
}

/// Reads the whole chain of `tenant`.
///
/// - `known`: hash of a record that an earlier look told, which the chain must still hold.
///
/// # Errors
///
/// [`Broken`] names the first record that does not hold.
pub async fn verify(database: &dyn Database, tenant: &str, known: Option<&str>) -> Result<Verified, Broken> {
    let mut held = known.is_none() || known == Some(FIRST_PREVIOUS);
    let mut done = Verified { records: 0, head: FIRST_PREVIOUS.to_owned() };
    loop {
        let after = i64::try_from(done.records).unwrap_or(i64::MAX);
        let page = vec![Statement::new(READ, vec![Value::Integer(after), Value::Integer(PAGE)])];
        let answers = database.batch(page).await.map_err(StoreError::from)?;
        let rows = answers.into_iter().next().unwrap_or_default();
        if rows.is_empty() {
            return if held { Ok(done) } else { Err(Broken::CutOff { hash: known.unwrap_or_default().to_owned() }) };
        }
        for row in &rows {
            let found = u64::try_from(read::integer(row, 0, "audit.sequence")?).unwrap_or_default();
            let expected = done.records + 1;
            if found != expected {
                return Err(Broken::Gap { expected, found });
            }
            let (id, text) = (read::text(row, 1, "audit.id")?, read::text(row, 2, "audit.record")?);
            let hash = read::text(row, 3, "audit.hash")?;
            let changed = Broken::Changed { sequence: found };
            let Ok(json) = serde_json::from_str::<Json>(text) else { return Err(changed) };
            let Ok(record) = serde_json::from_value::<AuditRecord>(json.clone()) else { return Err(changed) };
            let says_so = record.sequence == found && record.called.id == id && canonical(&json) == text;
            if !says_so || record::hash(text) != hash {
                return Err(changed);
            }
            if record.previous_hash != done.head {
                return Err(Broken::Unlinked { sequence: found });
            }
            if record.called.tenant != tenant {
                return Err(Broken::Foreign { sequence: found, tenant: record.called.tenant });
            }
            held |= known == Some(hash);
            done = Verified { records: found, head: hash.to_owned() };
        }
    }
}
