//! Faults that a test puts into ports, and counts of what happens at them. Ports are wrapped only where a control listener
//! is on.

mod cache;
mod databases;
mod models;
mod spec;

pub use cache::FaultyKeyValue;
pub use databases::FaultyDatabases;
pub use models::{FaultyEmbedder, FaultyGenerator};
pub use spec::{Fault, FaultKind, FaultSpec, Port, PortCounters};

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use reference_core::tenancy::TenantId;
use tokio::sync::Notify;

/// How a struck call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strike {
    /// Nobody listens.
    Refused,
    /// An answer with this error status.
    Status(u16),
    /// An answer that makes no sense.
    Garbage,
}

impl Strike {
    /// For the log.
    pub fn reason(self) -> String {
        match self {
            Self::Refused => "connection refused (injected)".to_owned(),
            Self::Status(status) => format!("status {status} (injected)"),
            Self::Garbage => "answer makes no sense (injected)".to_owned(),
        }
    }
}

/// The faults of all ports.
#[derive(Debug, Default)]
pub struct Faults {
    ports: Mutex<BTreeMap<Port, State>>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    fault: Option<(FaultSpec, u64)>,
    /// Rises whenever a fault is set or cleared, which lets go of what hangs.
    generation: u64,
    counts: BTreeMap<TenantId, (u64, u64)>,
}

impl Faults {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<Port, State>> {
        self.ports.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the port's fault in the place of the one it had.
    pub fn set(&self, port: Port, spec: FaultSpec) -> Fault {
        let fault = Fault { port, spec: spec.clone(), struck: 0 };
        self.change(port, Some((spec, 0)));
        fault
    }

    /// Takes the port's fault away; returns whether there was one.
    pub fn clear(&self, port: Port) -> bool {
        self.change(port, None)
    }

    fn change(&self, port: Port, fault: Option<(FaultSpec, u64)>) -> bool {
        let had = {
            let mut ports = self.lock();
            let state = ports.entry(port).or_default();
            state.generation += 1;
            std::mem::replace(&mut state.fault, fault).is_some()
        };
        self.changed.notify_waiters();
        had
    }

    /// The faults that are set, in the order of the ports.
    pub fn list(&self) -> Vec<Fault> {
        let ports = self.lock();
        let set = ports.iter().filter_map(|(port, state)| Some((*port, state.fault.clone()?)));
        set.map(|(port, (spec, struck))| Fault { port, spec, struck }).collect()
    }

    /// Calls and failures at each port since the last reset, of one tenant or of all.
    pub fn counters(&self, tenant: Option<&TenantId>) -> BTreeMap<Port, PortCounters> {
        let ports = self.lock();
        let count = |state: &State| {
            let of = state.counts.iter().filter(|(id, _)| tenant.is_none_or(|tenant| tenant == *id));
            of.fold((0, 0), |(calls, failures), (_, count)| (calls + count.0, failures + count.1))
        };
        let each = ports.iter().map(|(port, state)| (*port, count(state)));
        each.map(|(port, (calls, failures))| (port, PortCounters::new(calls, failures))).collect()
    }

    /// Takes every fault away and counts from nothing. Returns how many faults there were.
    pub fn reset(&self) -> usize {
        let cleared = Port::ALL.iter().filter(|port| self.clear(**port)).count();
        self.lock().values_mut().for_each(|state| state.counts.clear());
        cleared
    }

    /// Counts a failed call.
    pub fn failed(&self, port: Port, tenant: &TenantId) {
        self.lock().entry(port).or_default().counts.entry(tenant.clone()).or_default().1 += 1;
    }

    /// Counts a call at `port` for `tenant`, and does to it what the port's fault says: waits, hangs until the fault is
    /// changed, or returns how the call is to fail.
    pub async fn strike(&self, port: Port, tenant: &TenantId) -> Option<Strike> {
        let (spec, generation) = self.meet(port, tenant)?;
        match spec.kind {
            FaultKind::Refused => Some(Strike::Refused),
            FaultKind::Status => Some(Strike::Status(spec.status.unwrap_or(500))),
            FaultKind::Garbage => Some(Strike::Garbage),
            FaultKind::Slow => {
                tokio::time::sleep(Duration::from_millis(spec.delay_ms.unwrap_or(1000))).await;
                None
            }
            FaultKind::Hang => {
                self.hang(port, generation).await;
                Some(Strike::Refused)
            }
        }
    }

    /// The fault that strikes this call, if any, and the generation it belongs to.
    fn meet(&self, port: Port, tenant: &TenantId) -> Option<(FaultSpec, u64)> {
        let mut ports = self.lock();
        let state = ports.entry(port).or_default();
        state.counts.entry(tenant.clone()).or_default().0 += 1;
        let (spec, struck) = state.fault.as_mut()?;
        if spec.tenant.as_ref().is_some_and(|only| only.as_str() != tenant.as_str()) {
            return None;
        }
        *struck += 1;
        let met = (spec.clone(), state.generation);
        if spec.calls.is_some_and(|calls| *struck >= calls) {
            state.fault = None;
        }
        Some(met)
    }

    async fn hang(&self, port: Port, generation: u64) {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable(); // from here on no change is missed
            if self.lock().get(&port).is_none_or(|state| state.generation != generation) {
                return;
            }
            changed.await;
        }
    }
}

#[cfg(test)]
mod tests;
