//! Faults that a test puts into ports, and counts of what happens at them. Ports are wrapped only where a control listener
//! is on.

mod cache;
mod chat;
mod databases;
mod handlers;
mod models;
mod spec;

pub use cache::FaultyKeyValue;
pub use chat::FaultyChatModel;
pub use databases::FaultyDatabases;
pub use handlers::FaultyHandlers;
pub use models::behind;
pub use spec::{Fault, FaultKind, FaultSpec, Port, PortCounters};

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use reference_core::tenancy::TenantId;

use crate::tasks::{delay, sleep};

/// How often a call that hangs looks whether its fault has changed.
const LOOK_AGAIN_MS: u64 = 10;

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
}

/// Whose calls a fault strikes: one tenant's, or with `None` all of them.
type Whose = Option<String>;

#[derive(Debug, Default)]
struct State {
    faults: BTreeMap<Whose, Met>,
    /// Rises for a tenant, or for all, whenever its fault is set or cleared, which lets go of what hangs.
    generations: BTreeMap<Whose, u64>,
    /// Calls and failures; under `None` those that have no tenant.
    counts: BTreeMap<Option<TenantId>, (u64, u64)>,
}

/// A fault and how many calls it has struck.
#[derive(Debug)]
struct Met {
    spec: FaultSpec,
    struck: u64,
}

impl State {
    fn renew(&mut self, whose: &Whose) {
        *self.generations.entry(whose.clone()).or_default() += 1;
    }

    fn generation(&self, whose: &Whose) -> u64 {
        self.generations.get(whose).copied().unwrap_or_default()
    }
}

/// Where a struck call belongs, so that it is let go when its fault is changed.
#[derive(Debug)]
struct Hold {
    whose: Whose,
    generation: u64,
}

/// A fault that a stream has met and that strikes it later.
#[derive(Debug)]
pub(crate) struct Pending {
    /// Pieces that the stream gives first.
    pub(crate) after: u64,
    spec: FaultSpec,
    hold: Hold,
}

impl Faults {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<Port, State>> {
        self.ports.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets a fault of the port in the place of the one that the same tenant, or all tenants, had.
    pub fn set(&self, port: Port, spec: FaultSpec) -> Fault {
        let fault = Fault { port, spec: spec.clone(), struck: 0 };
        let whose = spec.tenant.as_ref().map(|tenant| tenant.as_str().to_owned());
        {
            let mut ports = self.lock();
            let state = ports.entry(port).or_default();
            state.renew(&whose);
            state.faults.insert(whose, Met { spec, struck: 0 });
        }
        fault
    }

    /// Takes away all faults of the port; returns how many there were.
    pub fn clear(&self, port: Port) -> usize {
        let mut ports = self.lock();
        let state = ports.entry(port).or_default();
        // A fault that is used up may still hold a call.
        state.generations.values_mut().for_each(|generation| *generation += 1);
        std::mem::take(&mut state.faults).len()
    }

    /// Takes away the port's fault of one tenant; returns whether there was one.
    pub fn clear_of(&self, port: Port, tenant: &TenantId) -> bool {
        let mut ports = self.lock();
        let state = ports.entry(port).or_default();
        let whose = Some(tenant.as_str().to_owned());
        state.renew(&whose);
        state.faults.remove(&whose).is_some()
    }

    /// The faults that are set, in the order of the ports, the one for all tenants before those of single ones.
    pub fn list(&self) -> Vec<Fault> {
        let ports = self.lock();
        let set = ports.iter().flat_map(|(port, state)| state.faults.values().map(|met| (*port, met)));
        set.map(|(port, met)| Fault { port, spec: met.spec.clone(), struck: met.struck }).collect()
    }

    /// Calls and failures at each port since the last reset, of one tenant or of all.
    pub fn counters(&self, tenant: Option<&TenantId>) -> BTreeMap<Port, PortCounters> {
        let ports = self.lock();
        let count = |state: &State| {
            let of = state.counts.iter().filter(|(id, _)| tenant.is_none() || id.as_ref() == tenant);
            of.fold((0, 0), |(calls, failures), (_, count)| (calls + count.0, failures + count.1))
        };
        let each = ports.iter().map(|(port, state)| (*port, count(state)));
        each.map(|(port, (calls, failures))| (port, PortCounters::new(calls, failures))).collect()
    }

