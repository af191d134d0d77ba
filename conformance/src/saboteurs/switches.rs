//! Saboteurs inside a build of the reference: switches of its control API, one on at a time.

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
    time::Instant,
};

use contract_types::CaseRecordOutcome;
use futures_util::{StreamExt, stream};
use harness::client::{Bounds, Client, Request};
use serde::Deserialize;

use super::drive::Tried;
use crate::{engine, session::Session, suite::Test, written::Polarity};

/// Most generated tests that one switch is tried with: those of a rule are many and alike.
const MOST_GENERATED: usize = 24;
/// Tests at once for one switch.
const AT_ONCE: usize = 8;

/// A switch as the control API lists it.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Switch {
    pub(super) name: String,
    pub(super) rule: String,
    pub(super) text: String,
}

impl Switch {
    pub(super) fn id(&self) -> String {
        let group = self.rule.split('-').next().unwrap_or_default().to_lowercase();
        format!("{group}/{}", self.name)
    }
}

/// Flaws of ranking that judged questions alone show: `quality faults` tries them.
const OF_QUALITY: [&str; 2] = ["stemming-off", "query-model-differs"];

/// Flaws that need what no tenant of the suite has, such as a reranker: the reference's own tests try them.
const OF_THE_REFERENCE: [&str; 1] = ["usage-of-rerank-lost"];

/// The switches that a target has, save those that others try.
pub(super) async fn list(session: &Session) -> Result<Vec<Switch>, String> {
    #[derive(Deserialize)]
    struct Listed {
        switches: Vec<Switch>,
    }
    let exchange = control(session, "GET", "/sabotage").await?;
    let listed: Listed = serde_json::from_slice(&exchange.body)
        .map_err(|error| format!("GET /sabotage of the control API: {error}; is it a build with switches?"))?;
    let others = || OF_QUALITY.iter().chain(&OF_THE_REFERENCE);
    let ours = |switch: &Switch| !others().any(|name| *name == switch.name);
    Ok(listed.switches.into_iter().filter(ours).collect())
}

async fn control(session: &Session, method: &str, path: &str) -> Result<harness::client::Response, String> {
    let base = session.target.control.as_deref().ok_or("the target has no control API to turn switches with")?;
    let client = Client::new(base, Bounds::default()).map_err(|error| error.to_string())?;
    let exchange = client.send(&Request::new(method, path)).await.map_err(|error| error.to_string())?;
    let status = exchange.response.status;
    if status < 300 {
        Ok(exchange.response)
    } else {
        Err(format!("{method} {path} of the control API: status {status}"))
    }
}

/// The tests that are meant to catch flaws of each rule: all that people wrote and the matrix, and some of the generated ones.
pub(super) fn by_rule(tests: &[Test]) -> BTreeMap<String, Vec<Test>> {
    let mut rules: BTreeMap<String, (Vec<Test>, Vec<Test>)> = BTreeMap::new();
    for test in tests {
        let Some(rule) = test.rule() else { continue };
        let (written, generated) = rules.entry(rule.to_owned()).or_default();
        match test {
            Test::Written(_) | Test::Log(_) => written.push(test.clone()),
            Test::Generated(_) | Test::Isolation(_) => generated.push(test.clone()),
            Test::Property(_) | Test::Probe(_) => {}
        }
    }
    let pick = |(mut written, generated): (Vec<Test>, Vec<Test>)| {
        // Evenly over the operations, what must be refused first.
        let step = generated.len().div_ceil(MOST_GENERATED).max(1);
        written.extend(generated.into_iter().step_by(step));
        written.sort_by_key(|test| test.polarity() == Some(Polarity::Positive));
        written
    };
    rules.into_iter().map(|(rule, found)| (rule, pick(found))).collect()
}

/// Gives a session that nobody else holds a mark that no id has yet.
fn mark(session: &mut Arc<Session>) {
    if let Some(session) = Arc::get_mut(session) {
        session.mark_anew();
    }
}

/// Runs tests beside each other; gives the failures. Those that have not begun when one fails are left out: one is enough.
async fn failing(session: &Arc<Session>, tests: &[Test]) -> Vec<(Test, String)> {
    let ends = stream::iter(tests.iter().cloned()).map(|test| {
        let session = Arc::clone(session);
        async move {
            if session.enough.load(Ordering::Relaxed) {
                return None;
            }
            let (case, _) = engine::one(&session, &test).await;
            let failed = case.outcome == CaseRecordOutcome::Fail;
            session.enough.fetch_or(failed, Ordering::Relaxed);
            failed.then(|| (test, case.message.unwrap_or_default()))
        }
    });
    session.enough.store(false, Ordering::Relaxed);
    let failed = ends.buffered(AT_ONCE).filter_map(|end| async { end }).collect().await;
    session.enough.store(false, Ordering::Relaxed);
    failed
}

/// How a switch fared, and what is to be tried on a server that never saw it, when a test goes on failing with all switches off.
pub(super) struct Attempt {
    pub(super) tried: Tried,
    pub(super) doubt: Option<Test>,
    /// Whether the server can go on being used.
    pub(super) sound: bool,
}

/// Turns a switch on, runs the tests that are meant to catch it, turns it off, and sees that what failed passes again.
///
/// Both times under a new mark: what an earlier attempt left on this server has other ids.
pub(super) async fn attempt(session: &mut Arc<Session>, switch: &Switch, tests: &[Test]) -> Attempt {
    let began = Instant::now();
    mark(session);
    let end = |verdict: Result<String, String>, sound: bool, doubt: Option<Test>| Attempt {
        tried: Tried {
            id: format!("saboteurs/{}", switch.id()),
            rule: Some(switch.rule.clone()),
            operation: None,
            text: switch.text.clone(),
            verdict,
            took: began.elapsed(),
        },
        doubt,
        sound,
    };
    if tests.is_empty() {
        return end(Err(format!("no test holds {}", switch.rule)), true, None);
    }
    if let Err(message) = control(session, "PUT", &format!("/sabotage/{}", switch.name)).await {
        return end(Err(message), false, None);
    }
    let failed = failing(session, tests).await;
    if let Err(message) = control(session, "DELETE", "/sabotage").await {
        return end(Err(message), false, None);
    }
    let Some((first, message)) = failed.first() else {
        let ids: Vec<String> = tests.iter().take(6).map(Test::id).collect();
        let message = format!("none of {} tests of {} failed: {}", tests.len(), switch.rule, ids.join(", "));
        return end(Err(message), true, None);
    };
    mark(session);
    let again = failing(session, std::slice::from_ref(first)).await;
    let others = failed.len() - 1;
    let and = if others > 0 { format!(" and {others} more") } else { String::new() };
    let sound = again.is_empty();
    end(Ok(format!("caught by {}{and}: {message}", first.id())), sound, (!sound).then(|| first.clone()))
}

/// Whether a test passes on a server without a flaw.
pub(super) async fn passes(session: &Arc<Session>, test: &Test) -> bool {
    failing(session, std::slice::from_ref(test)).await.is_empty()
}
