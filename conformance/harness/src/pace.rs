//! How hard a target may be pressed: so many cases at once, in all and for one tenant, and so many requests a second.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use contract_types::PaceProfile;
use tokio::{
    sync::{Mutex, OwnedSemaphorePermit, Semaphore, SemaphorePermit},
    time::Instant,
};

/// Cases at once where a profile says nothing.
const CONCURRENCY: usize = 8;

/// The pace of a run.
#[derive(Debug)]
pub struct Pace {
    cases: Semaphore,
    /// Fewer than all: what waited for a time to pass goes on at once, however many wait to begin.
    beginning: Semaphore,
    concurrency: usize,
    tenant_concurrency: usize,
    tenants: std::sync::Mutex<BTreeMap<String, Arc<Semaphore>>>,
    gap: Option<Duration>,
    next: Mutex<Instant>,
    sent: AtomicU64,
    most: AtomicU64,
}

impl Pace {
    /// The pace that a profile asks for.
    pub fn new(profile: Option<&PaceProfile>) -> Self {
        let concurrency = profile.map_or(CONCURRENCY, |pace| usize::try_from(pace.concurrency).unwrap_or(CONCURRENCY));
        let bound = profile.and_then(|pace| usize::try_from(pace.tenant_concurrency?).ok());
        let gap = profile.map(|pace| Duration::from_secs_f64(1.0 / pace.requests_per_second.max(0.1)));
        Self {
            cases: Semaphore::new(concurrency),
            beginning: Semaphore::new((concurrency - concurrency / 4).max(1)),
            concurrency,
            tenant_concurrency: bound.unwrap_or(concurrency).min(concurrency),
            tenants: std::sync::Mutex::default(),
            gap,
            next: Mutex::new(Instant::now()),
            sent: AtomicU64::new(0),
            most: AtomicU64::new(u64::MAX),
        }
    }

    /// Most cases at once.
    pub fn concurrency(&self) -> usize {
        self.concurrency
    }

    /// Waits until another case may begin, before it asks for anything else; the permit is held until it waits for a time to pass.
    pub async fn beginning(&self) -> Option<SemaphorePermit<'_>> {
        self.beginning.acquire().await.ok()
    }

    /// Waits until another case may send something; the permit is held while it does.
    pub async fn case(&self) -> Option<SemaphorePermit<'_>> {
        self.cases.acquire().await.ok()
    }

    /// Waits until another case of these tenants may send something; the permits are held while it does.
    pub async fn tenants(&self, tenants: &BTreeSet<String>) -> Vec<OwnedSemaphorePermit> {
        let mut permits = Vec::new();
        // In the order of their names, so that two cases never wait for each other.
        for tenant in tenants {
            let semaphore = {
                let mut known = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
                let new = || Arc::new(Semaphore::new(self.tenant_concurrency));
                Arc::clone(known.entry(tenant.clone()).or_insert_with(new))
            };
            permits.extend(semaphore.acquire_owned().await.ok());
        }
        permits
    }

    /// Most requests that may be sent in all.
    pub fn stop_after(&self, requests: u64) {
        self.most.store(requests, Ordering::Relaxed);
    }

    /// Requests that were sent.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Whether so many requests were sent that no other case may begin.
    pub fn is_spent(&self) -> bool {
        self.sent() >= self.most.load(Ordering::Relaxed)
    }

    /// Waits until another request may be sent.
    pub async fn request(&self) {
        self.sent.fetch_add(1, Ordering::Relaxed);
        let Some(gap) = self.gap else { return };
        let mut next = self.next.lock().await;
        let now = Instant::now();
        let turn = (*next).max(now);
        *next = turn + gap;
        drop(next);
        tokio::time::sleep_until(turn).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn spaces_requests() {
        let pace =
            Pace::new(Some(&PaceProfile { requests_per_second: 100.0, concurrency: 2, tenant_concurrency: None }));
        let began = Instant::now();
        for _ in 0..6 {
            pace.request().await;
        }
        assert!(began.elapsed() >= Duration::from_millis(45));
        assert_eq!((pace.concurrency(), pace.sent()), (2, 6));
        pace.stop_after(6);
        assert!(pace.is_spent());
    }

    #[tokio::test]
    async fn who_goes_on_does_not_wait_for_those_who_begin() {
        let profile = PaceProfile { requests_per_second: 1e6, concurrency: 4, tenant_concurrency: None };
        let pace = Pace::new(Some(&profile));
        let mut busy = Vec::new();
        for _ in 0..3 {
            busy.push((pace.beginning().await, pace.case().await));
        }
        assert!(tokio::time::timeout(Duration::from_millis(20), pace.beginning()).await.is_err());
        assert!(tokio::time::timeout(Duration::from_millis(20), pace.case()).await.is_ok());
    }

    #[tokio::test]
    async fn bounds_the_cases_of_one_tenant() {
        let profile = PaceProfile { requests_per_second: 1e6, concurrency: 8, tenant_concurrency: Some(1) };
        let pace = Pace::new(Some(&profile));
        let one = BTreeSet::from(["a".to_owned()]);
        let held = pace.tenants(&one).await;
        assert!(tokio::time::timeout(Duration::from_millis(20), pace.tenants(&one)).await.is_err());
        assert_eq!(pace.tenants(&BTreeSet::from(["b".to_owned()])).await.len(), 1);
        drop(held);
        assert_eq!(pace.tenants(&one).await.len(), 1);
    }
}
