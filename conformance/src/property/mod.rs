//! Properties: for every operation, values drawn from its schemas and values that just miss them; and sequences of requests
//! held against a model of the platform. What fails is shrunk, told as commands, and kept as a written case.
//!
//! Everything is drawn from a seed, so that the same seed and the same target give the same requests but for the run's own ids.

mod sequence;
mod shape;
mod told;
mod trial;
mod values;

use std::time::{Duration, Instant};

use contract_types::CaseRecordLevel;
use contracts::Contract;
use harness::arbitrary::{Schemas, seed_of};

use crate::{
    outcome::{Ending, Outcome},
    session::Session,
};
use sequence::Theme;
use shape::Shape;

/// One property.
#[derive(Debug, Clone)]
pub struct Property {
    id: String,
    what: What,
}

#[derive(Debug, Clone)]
enum What {
    /// Valid requests of an operation are never refused for their form.
    Valid(String),
    /// Requests with one keyword broken are refused, and the place is named.
    NearValid(String),
    /// A sequence of requests does what the model says.
    Sequence(Theme),
}

/// Every property of `contract`, in its order, and then the sequences.
pub fn all(contract: &Contract) -> Vec<Property> {
    let mut all = Vec::new();
    for operation in &contract.operations {
        if operation.request.is_none() && operation.own_parameters().next().is_none() {
            continue;
        }
        let id = &operation.id;
        all.push(Property { id: format!("property/{id}/valid"), what: What::Valid(id.clone()) });
        all.push(Property { id: format!("property/{id}/near-valid"), what: What::NearValid(id.clone()) });
    }
    for theme in Theme::ALL {
        all.push(Property { id: format!("property/sequence/{}", theme.name()), what: What::Sequence(theme) });
    }
    all
}

/// Runs every property within `budget`, which is shared out evenly.
pub async fn run(session: &Session, seed: u64, budget: Duration) -> Vec<(Property, Outcome)> {
    let all = all(&session.contract);
    let until = Instant::now() + budget;
    let mut found = Vec::new();
    let mut left = u32::try_from(all.len()).unwrap_or(u32::MAX);
    for property in all {
        let share = until.saturating_duration_since(Instant::now()) / left.max(1);
        left -= 1;
        let outcome = property.run(session, seed, share).await;
        found.push((property, outcome));
    }
    found
}

impl Property {
    /// Its stable id, in the alphabet of run records.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Its kind, as records name it.
    pub fn kind(&self) -> &'static str {
        "property"
    }

    /// How binding it is.
    pub fn level(&self) -> CaseRecordLevel {
        CaseRecordLevel::Must
    }

    /// The operation that it is about; none for a sequence.
    pub fn operation(&self) -> Option<&str> {
        match &self.what {
            What::Valid(operation) | What::NearValid(operation) => Some(operation),
            What::Sequence(_) => None,
        }
    }

    /// Runs the property for at most about `budget`: as many cases as fit, and as many attempts to shrink a failure.
    ///
    /// A failure that the profile does not know of is written as a case: to `conformance/cases/regressions` where the target was
    /// started here, to `regressions` beside the run records where it was not.
    pub async fn run(&self, session: &Session, seed: u64, budget: Duration) -> Outcome {
        let began = Instant::now();
        let outcome = self.attempt(session, seed_of(seed, &self.id), began + budget).await;
        Outcome { took: began.elapsed(), ..outcome }
    }

    async fn attempt(&self, session: &Session, seed: [u8; 32], until: Instant) -> Outcome {
        let (id, broken) = match &self.what {
            What::Sequence(theme) => return sequence::run(session, *theme, &self.id, seed, until).await,
            What::Valid(id) => (id, false),
            What::NearValid(id) => (id, true),
        };
        let Some(operation) = session.contract.operation(id) else {
            return Outcome::of(Ending::Error(format!("the contract has no operation `{id}`")));
        };
        if session.is_safe_only() && !crate::catalogue::reads_only(operation) {
            let reason = "the target admits only cases that change nothing".to_owned();
            return Outcome::of(Ending::NotApplicable(reason));
        }
        let schemas = Schemas::new(&session.contract);
        let shape = Shape::new(session, operation, schemas);
        if broken {
            values::near_valid(session, operation, &shape, &self.id, seed, until).await
        } else {
            values::valid(session, operation, &shape, &self.id, seed, until).await
        }
    }
}
