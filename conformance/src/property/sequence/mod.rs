//! Sequences of requests held against a model of the platform.

mod command;
mod model;
mod talk;
mod walk;

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Instant,
};

use harness::arbitrary::{Drawer, Schemas};

use self::command::Plan;
pub(super) use self::{command::Theme, model::letters};
use super::{
    told::{self, Polarity},
    trial::{self, Attempt, Trial},
};
use crate::{
    outcome::{Ending, Outcome},
    session::Session,
};

/// Most sequences of one theme.
const SEQUENCES: usize = 32;

/// Runs the sequences of one theme.
pub(super) async fn run(session: &Session, theme: Theme, id: &str, seed: [u8; 32], until: Instant) -> Outcome {
    let not_applicable = |reason: String| Outcome::of(Ending::NotApplicable(reason));
    if session.is_safe_only() {
        return not_applicable("the target admits only cases that change nothing".to_owned());
    }
    let main = session.bench();
    let declared = |feature: &&&str| !session.facts.get(main).is_some_and(|facts| facts.has(feature));
    if let Some(missing) = theme.features().iter().find(declared) {
        return not_applicable(format!("the target does not declare the feature {missing}"));
    }
    let scopes: Vec<String> = theme.scopes().iter().map(|scope| (*scope).to_owned()).collect();
    if session.with_scope(main, &scopes).is_none() {
        return not_applicable(format!("the profile has no credential of `{main}` with {}", scopes.join(", ")));
    }
    let schemas = Schemas::new(&session.contract);
    let drawer = Drawer::new(seed, move || Plan::drawn(theme, &schemas));
    let trial = Sequence { session, theme, scopes, next: AtomicU32::new(0) };
    let verdict = trial::run(&trial, &drawer, SEQUENCES, until).await;
    let feature = theme.features().first().copied();
    told::outcome(session, id, &format!("sequence-{}", theme.name()), Polarity::Positive, feature, verdict)
}

struct Sequence<'a> {
    session: &'a Session,
    theme: Theme,
    scopes: Vec<String>,
    /// Number of the next attempt: each has documents and words of its own, so that none meets what another left.
    next: AtomicU32,
}

impl Trial for Sequence<'_> {
    type Value = Plan;

    async fn attempt(&self, plan: &Plan) -> Attempt {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        walk::attempt(self.session, self.theme, &self.scopes, plan, number).await
    }
}
