//! Indexes and vocabularies of tenants in memory.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::exact::Known;
use super::load::load;
use super::{CorpusIndex, Position, Vector, corpus_version, version_of, version_statement};
use crate::ports::{Columns, Database, DatabaseError, Scan, Statement};
use crate::sabotage::{self, Sabotage};
use crate::search::Vocabulary;
use crate::tenancy::TenantId;

/// Exact vectors of one tenant take at most one part in so many of the room.
const EXACT_SHARE: usize = 4;

/// Indexes of tenants in memory, the least recently used making room. What is too large for the bound is used and not
/// kept. Exact vectors take what room the indexes leave: they go before any index goes.
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

    fn exact_bytes(&self) -> usize {
        self.index.as_ref().map_or(0, |index| index.exact_bytes())
    }
}

impl Tenants {
    /// Room that all but this tenant take: indexes and words, and exact vectors.
    fn beside(&self, tenant: &TenantId) -> (usize, usize) {
        let others = self.held.iter().filter(|(id, _)| *id != tenant);
        others.fold((0, 0), |(bytes, exact), (_, held)| (bytes + held.bytes(), exact + held.exact_bytes()))
    }

    /// Forgets exact vectors of the tenant that was least recently seen among those that have any and are not this one; tells how
    /// much room that makes, and leaves them in `gone`.
    fn forget_oldest_exact(&self, beside: &TenantId, gone: &mut Vec<Known>) -> Option<usize> {
        let others = self.held.iter().filter(|(id, held)| *id != beside && held.exact_bytes() > 0);
        let (_, oldest) = others.min_by_key(|(_, held)| held.used)?;
        let bytes = oldest.exact_bytes();
        gone.extend(oldest.index.as_ref()?.forget_exact());
        Some(bytes)
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

    /// Keeps exact vectors that were read for `index`, of the version that it shows, as far as there is room.
    pub(crate) fn keep_exact(&self, tenant: &TenantId, index: &CorpusIndex, vectors: Vec<(Position, Vector)>) {
        let mut gone = Vec::new(); // let go of after the lock is
        let tenants = self.lock();
        let Some(held) = tenants.held.get(tenant) else { return };
        // What is known of an index that nobody will ask again would be counted nowhere.
        if !held.index.as_deref().is_some_and(|held| std::ptr::eq(held, index)) {
            return;
        }
        let share = self.max_bytes / EXACT_SHARE;
        if index.exact_bytes() + index.exact_bytes_of(&vectors) > share {
            // Those that are asked for now take the place of those that were asked for at some time.
            gone.extend(index.forget_exact());
        }
        let bytes = index.exact_bytes_of(&vectors);
        if index.exact_bytes() + bytes > share {
            return;
        }
        let (others, exact) = tenants.beside(tenant);
        let mut total = others + exact + held.bytes() + held.exact_bytes() + bytes;
        while total > self.max_bytes {
            let Some(freed) = tenants.forget_oldest_exact(tenant, &mut gone) else { return };
            total -= freed;
        }
        index.put_exact(vectors);
    }

    fn keep(&self, tenant: &TenantId, change: impl FnOnce(&mut Held)) {
        let mut gone = Vec::new(); // let go of after the lock is
        let mut tenants = self.lock();
        tenants.uses += 1;
        let used = tenants.uses;
        let mut new = tenants.held.remove(tenant).unwrap_or_default();
        change(&mut new);
        new.used = used;
        if new.bytes() > self.max_bytes {
            return;
        }
        let (mut indexes, mut exact) = tenants.beside(tenant);
        while indexes + exact + new.bytes() + new.exact_bytes() > self.max_bytes {
            if let Some(freed) = tenants.forget_oldest_exact(tenant, &mut gone) {
                exact -= freed;
            } else if new.exact_bytes() > 0 {
                gone.extend(new.index.iter().flat_map(|index| index.forget_exact()));
            } else if let Some(oldest) = tenants.held.iter().min_by_key(|(_, held)| held.used) {
                let oldest = oldest.0.clone();
                indexes -= tenants.held.remove(&oldest).map_or(0, |held| held.bytes());
            } else {
                break;
            }
        }
        tenants.held.insert(tenant.clone(), new);
    }
}
