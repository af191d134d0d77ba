//! What happened since start, counted for each tenant: the one table of metrics, the counts, and their page.
//!
//! Counts live in the memory of the process and begin anew with it, as Prometheus expects of counters. Where several processes serve
//! a deployment, each takes out what it has counted from time to time and adds it to what is kept. Labels come from bounded
//! sets alone: templates of routes, words of the contract, ids of configured models and registered tools. A request can raise a
//! count and never name a series.

mod kept;
mod series;
mod table;
#[cfg(test)]
mod tests;
mod text;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

pub(crate) use kept::Change;
pub use table::{BOUNDS_MS, Family, Kind, Metric};

use crate::tenancy::TenantId;
use crate::usage::Share;
use kept::DAY;
use series::{Figure, Series};

/// Label of searches that the cache answered, and of those that looked there in vain.
pub(crate) const HIT: &str = "hit";
pub(crate) const MISS: &str = "miss";

/// Time after which counts that are on their way are taken for lost with whoever was to bring them, in microseconds.
const LOST_AFTER_US: u64 = 15_000_000;

/// The counts of every tenant. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Metrics(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    off: AtomicBool,
    /// By tenant; `None` counts what happened before a tenant was known.
    tenants: RwLock<BTreeMap<Option<TenantId>, Arc<Mutex<Counted>>>>,
    /// Whose counts are on their way to where they are kept, and since when by the monotonic clock, in microseconds.
    leaving: Mutex<BTreeMap<Option<TenantId>, u64>>,
}

#[derive(Debug, Default)]
struct Counted {
    series: Series,
    /// The day that the share of the budget was seen on.
    budget_day: Option<i64>,
    /// What counters that are counted elsewhere stood at when they were last looked at.
    seen: Seen,
}

#[derive(Debug)]
struct Seen(Series);

impl Default for Seen {
    fn default() -> Self {
        Self(Series::empty())
    }
}

impl Counted {
    /// Raises a counter by what it has risen elsewhere since the last look.
    fn follow(&mut self, metric: Metric, labels: &[&str], value: f64) {
        let mut rise = 0.0;
        if let Figure::Number(seen) = self.seen.0.figure(metric, labels) {
            rise = (value - *seen).max(0.0);
            *seen = value;
        }
        self.series.add(metric, labels, rise);
    }

    fn begin_day(&mut self, day: i64) {
        if self.budget_day.is_some_and(|seen| seen < day) {
            self.series.set(Metric::BudgetUsed, &[], 0.0);
            self.budget_day = Some(day);
        }
    }

    fn take(&mut self) -> Vec<Change> {
        let mut changes = self.series.take();
        #[expect(clippy::cast_precision_loss, reason = "days since 1970")]
        let day = self.budget_day.take().map(|day| day as f64);
        changes.extend(day.map(|value| Change {
            metric: Metric::BudgetUsed,
            labels: Box::default(),
            part: DAY,
            value,
        }));
        changes
    }

    fn apply(&mut self, change: &Change) {
        if change.part == DAY {
            #[expect(clippy::cast_possible_truncation, reason = "days since 1970")]
            let day = change.value as i64;
            self.budget_day = Some(day);
        } else {
            self.series.apply(change);
        }
    }
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

    /// Sets a gauge, or brings a counter that is counted elsewhere to where it stands there.
    pub(crate) fn set(&self, tenant: &TenantId, metric: Metric, labels: &[&str], value: f64) {
        self.change(Some(tenant), |counted| match metric.family().kind {
            Kind::Counter => counted.follow(metric, labels, value),
            Kind::Gauge | Kind::Histogram => counted.series.set(metric, labels, value),
        });
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
        self.change(Some(tenant), |counted| counted.begin_day(day));
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
        let lock = |counted: &Mutex<Counted>| {
            let mut series = counted.lock().unwrap_or_else(PoisonError::into_inner).series.clone();
            series.derive();
            series
        };
        text::page(&counted.into_iter().map(|(id, counted)| (id, lock(&counted))).collect::<Vec<_>>())
    }

    /// Everything of which something is counted here that is not on its way already.
    pub(crate) fn unkept(&self, now_us: u64) -> Vec<Option<TenantId>> {
        let mut leaving = self.0.leaving.lock().unwrap_or_else(PoisonError::into_inner).clone();
        leaving.retain(|_, since| now_us.saturating_sub(*since) < LOST_AFTER_US);
        let tenants = self.0.tenants.read().unwrap_or_else(PoisonError::into_inner);
        let counts = |counted: &Mutex<Counted>| {
            let counted = counted.lock().unwrap_or_else(PoisonError::into_inner);
            !counted.series.is_empty() || counted.budget_day.is_some()
        };
        tenants.iter().filter(|(id, it)| !leaving.contains_key(id) && counts(it)).map(|(id, _)| id.clone()).collect()
    }

    /// Whether counts of a tenant are on their way to where they are kept.
    pub(crate) fn is_leaving(&self, tenant: Option<&TenantId>) -> bool {
        self.0.leaving.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&tenant.cloned())
    }

    /// Takes out what was counted of a tenant, to be added to what is kept; `None` while what was taken before is on its way. A host may
    /// end that way without a word, so that nothing is waited for for long.
    pub(crate) fn take(&self, tenant: Option<&TenantId>, now_us: u64) -> Option<Leaving> {
        let tenant = tenant.cloned();
        {
            let mut leaving = self.0.leaving.lock().unwrap_or_else(PoisonError::into_inner);
            if leaving.get(&tenant).is_some_and(|since| now_us.saturating_sub(*since) < LOST_AFTER_US) {
                return None;
            }
            leaving.insert(tenant.clone(), now_us);
        }
        let counted = self.0.tenants.read().unwrap_or_else(PoisonError::into_inner).get(&tenant).cloned();
        let changes = counted.map(|it| it.lock().unwrap_or_else(PoisonError::into_inner).take()).unwrap_or_default();
        Some(Leaving { metrics: self.clone(), tenant, since_us: now_us, changes })
    }

    /// The page of what is kept of some tenants, each with the day that it is there; `None` is what belongs to none.
    pub(crate) fn page_of(kept: Vec<(Option<TenantId>, Vec<Change>, i64)>) -> String {
        let series = |(id, changes, day): (Option<TenantId>, Vec<Change>, i64)| {
            let mut counted = Counted::default();
            for change in &changes {
                counted.apply(change);
            }
            counted.begin_day(day);
            counted.series.derive();
            (id, counted.series)
        };
        text::page(&kept.into_iter().map(series).collect::<Vec<_>>())
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

/// Counts that were taken out. What is not said to be kept comes back when this is dropped.
#[derive(Debug)]
pub(crate) struct Leaving {
    metrics: Metrics,
    tenant: Option<TenantId>,
    since_us: u64,
    changes: Vec<Change>,
}

impl Leaving {
    pub(crate) fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// They are kept now.
    pub(crate) fn kept(mut self) {
        self.changes.clear();
    }
}

impl Drop for Leaving {
    fn drop(&mut self) {
        let changes = std::mem::take(&mut self.changes);
        if !changes.is_empty() {
            self.metrics.change(self.tenant.as_ref(), |counted| {
                // What was seen meanwhile is newer than what comes back.
                let newer = counted.take();
                changes.iter().chain(&newer).for_each(|change| counted.apply(change));
            });
        }
        let mut leaving = self.metrics.0.leaving.lock().unwrap_or_else(PoisonError::into_inner);
        if leaving.get(&self.tenant) == Some(&self.since_us) {
            leaving.remove(&self.tenant);
        }
    }
}
