//! What happened since start, counted for each tenant: the one table of metrics, the counts, and their page.
//!
//! Counts live in the memory of the process and begin anew with it, as Prometheus expects of counters. Labels come from bounded
//! sets alone: templates of routes, words of the contract, ids of configured models and registered tools. A request can raise a
//! count and never name a series.

mod series;
mod table;
#[cfg(test)]
mod tests;
mod text;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

pub use table::{BOUNDS_MS, Family, Kind, Metric};

use crate::tenancy::TenantId;
use crate::usage::Share;
use series::Series;

/// The counts of every tenant. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Metrics(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    off: AtomicBool,
    /// By tenant; `None` counts what happened before a tenant was known.
    tenants: RwLock<BTreeMap<Option<TenantId>, Arc<Mutex<Counted>>>>,
}

#[derive(Debug, Default)]
struct Counted {
    series: Series,
    /// The day that the share of the budget was seen on.
    budget_day: Option<i64>,
}

impl Metrics {
    /// Metrics that count nothing.
    pub fn off() -> Self {
        let metrics = Self::default();
        metrics.stop();
        metrics
    }

    /// Counts nothing from now on.
    pub fn stop(&self) {
        self.0.off.store(true, Ordering::Relaxed);
    }

    /// Whether anything is counted.
    pub fn is_on(&self) -> bool {
        !self.0.off.load(Ordering::Relaxed)
    }

    /// Counts one.
    ///
    /// - `labels`: values for the labels of the metric's row, in its order.
    pub fn count(&self, tenant: Option<&TenantId>, metric: Metric, labels: &[&str]) {
        self.add(tenant, metric, labels, 1.0);
    }

    /// Adds `value` to a counter, or records it in a histogram, there in milliseconds.
    pub fn add(&self, tenant: Option<&TenantId>, metric: Metric, labels: &[&str], value: f64) {
        self.change(tenant, |counted| counted.series.add(metric, labels, value));
    }

    /// Records microseconds in a histogram.
    pub(crate) fn took(&self, tenant: &TenantId, metric: Metric, labels: &[&str], elapsed_us: u64) {
        #[expect(clippy::cast_precision_loss, reason = "nothing takes 2^52 microseconds")]
        self.add(Some(tenant), metric, labels, elapsed_us as f64 / 1000.0);
    }

    /// Sets a gauge, or a counter that is counted elsewhere.
    pub(crate) fn set(&self, tenant: &TenantId, metric: Metric, labels: &[&str], value: f64) {
        self.change(Some(tenant), |counted| counted.series.set(metric, labels, value));
    }

    /// How much of the budget of `day` is used.
    pub(crate) fn see_budget(&self, tenant: &TenantId, share: Share, day: i64) {
        self.change(Some(tenant), |counted| {
            counted.series.set(Metric::BudgetUsed, &[], share.ratio());
            counted.budget_day = Some(day);
        });
    }

    /// On a new day nothing of the budget is used.
    pub(crate) fn begin_day(&self, tenant: &TenantId, day: i64) {
        self.change(Some(tenant), |counted| {
            if counted.budget_day.is_some_and(|seen| seen < day) {
                counted.series.set(Metric::BudgetUsed, &[], 0.0);
                counted.budget_day = Some(day);
            }
        });
    }

    /// Every tenant of which something is counted.
    pub(crate) fn tenants(&self) -> Vec<TenantId> {
        self.0.tenants.read().unwrap_or_else(PoisonError::into_inner).keys().flatten().cloned().collect()
    }

    /// Forgets a tenant that is gone.
    pub(crate) fn forget(&self, tenant: &TenantId) {
        self.0.tenants.write().unwrap_or_else(PoisonError::into_inner).remove(&Some(tenant.clone()));
    }

    /// The page of one tenant, or with `None` that of all and of what belongs to none.
    pub(crate) fn page(&self, tenant: Option<&TenantId>) -> String {
        let counted: Vec<_> = {
            let tenants = self.0.tenants.read().unwrap_or_else(PoisonError::into_inner);
            let shown = tenants.iter().filter(|(id, _)| tenant.is_none() || id.as_ref() == tenant);
            shown.map(|(id, counted)| (id.clone(), Arc::clone(counted))).collect()
        };
        let lock = |counted: &Mutex<Counted>| counted.lock().unwrap_or_else(PoisonError::into_inner).series.clone();
        text::page(&counted.into_iter().map(|(id, counted)| (id, lock(&counted))).collect::<Vec<_>>())
    }

    fn change(&self, tenant: Option<&TenantId>, change: impl FnOnce(&mut Counted)) {
        if !self.is_on() {
            return;
        }
        let tenant = tenant.cloned();
        let known = self.0.tenants.read().unwrap_or_else(PoisonError::into_inner).get(&tenant).cloned();
        let counted = known.unwrap_or_else(|| {
            let mut tenants = self.0.tenants.write().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(tenants.entry(tenant).or_default())
        });
        change(&mut counted.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
