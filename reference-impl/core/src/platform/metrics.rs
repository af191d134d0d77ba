//! What happened since start, as a page for Prometheus.

use super::{Platform, SharedMetrics};
use crate::metrics::{HIT, MISS, Metric, Metrics};
use crate::policy::BreakerFigure;
use crate::ports::{Database, KeyValueFigures};
use crate::sabotage::{self, Sabotage};
use crate::search::CacheFigures;
use crate::store::StoreError;
use crate::store::jobs::{self, Waiting};
use crate::tenancy::{Scope, TenantContext, TenantId};
use crate::usage::day_of;

impl Platform {
    /// The counts, for whoever counts what core does not see.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// The page of the caller's tenant, or of every tenant for an operator. Other tenants' stores are not looked into for what they
    /// hold: that is told as their last request left it.
    ///
    /// # Errors
    ///
    /// Where the counts of several processes are kept together: the database's.
    pub async fn metrics_page(&self, tenant: &TenantContext) -> Result<String, StoreError> {
        // A store that does not answer leaves what was seen last.
        self.meter.look_at_budget(tenant).await;
        let held = self.ports.key_value.counted(tenant).await;
        self.saw_cache(tenant, held);
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
        match &self.shared_metrics {
            Some(shared) => self.kept_page(shared, tenant, all).await,
            None => Ok(self.metrics.page(Some(tenant.id()).filter(|_| !all))),
        }
    }

    /// Has what was counted in this process kept where all processes keep it. What cannot be kept now is kept with the next.
    pub async fn keep_metrics(&self) {
        let Some(shared) = &self.shared_metrics else { return };
        for tenant in self.metrics.tenants() {
            self.see_searches(&tenant, self.cache_counters.of(&tenant));
        }
        let now_us = self.ports.clock.monotonic_us();
        for tenant in self.metrics.unkept(now_us) {
            if let Err(error) = shared.keep(&self.metrics, tenant.as_ref(), now_us).await {
                let tenant = tenant.as_ref().map_or("none", TenantId::as_str);
                tracing::warn!(tenant, %error, "counts are not kept");
            }
        }
    }

    async fn kept_page(&self, shared: &SharedMetrics, tenant: &TenantContext, all: bool) -> Result<String, StoreError> {
        let mut shown = vec![Some(tenant.id().clone())];
        if all {
            shown = self.metrics.unkept(self.ports.clock.monotonic_us());
            shown.push(None);
            shown.extend(shared.tenants().await?.into_iter().map(Some));
            shown.sort();
            shown.dedup();
        }
        let mut pages = Vec::with_capacity(shown.len());
        for id in shown {
            let now = id.as_ref().map_or_else(|| self.ports.clock.system(), |id| self.ports.clock.now(id));
            // What another request has under way counts too, and is not long in coming.
            for _ in 0..LOOKS {
                if !self.metrics.is_leaving(id.as_ref()) {
                    break;
                }
                self.ports.timer.sleep(LOOK_AGAIN_MS).await;
            }
            // Of a tenant that is gone nothing is told.
            if let Some(kept) =
                shared.keep_and_read(&self.metrics, id.as_ref(), self.ports.clock.monotonic_us()).await?
            {
                pages.push((id, kept, day_of(now)));
            }
        }
        Ok(Metrics::page_of(pages))
    }

    /// Takes down what the answer cache is known to hold for the tenant.
    pub(super) fn see_cache(&self, tenant: &TenantContext) {
        // Where processes share a cache, none of them knows without asking.
        if self.shared_metrics.is_none() {
            self.saw_cache(tenant, self.ports.key_value.figures(tenant));
        }
    }

    fn saw_cache(&self, tenant: &TenantContext, KeyValueFigures { entries, bytes, evictions }: KeyValueFigures) {
        if self.metrics.is_on() {
            self.metrics.set(tenant.id(), Metric::CacheEntries, &[], number(entries));
            self.metrics.set(tenant.id(), Metric::CacheBytes, &[], number(bytes));
            self.metrics.set(tenant.id(), Metric::CacheEvictions, &[], number(evictions));
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
            [(HIT, hits), (MISS, misses), ("bypass", bypassed), ("refresh", refreshed), ("failure", failures)];
        for (result, count) in results {
            self.metrics.set(tenant, Metric::CacheRequests, &[result], number(count));
        }
    }
}

/// How often, and after how many milliseconds each, a page looks whether counts on their way have arrived.
const LOOKS: usize = 200;
const LOOK_AGAIN_MS: u64 = 5;

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
fn number(count: u64) -> f64 {
    count as f64
}
