//! Indexes and vocabularies of tenants in memory.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::load::load;
use super::{CorpusIndex, corpus_version, version_of, version_statement};
use crate::ports::Columns;
use crate::ports::{Database, DatabaseError, Scan, Statement};
use crate::sabotage::{self, Sabotage};
use crate::search::Vocabulary;
use crate::tenancy::TenantId;

/// Indexes of tenants in memory, the least recently used making room. What is too large for the bound is used and not
/// kept.
pub(crate) struct IndexCache {
    max_bytes: usize,
    scan: Arc<dyn Scan>,
    tenants: Mutex<Tenants>,
}

#[derive(Default)]
struct Tenants {
    held: HashMap<TenantId, Held>,
    uses: u64,
}

/// What is in memory of one tenant.
#[derive(Default, Clone)]
pub(crate) struct Held {
    used: u64,
    pub(crate) index: Option<Arc<CorpusIndex>>,
    /// With the version that it is of.
    pub(crate) vocabulary: Option<(i64, Arc<Vocabulary>)>,
}

impl Held {
    fn bytes(&self) -> usize {
        let words = self.vocabulary.as_ref().map_or(0, |(_, words)| words.len() * 96);
        words + self.index.as_ref().map_or(0, |index| index.bytes())
    }
}

impl IndexCache {
    pub(crate) fn new(max_bytes: usize, scan: Arc<dyn Scan>) -> Self {
        Self { max_bytes, scan, tenants: Mutex::default() }
    }

    pub(crate) fn with_scan(self, scan: Arc<dyn Scan>) -> Self {
        Self::new(self.max_bytes, scan)
    }

    pub(crate) fn scan(&self) -> &dyn Scan {
        &*self.scan
    }

    fn lock(&self) -> MutexGuard<'_, Tenants> {
        self.tenants.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is in memory of the tenant.
    pub(crate) fn held(&self, tenant: &TenantId) -> Held {
        let mut tenants = self.lock();
        tenants.uses += 1;
        let now = tenants.uses;
        let held = tenants.held.get_mut(tenant);
        held.map(|held| {
            held.used = now;
            held.clone()
        })
        .unwrap_or_default()
    }

    /// The tenant's index as of now. `database` must be the tenant's own.
    pub(crate) async fn current(
        &self,
        tenant: &TenantId,
        database: &dyn Database,
    ) -> Result<Arc<CorpusIndex>, DatabaseError> {
        let version = corpus_version(database).await?;
        let base = self.held(tenant).index;
        if let Some(index) = &base
            && (index.version == version || sabotage::on(Sabotage::IndexNeverRefreshed))
        {
            return Ok(Arc::clone(index));
        }
        let index = Arc::new(load(tenant, database, &*self.scan, base.as_deref()).await?);
        self.keep(tenant, |held| held.index = Some(Arc::clone(&index)));
        Ok(index)
    }

    /// The tenant's words as of now. `database` must be the tenant's own.
    pub(crate) async fn vocabulary(
        &self,
        tenant: &TenantId,
        database: &dyn Database,
    ) -> Result<Arc<Vocabulary>, DatabaseError> {
        let version = corpus_version(database).await?;
        if let Some((of, words)) = self.held(tenant).vocabulary
            && (of == version || sabotage::on(Sabotage::IndexNeverRefreshed))
        {
            return Ok(words);
        }
        let read = Statement::new("SELECT CAST(term AS BLOB), doc FROM words", Vec::new());
        let answers = database.batch(vec![version_statement(), read]).await?;
        let version = version_of(answers.first())?;
        let mut words = Vec::new();
        for row in answers.get(1).into_iter().flatten() {
            let mut columns = Columns::of(row);
            // FTS5 cuts terms beyond 32 KiB wherever that falls, also within a character.
            let (term, count) = (columns.blob()?, columns.size()?);
            if let Ok(word) = std::str::from_utf8(term) {
                words.push((word.to_owned(), count));
            }
        }
        let words = Arc::new(Vocabulary::new(words));
        self.keep(tenant, |held| held.vocabulary = Some((version, Arc::clone(&words))));
        Ok(words)
    }

    /// Forgets the tenant.
    pub(crate) fn forget(&self, tenant: &TenantId) {
        self.lock().held.remove(tenant);
    }

    fn keep(&self, tenant: &TenantId, change: impl FnOnce(&mut Held)) {
        let mut tenants = self.lock();
        tenants.uses += 1;
        let used = tenants.uses;
        let mut new = tenants.held.remove(tenant).unwrap_or_default();
        change(&mut new);
        new.used = used;
        let bytes = new.bytes();
        if bytes > self.max_bytes {
            return;
        }
        let mut total: usize = tenants.held.values().map(Held::bytes).sum();
        while total + bytes > self.max_bytes {
            let Some(oldest) = tenants.held.iter().min_by_key(|(_, held)| held.used).map(|(id, _)| id.clone()) else {
                break;
            };
            total -= tenants.held.remove(&oldest).map_or(0, |held| held.bytes());
        }
        tenants.held.insert(tenant.clone(), new);
    }
}