    /// Takes every fault away and counts from nothing. Returns how many faults there were.
    pub fn reset(&self) -> usize {
        let cleared = Port::ALL.iter().map(|port| self.clear(*port)).sum();
        self.lock().values_mut().for_each(|state| state.counts.clear());
        cleared
    }

    /// Counts a failed call.
    pub fn failed(&self, port: Port, tenant: &TenantId) {
        self.count_failure(port, Some(tenant));
    }

    fn count_failure(&self, port: Port, tenant: Option<&TenantId>) {
        self.lock().entry(port).or_default().counts.entry(tenant.cloned()).or_default().1 += 1;
    }

    /// Counts a call at `port` for `tenant`, and does to it what the port's fault says: waits, hangs until the fault is
    /// changed, or returns how the call is to fail.
    pub async fn strike(&self, port: Port, tenant: &TenantId) -> Option<Strike> {
        self.strike_call(port, Some(tenant), None).await
    }

    /// The same for the handler of `operation`, which may have no tenant; a handler that is to fail is counted as failed.
    pub async fn strike_handler(&self, operation: &str, tenant: Option<&TenantId>) -> Option<Strike> {
        let strike = self.strike_call(Port::Handler, tenant, Some(operation)).await;
        if strike.is_some() {
            self.count_failure(Port::Handler, tenant);
        }
        strike
    }

    /// The same for a stream of the generator: counts the call and gives what will strike it, and after how many pieces. Nothing
    /// has been waited for yet.
    pub(crate) fn meet_stream(&self, tenant: &TenantId) -> Option<Pending> {
        let (spec, hold) = self.meet(Port::Generator, Some(tenant), None)?;
        Some(Pending { after: spec.after_pieces.unwrap_or_default(), spec, hold })
    }

    /// Does what a fault that was met says: waits, hangs until the fault is changed, or returns how the call is to fail.
    pub(crate) async fn happen(&self, pending: &Pending) -> Option<Strike> {
        self.act(Port::Generator, &pending.spec, &pending.hold).await
    }

    async fn strike_call(&self, port: Port, tenant: Option<&TenantId>, operation: Option<&str>) -> Option<Strike> {
        let (spec, hold) = self.meet(port, tenant, operation)?;
        self.act(port, &spec, &hold).await
    }

    async fn act(&self, port: Port, spec: &FaultSpec, hold: &Hold) -> Option<Strike> {
        match spec.kind {
            FaultKind::Refused => Some(Strike::Refused),
            FaultKind::Status => Some(Strike::Status(spec.status.unwrap_or(500))),
            FaultKind::Garbage => Some(Strike::Garbage),
            FaultKind::Slow => {
                delay(spec.delay_ms.unwrap_or(1000.0)).await;
                None
            }
            FaultKind::Hang => {
                self.hang(port, hold).await;
                Some(Strike::Refused)
            }
        }
    }

    /// The fault that strikes this call, if any: the tenant's own before the one for all.
    fn meet(&self, port: Port, tenant: Option<&TenantId>, operation: Option<&str>) -> Option<(FaultSpec, Hold)> {
        let mut ports = self.lock();
        let state = ports.entry(port).or_default();
        state.counts.entry(tenant.cloned()).or_default().0 += 1;
        let own = tenant.map(|tenant| Some(tenant.as_str().to_owned()));
        let whose = own.into_iter().chain([None]).find(|whose| {
            let only = state.faults.get(whose).map(|met| met.spec.operation.as_deref());
            only.is_some_and(|only| only.is_none() || only == operation)
        })?;
        let generation = *state.generations.entry(whose.clone()).or_default();
        let met = state.faults.get_mut(&whose)?;
        met.struck += 1;
        let spec = met.spec.clone();
        if spec.calls.is_some_and(|calls| met.struck >= calls) {
            state.faults.remove(&whose);
        }
        Some((spec, Hold { whose, generation }))
    }

    /// Waits until the fault is changed. It looks again and again: on a Worker no request can be woken by another one.
    async fn hang(&self, port: Port, hold: &Hold) {
        while self.lock().get(&port).is_some_and(|state| state.generation(&hold.whose) == hold.generation) {
            sleep(LOOK_AGAIN_MS).await;
        }
    }
}

#[cfg(test)]
mod tests;
