//! Valid and nearly valid requests of one operation, and what each must lead to.

use std::{collections::BTreeSet, time::Instant};

use contracts::model::{Location, Operation};
use harness::{
    arbitrary::{Broken, Drawer},
    client::{Exchange, Request},
};
use serde_json::{Value, json};

use super::{
    shape::Shape,
    told::{self, Polarity, Told},
    trial::{self, Attempt, Failure, Trial, Verdict},
};
use crate::{
    catalogue::{
        self,
        expected::{self, Expected, not_enabled, pointers},
    },
    outcome::{Ending, Outcome},
    session::Session,
};

/// Most requests of one property.
const CASES: usize = 96;

/// The property of valid requests.
pub(super) async fn valid(
    session: &Session,
    operation: &Operation,
    shape: &Shape,
    id: &str,
    seed: [u8; 32],
    until: Instant,
) -> Outcome {
    if let Some(outcome) = unusable(session, operation, shape) {
        return outcome;
    }
    let drawn = shape.clone();
    let drawer = Drawer::new(seed, move || drawn.valid());
    let trial = Valid(Requests { session, operation, shape });
    let verdict = trial::run(&trial, &drawer, CASES, until).await;
    conclude(session, operation, id, Polarity::Positive, verdict)
}

/// The property of nearly valid requests.
pub(super) async fn near_valid(
    session: &Session,
    operation: &Operation,
    shape: &Shape,
    id: &str,
    seed: [u8; 32],
    until: Instant,
) -> Outcome {
    if let Some(outcome) = unusable(session, operation, shape) {
        return outcome;
    }
    let drawn = shape.clone();
    let drawer = Drawer::new(seed, move || drawn.near_valid());
    let trial = NearValid(Requests { session, operation, shape });
    let verdict = trial::run(&trial, &drawer, CASES, until).await;
    conclude(session, operation, id, Polarity::Negative, verdict)
}

/// The outcome when the profile lacks what every request of the operation needs.
fn unusable(session: &Session, operation: &Operation, shape: &Shape) -> Option<Outcome> {
    let body = operation.request.is_some().then(|| json!({}));
    let empty = json!({ "path": {}, "query": {}, "header": {}, "body": body });
    shape.request(session, &empty).err().map(|reason| Outcome::of(Ending::NotApplicable(reason)))
}

fn conclude(session: &Session, operation: &Operation, id: &str, polarity: Polarity, verdict: Verdict) -> Outcome {
    told::outcome(session, id, &operation.id, polarity, operation.feature.as_deref(), verdict)
}

/// What both properties share.
struct Requests<'a> {
    session: &'a Session,
    operation: &'a Operation,
    shape: &'a Shape,
}

struct Valid<'a>(Requests<'a>);

struct NearValid<'a>(Requests<'a>);

impl Trial for Valid<'_> {
    type Value = Value;

    async fn attempt(&self, value: &Value) -> Attempt {
        let requests = &self.0;
        if requests.would_take_from_others(value) {
            return Attempt::Passed;
        }
        let expected = requests.of_valid(value);
        let is_rpc = requests.operation.id == "mcp";
        let wrong = |exchange: &Exchange| {
            // A method that the protocol does not know is refused in its own way.
            let refused = is_rpc && expected.may_succeed() && Expected::Rpc.problem(exchange).is_none();
            if refused { None } else { expected.problem(exchange) }
        };
        requests.send(value, &expected, wrong, "HDR-002").await
    }
}

