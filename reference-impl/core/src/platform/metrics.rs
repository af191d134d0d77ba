//! What happened since start, as a page for Prometheus.

use super::Platform;
use crate::metrics::{Metric, Metrics};
use crate::policy::BreakerFigure;
use crate::ports::Database;
use crate::sabotage::{self, Sabotage};
use crate::search::CacheFigures;
use crate::store::jobs::{self, Waiting};
use crate::tenancy::{Scope, TenantContext, TenantId};
use crate::usage::day_of;

impl Platform {
    /// The counts, for whoever counts what core does not see.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// The page of the caller's tenant, or of every tenant for an operator. Other tenants' stores are not looked into: what they
    /// hold is told as their last request left it.
    pub async fn metrics_page(&self, tenant: &TenantContext) -> String {
        // A store that does not answer leaves what was seen last.
        self.meter.look_at_budget(tenant).await;
        self.see_cache(tenant);
        let mut all = tenant.has_scope(Scope::Operator);
        all &= !sabotage::on(Sabotage::OperatorSeesOneTenant);
        all |= sabotage::on(Sabotage::MetricsCrossTenants);
        let shown = if all { self.metrics.tenants() } else { vec![tenant.id().clone()] };
        for id in &shown {
            self.metrics.begin_day(id, day_of(self.ports.clock.now(id)));
            self.see_searches(id, self.cache_counters.of(id));
        }
        for BreakerFigure { port, model, tenant, state } in self.policies.iter().flat_map(|it| it.breakers()) {
            if shown.contains(&tenant) {
                self.metrics.set(&tenant, Metric::Breaker, &[port.as_str(), &model], f64::from(state as u8));
            }
        }
        self.metrics.page(Some(tenant.id()).filter(|_| !all))
    }

    /// Takes down what the answer cache holds for the tenant.
    pub(super) fn see_cache(&self, tenant: &TenantContext) {
        if self.metrics.is_on() {
            let held = self.ports.key_value.figures(tenant);
            self.metrics.set(tenant.id(), Metric::CacheEntries, &[], number(held.entries));
            self.metrics.set(tenant.id(), Metric::CacheEvictions, &[], number(held.evictions));
        }
    }

    /// Takes down what waits in the tenant's queue of jobs. A queue that cannot be read leaves what was seen last.
    pub(crate) async fn see_jobs(&self, tenant: &TenantContext, database: &dyn Database) {
        if !self.metrics.is_on() {
            return;
        }
        if let Ok(Waiting { count, oldest }) = jobs::waiting(database).await {
            self.metrics.set(tenant.id(), Metric::JobsWaiting, &[], number(count));
            #[expect(clippy::cast_precision_loss, reason = "a time in milliseconds stays far below 2^52")]
            let seconds = oldest.map_or(0.0, |oldest| oldest as f64 / 1000.0);
            self.metrics.set(tenant.id(), Metric::JobsOldest, &[], seconds);
        }
    }

    fn see_searches(&self, tenant: &TenantId, figures: CacheFigures) {
        let CacheFigures { hits, mut misses, bypassed, refreshed, joined: _, failures, stored: _ } = figures;
        if sabotage::on(Sabotage::BypassCountsAsMiss) {
            misses += bypassed;
        }
        let results =
            [("hit", hits), ("miss", misses), ("bypass", bypassed), ("refresh", refreshed), ("failure", failures)];
        for (result, count) in results {
            self.metrics.set(tenant, Metric::CacheRequests, &[result], number(count));
        }
        if let Some(rate) = (CacheFigures { misses, ..figures }).hit_rate() {
            self.metrics.set(tenant, Metric::CacheHitRate, &[], rate);
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
fn number(count: u64) -> f64 {
    count as f64
}
