//! Draws values until one fails or the time is over, and shrinks the one that failed.

use std::{fmt, future::Future, time::Instant};

use harness::{
    arbitrary::{DrawError, Drawer},
    client::{ClientError, Exchange},
};

use super::told::Told;
use crate::outcome::{Ending, Outcome};

/// Most attempts to shrink a failure.
const MOST_SHRINKS: usize = 300;

/// What is tried with each value.
pub(super) trait Trial: Sync {
    /// What is drawn.
    type Value: fmt::Debug + Send + Sync + 'static;

    /// Tries one value.
    fn attempt(&self, value: &Self::Value) -> impl Future<Output = Attempt> + Send;
}

/// How one attempt ended.
#[derive(Debug)]
pub(super) enum Attempt {
    /// As expected, or it could not be tried.
    Passed,
    /// The target was wrong.
    Failed(Box<Failure>),
    /// The target or the suite broke down.
    Ended(Box<Outcome>),
}

/// A failure, with all that leads to it.
#[derive(Debug)]
pub(super) struct Failure {
    /// What is wrong.
    pub(super) message: String,
    /// The decisive exchange.
    pub(super) exchange: Option<Exchange>,
    /// Every request on the way, the decisive one last.
    pub(super) steps: Vec<Told>,
    /// The rule that is broken.
    pub(super) rule: &'static str,
}

impl Attempt {
    /// A failure to answer: wrong when the target hung up, the end when it is gone.
    pub(super) fn no_response(error: &ClientError, steps: Vec<Told>, rule: &'static str) -> Self {
        let outcome = Outcome::no_response(error);
        match outcome.ending {
            Ending::Fail(message) => Self::Failed(Box::new(Failure { message, exchange: None, steps, rule })),
            Ending::Pass | Ending::Error(_) | Ending::NotApplicable(_) => Self::Ended(Box::new(outcome)),
        }
    }
}

/// How all of it ended.
#[derive(Debug)]
pub(super) enum Verdict {
    /// No value failed.
    Held,
    /// The simplest failure that was found.
    Failed(Box<Failure>),
    /// The target or the suite broke down.
    Ended(Box<Outcome>),
}

/// Tries at most `cases` values, until `until`.
pub(super) async fn run<T: Trial>(trial: &T, drawer: &Drawer<T::Value>, cases: usize, until: Instant) -> Verdict {
    let broken = |error: &DrawError| Verdict::Ended(Box::new(Outcome::of(Ending::Error(error.to_string()))));
    let mut tried = 0;
    // The first value is always tried: a property that tried nothing would hold of anything.
    while tried == 0 || tried < cases && Instant::now() < until {
        let value = match drawer.next().await {
            Ok(value) => value,
            Err(error) => return broken(&error),
        };
        tried += 1;
        match trial.attempt(&value).await {
            Attempt::Passed => {}
            Attempt::Ended(outcome) => return Verdict::Ended(outcome),
            Attempt::Failed(failure) => return shrink(trial, drawer, *failure, until).await,
        }
    }
    Verdict::Held
}

async fn shrink<T: Trial>(trial: &T, drawer: &Drawer<T::Value>, failure: Failure, until: Instant) -> Verdict {
    let mut least = failure;
    let mut next = drawer.simpler().await;
    for _ in 0..MOST_SHRINKS {
        let Ok(Some(value)) = next else { break };
        if Instant::now() >= until {
            break;
        }
        next = match trial.attempt(&value).await {
            Attempt::Failed(failure) => {
                least = *failure;
                drawer.simpler().await
            }
            Attempt::Passed => drawer.less_simple().await,
            // What was found so far stands, whatever happens to the target afterwards.
            Attempt::Ended(_) => break,
        };
    }
    Verdict::Failed(Box::new(least))
}