impl Trial for NearValid<'_> {
    type Value = Broken;

    async fn attempt(&self, broken: &Broken) -> Attempt {
        let requests = &self.0;
        let (expected, names) = requests.of_broken(broken);
        let wrong = |exchange: &Exchange| {
            expected.problem(exchange).map(|problem| format!("{}: {problem}", named(broken))).or_else(|| {
                let named_right = !names || pointers(exchange).any(|found| names_place(broken, &found));
                let told =
                    || pointers(exchange).take(3).map(|found| format!("`{found}`")).collect::<Vec<_>>().join(", ");
                (!named_right)
                    .then(|| format!("{}: expected a detail that names the place, found {}", named(broken), told()))
            })
        };
        let rule = match broken.keyword {
            "additionalProperties" if broken.pointer.starts_with("/query") => "HDR-004",
            "additionalProperties" => "HDR-003",
            _ => "ERR-004",
        };
        requests.send_broken(broken, &expected, names, wrong, rule).await
    }
}

fn named(broken: &Broken) -> String {
    format!("`{}` is broken at `{}`", broken.keyword, broken.pointer)
}

/// Whether a detail's pointer, which begins at the body unless it names a parameter, is the broken place.
fn names_place(broken: &Broken, found: &str) -> bool {
    let from_root = |pointer: &str| broken.is_named_by(pointer);
    let in_header = broken.pointer.starts_with("/header/") && broken.pointer.eq_ignore_ascii_case(found);
    in_header || from_root(&format!("/body{found}")) || !broken.pointer.starts_with("/body") && from_root(found)
}

