//! Vectors of queries that were asked before.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::tenancy::TenantId;

/// Queries kept for each tenant. At 512 dimensions that is 1 MB.
const PER_TENANT: usize = 512;

#[derive(Debug, Default)]
pub(super) struct QueryCache {
    spaces: Mutex<HashMap<TenantId, Space>>,
}

#[derive(Debug, Default)]
struct Space {
    vectors: HashMap<(String, String), Arc<Vec<f32>>>,
    order: VecDeque<(String, String)>,
}

impl QueryCache {
    fn lock(&self) -> MutexGuard<'_, HashMap<TenantId, Space>> {
        self.spaces.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn get(&self, tenant: &TenantId, model: &str, query: &str) -> Option<Arc<Vec<f32>>> {
        self.lock().get(tenant)?.vectors.get(&(model.to_owned(), query.to_owned())).cloned()
    }

    pub(super) fn put(&self, tenant: &TenantId, model: &str, query: &str, vector: &Arc<Vec<f32>>) {
        let mut spaces = self.lock();
        let space = spaces.entry(tenant.clone()).or_default();
        let key = (model.to_owned(), query.to_owned());
        if space.vectors.insert(key.clone(), Arc::clone(vector)).is_none() {
            space.order.push_back(key);
        }
        while space.order.len() > PER_TENANT {
            if let Some(oldest) = space.order.pop_front() {
                space.vectors.remove(&oldest);
            }
        }
    }

    pub(super) fn forget(&self, tenant: &TenantId) {
        self.lock().remove(tenant);
    }
}
