//! A vector index in memory.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value as Json};

use crate::ports::{BoxFuture, KeptVector, MOST_NEAREST, UnixMillis, VectorError, VectorIndex};
use crate::retrieve::{Filter, dot};
use crate::tenancy::{TenantContext, TenantId};

/// Vectors by tenant and id. Writes are seen at once, and nothing fails unless it is told to.
#[derive(Default)]
pub struct MemoryVectors {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    kept: HashMap<TenantId, HashMap<String, KeptVector>>,
    mutations: u64,
    /// Calls that are taken before everything fails; `None` where nothing does.
    fails_after: Option<usize>,
}

impl MemoryVectors {
    /// Ids that are kept of a tenant, in order.
    pub fn ids(&self, tenant: &TenantId) -> Vec<String> {
        let state = self.state();
        let mut ids: Vec<String> = state.kept.get(tenant).into_iter().flat_map(HashMap::keys).cloned().collect();
        ids.sort();
        ids
    }

    /// Takes some more calls, and then fails; `None` ends that.
    pub fn fail_after(&self, calls: Option<usize>) {
        self.state().fails_after = calls;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn mutated(&self, change: impl FnOnce(&mut State)) -> Result<String, VectorError> {
        let mut state = self.state();
        state.called()?;
        change(&mut state);
        state.mutations += 1;
        Ok(state.mutations.to_string())
    }
}

impl State {
    fn called(&mut self) -> Result<(), VectorError> {
        match &mut self.fails_after {
            Some(0) => Err(VectorError::Unavailable { reason: "told to fail".to_owned() }),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }
}

impl VectorIndex for MemoryVectors {
    fn put<'a>(
        &'a self,
        tenant: &'a TenantContext,
        vectors: Vec<KeptVector>,
    ) -> BoxFuture<'a, Result<String, VectorError>> {
        let done = self.mutated(|state| {
            let kept = state.kept.entry(tenant.id().clone()).or_default();
            kept.extend(vectors.into_iter().map(|vector| (vector.id.clone(), vector)));
        });
        Box::pin(std::future::ready(done))
    }

    fn remove<'a>(&'a self, tenant: &'a TenantContext, ids: Vec<String>) -> BoxFuture<'a, Result<String, VectorError>> {
        let done = self.mutated(|state| {
            let kept = state.kept.entry(tenant.id().clone()).or_default();
            kept.retain(|id, _| !ids.contains(id));
        });
        Box::pin(std::future::ready(done))
    }

    fn is_visible<'a>(
        &'a self,
        _tenant: &'a TenantContext,
        mutation: &'a str,
        _since: UnixMillis,
    ) -> BoxFuture<'a, Result<bool, VectorError>> {
        let mut state = self.state();
        let seen = state.called().map(|()| mutation.parse().is_ok_and(|number: u64| number <= state.mutations));
        Box::pin(std::future::ready(seen))
    }

    fn nearest<'a>(
        &'a self,
        tenant: &'a TenantContext,
        vector: &'a [f32],
        filter: Option<Map<String, Json>>,
    ) -> BoxFuture<'a, Result<Vec<String>, VectorError>> {
        let mut state = self.state();
        let found = state.called().map(|()| {
            let filter = Filter::parse(&filter.unwrap_or_default()).unwrap_or_default();
            let kept = state.kept.get(tenant.id()).into_iter().flat_map(HashMap::values);
            let fitting = kept.filter(|it| filter.matches(&Json::Object(it.metadata.clone())));
            let mut scored: Vec<(f32, &String)> = fitting.map(|it| (dot(&it.values, vector), &it.id)).collect();
            scored.sort_by(|one, other| other.0.total_cmp(&one.0).then_with(|| one.1.cmp(other.1)));
            scored.into_iter().take(MOST_NEAREST).map(|(_, id)| id.clone()).collect()
        });
        Box::pin(std::future::ready(found))
    }
}