impl Requests<'_> {
    fn facts(&self) -> crate::session::Facts {
        self.session.facts.get(self.session.bench()).cloned().unwrap_or_default()
    }

    fn length(value: &Value) -> u64 {
        u64::try_from(value["body"].to_string().len()).unwrap_or(u64::MAX)
    }

    /// Whether the request would delete a document of the fixtures, which other tests read.
    fn would_take_from_others(&self, value: &Value) -> bool {
        let id = value["path"]["id"].as_str().unwrap_or_default();
        let tenants = self.session.fixtures.tenants();
        self.operation.method == "DELETE"
            && tenants.iter().any(|tenant| tenant.documents.iter().any(|document| document.id == id))
    }

    /// What a valid request must lead to.
    fn of_valid(&self, value: &Value) -> Expected {
        let facts = self.facts();
        if let Some(too_large) = expected::too_large(self.operation, Self::length(value), &facts) {
            return too_large;
        }
        let expected = expected::of_values(self.operation, &value["body"], &facts);
        let query = &value["query"];
        let missing = (404, "NOT_FOUND".to_owned());
        let has_path = self.operation.own_parameters().any(|own| own.location == Location::Path);
        let names_another = has_path || value["body"]["session_id"].is_string();
        match expected {
            // Which of the two is looked at first is the target's choice.
            Expected::Refusal(mut refusals) => {
                if query["cursor"].is_string() {
                    refusals.push((400, "VALIDATION_ERROR".to_owned()));
                }
                if names_another {
                    refusals.push(missing);
                }
                Expected::Refusal(refusals)
            }
            // Nobody but the deployment can make a cursor.
            Expected::Valid { .. } if query["cursor"].is_string() => {
                let mut refusals = vec![(400, "VALIDATION_ERROR".to_owned())];
                refusals.extend(has_path.then_some(missing));
                Expected::Refusal(refusals)
            }
            Expected::Valid { mut names } => {
                // The first day may not lie after the last, and the span is bounded.
                let days = [("from", "/query/from"), ("to", "/query/to")];
                if days.iter().any(|(name, _)| query[*name].is_string()) {
                    names.extend(days.map(|(_, place)| place));
                }
                Expected::Valid { names }
            }
            Expected::Success | Expected::Rpc => expected,
        }
    }

    /// What a broken request must lead to, and whether the refusal must name the place.
    fn of_broken(&self, broken: &Broken) -> (Expected, bool) {
        let facts = self.facts();
        if let Some(too_large) = expected::too_large(self.operation, Self::length(&broken.value), &facts) {
            return (too_large, false);
        }
        let in_body = broken.pointer.starts_with("/body");
        if self.operation.id == "mcp" && in_body {
            return (Expected::Rpc, false);
        }
        let feature = self.operation.feature.as_deref().filter(|feature| !facts.has(feature));
        let name = broken.pointer.rsplit('/').next().unwrap_or_default();
        let parameter = self.operation.own_parameters().find(|own| own.name == name && !in_body);
        // An id that cannot exist is missing, not malformed, where the contract says so.
        if let Some(code) = parameter.and_then(|own| own.when_invalid.clone()) {
            let status = if code == "NOT_FOUND" { 404 } else { 400 };
            let mut refusals = vec![(status, code)];
            refusals.extend(feature.map(not_enabled));
            return (Expected::Refusal(refusals), false);
        }
        let mut refusals = vec![(400, "VALIDATION_ERROR".to_owned())];
        if name == "cursor" && !in_body {
            refusals.extend(feature.map(not_enabled));
        }
        // Beside the broken place a cursor, which nobody can make up, is refused too; so is what is past a limit.
        let others = broken.value["query"]["cursor"].is_string()
            || matches!(expected::of_values(self.operation, &broken.value["body"], &facts), Expected::Refusal(list)
                if list.iter().any(|(status, _)| *status == 400));
        (Expected::Refusal(refusals), !others)
    }

    async fn send(
        &self,
        value: &Value,
        expected: &Expected,
        wrong: impl Fn(&Exchange) -> Option<String> + Send + Sync,
        rule: &'static str,
    ) -> Attempt {
        let told = |request: &Request| {
            Told::new(
                "the request that failed",
                request,
                told::expectation(self.operation, expected),
                value.get("body"),
            )
        };
        self.exchange(value, expected.may_succeed(), wrong, told, rule).await
    }

    async fn send_broken(
        &self,
        broken: &Broken,
        expected: &Expected,
        names: bool,
        wrong: impl Fn(&Exchange) -> Option<String> + Send + Sync,
        rule: &'static str,
    ) -> Attempt {
        let told = |request: &Request| {
            let mut expect = told::expectation(self.operation, expected);
            if names {
                let places = std::iter::once(&broken.pointer).chain(&broken.also);
                let places = places.map(|place| place.strip_prefix("/body").unwrap_or(place));
                expect["body"] = json!([told::names_one_of(places, broken.beneath)]);
            }
            Told::new("the request that failed", request, expect, broken.value.get("body"))
        };
        self.exchange(&broken.value, false, wrong, told, rule).await
    }

    async fn exchange(
        &self,
        value: &Value,
        may_succeed: bool,
        wrong: impl Fn(&Exchange) -> Option<String> + Send + Sync,
        told: impl Fn(&Request) -> Told + Send + Sync,
        rule: &'static str,
    ) -> Attempt {
        let session = self.session;
        let request = match self.shape.request(session, value) {
            Ok(request) => request,
            Err(reason) => return Attempt::Ended(Box::new(Outcome::of(Ending::NotApplicable(reason)))),
        };
        let tenants = BTreeSet::from([session.bench().to_owned()]);
        // On a tenant of their own they disturb nobody.
        let watched = session.bench() == session.main_tenant();
        let _guard =
            session.guard(&tenants, |_| watched && may_succeed && !catalogue::reads_only(self.operation)).await;
        let judged = match session.send(&request, Some(session.bench()), true).await {
            Ok(judged) => judged,
            Err(error) => return Attempt::no_response(&error, vec![told(&request)], rule),
        };
        let (session, bench) = (self.session, self.session.bench());
        catalogue::take_back(session, bench, &self.operation.id, &judged.exchange, Some(&value["body"])).await;
        let problems: Vec<String> = wrong(&judged.exchange).into_iter().chain(judged.problems).collect();
        if problems.is_empty() {
            return Attempt::Passed;
        }
        Attempt::Failed(Box::new(Failure {
            message: problems.join("; "),
            steps: vec![told(&request).answered(&judged.exchange)],
            exchange: Some(judged.exchange),
            rule,
        }))
    }
}
