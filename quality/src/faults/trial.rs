//! Tries the gate: a run without a fault becomes the baseline, and each fault is judged against it.

use harness::client::{Bounds, Client, Request};
use harness::output::say;

use super::Fault;
use crate::{
    baseline::Baseline,
    collection::Collection,
    gate::{Gate, Step, Terms, judge},
    session::{Ask, Outcome, Session, SessionError},
    wire::RunError,
};

/// How one fault fared over one collection.
#[derive(Debug, Clone)]
pub struct Tried {
    /// The fault.
    pub fault: Fault,
    /// The collection.
    pub collection: String,
    /// The gates that failed with the fault and not without it.
    pub seen_by: Vec<Gate>,
}

impl Tried {
    /// The steps that saw it, in their order, each with its gates.
    pub fn steps(&self) -> Vec<(Step, Vec<&str>)> {
        [Step::Exact, Step::Statistics, Step::Floor]
            .into_iter()
            .map(|step| {
                (step, self.seen_by.iter().filter(|gate| gate.step == step).map(|gate| gate.name.as_str()).collect())
            })
            .filter(|(_, gates): &(Step, Vec<&str>)| !gates.is_empty())
            .collect()
    }
}

/// Tries every fault over the fixtures and over `collections`.
///
/// # Errors
///
/// [`SessionError`] when a run breaks off.
pub async fn all(session: &Session, collections: &[Collection], terms: Terms) -> Result<Vec<Tried>, SessionError> {
    let mut tried = Vec::new();
    // Fixtures first, then each collection; a collection's own clean run begins its turn.
    for collection in std::iter::once(None).chain(collections.iter().map(Some)) {
        let ask = |fault: Option<Fault>| Ask { fault, seed: terms.seed, ..Ask::default() };
        let clean = run(session, collection, ask(None)).await?;
        let baseline = Baseline::of(&clean.evaluated, "trial", "the run without a fault", harness::record::now(), None);
        let failing = |outcome: Outcome| -> Vec<Gate> {
            let judged = judge(vec![(outcome.evaluated, Some(baseline.clone()))], terms);
            judged.into_iter().flat_map(|judged| judged.gates).filter(Gate::fails).collect()
        };
        let before = failing(clean.clone());
        for fault in Fault::ALL {
            say(&format!("{}: {}", clean.evaluated.collection, fault.text()));
            switch(session, *fault, true).await?;
            let damaged = run(session, collection, ask(Some(*fault))).await;
            switch(session, *fault, false).await?;
            let mut seen_by = failing(damaged?);
            seen_by.retain(|gate| !before.iter().any(|known| (known.step, &known.name) == (gate.step, &gate.name)));
            tried.push(Tried { fault: *fault, collection: clean.evaluated.collection.clone(), seen_by });
        }
        // The last run in: the documents that were cut are whole again.
        let restored = failing(run(session, collection, ask(None)).await?);
        if restored != before {
            let message =
                "the target does not score as before the faults; its collection is not what it was".to_owned();
            return Err(RunError::Missing(message).into());
        }
    }
    Ok(tried)
}

async fn run(session: &Session, collection: Option<&Collection>, ask: Ask<'_>) -> Result<Outcome, SessionError> {
    match collection {
        Some(collection) => session.collection(collection, ask).await,
        None => session.fixtures(ask, None).await,
    }
}

/// Turns the switch of a fault on or off at the control API; nothing for a fault that is made on the way.
async fn switch(session: &Session, fault: Fault, on: bool) -> Result<(), SessionError> {
    let Some(name) = fault.switch() else { return Ok(()) };
    let missing =
        |what: String| RunError::Missing(format!("{what}; use a profile of a build with switches, such as `sabotage`"));
    let base = session.prepared.target.control.as_deref();
    let base = base.ok_or_else(|| missing("the target has no control API".to_owned()))?;
    let client = Client::new(base, Bounds::default()).map_err(RunError::from)?;
    let (method, path) = if on { ("PUT", format!("/sabotage/{name}")) } else { ("DELETE", "/sabotage".to_owned()) };
    let exchange = client.send(&Request::new(method, &path)).await.map_err(RunError::from)?;
    let status = exchange.response.status;
    if status < 300 {
        return Ok(());
    }
    Err(missing(format!("{method} {path} of the control API answered {status}")).into())
}
