//! Runs one cell of the matrix.

use std::{collections::BTreeSet, time::Instant};

use contracts::{
    catalogue::{Credential as Who, Kind},
    model::{Location, Operation, Scopes},
};
use harness::{
    client::{ClientError, Exchange, Request},
    credential::{self, Secret},
};
use serde_json::Value;

use super::{Attempt, Caller, Check, Object, attempt::names_an_object, state};
use crate::{
    catalogue,
    outcome::{Ending, Outcome},
    session::{Judged, NoObject, Session},
    written::difference,
};

/// Why there is nothing to hold against the contract.
pub(crate) enum Stop {
    NotApplicable(String),
    Refused(String),
    NoResponse(ClientError),
}

/// Runs `attempt`.
pub async fn run(session: &Session, attempt: &Attempt) -> Outcome {
    let Some(operation) = session.contract.operation(&attempt.operation) else {
        return Outcome::of(Ending::Error(format!("the contract has no operation `{}`", attempt.operation)));
    };
    let (Some(tenant), Some(stranger)) = (session.bench_tenant(), session.stranger()) else {
        return Outcome::of(Ending::NotApplicable("the profile has only one tenant".to_owned()));
    };
    let reads = catalogue::reads_only(operation);
    if session.is_safe_only() && !(reads && attempt.object != Object::Own && attempt.check == Check::Answer) {
        let reason = "the target admits only cases that change nothing".to_owned();
        return Outcome::of(Ending::NotApplicable(reason));
    }
    let matrix = Matrix { session, operation, attempt, tenant, stranger };
    let own = BTreeSet::from([tenant.to_owned()]);
    let alone = attempt.check == Check::Trace;
    // A canary that is kept for a moment, as in a chat's session, would be found by whoever reads there meanwhile.
    let keeps = attempt.check == Check::Canary || tenant == session.main_tenant();
    let mutates = !reads && attempt.caller == Caller::Owner && keeps;
    let both = BTreeSet::from([tenant.to_owned(), stranger.to_owned()]);
    let _guard = session.guard(&both, |kept| if kept == tenant { mutates } else { alone }).await;
    let _turn = session.turn(&own).await;
    let began = Instant::now();
    let outcome = match attempt.check {
        Check::Answer => matrix.answer().await,
        Check::Canary => matrix.canaries().await,
        Check::Trace => matrix.trace().await,
    };
    let outcome = outcome.unwrap_or_else(|stop| match stop {
        Stop::NotApplicable(reason) => Outcome::of(Ending::NotApplicable(reason)),
        Stop::Refused(message) => Outcome::of(Ending::Fail(message)),
        Stop::NoResponse(error) => Outcome::no_response(&error),
    });
    Outcome { took: began.elapsed(), ..outcome }
}

/// Sends the example of `operation` on `object` as the owner does.
pub(crate) async fn ask(session: &Session, operation: &str, object: Object) -> Result<Judged, Stop> {
    let needs = |what: String| move || Stop::NotApplicable(what);
    let found = session.contract.operation(operation);
    let operation = found.ok_or_else(needs(format!("the contract has no operation `{operation}`")))?;
    let two = || needs("the profile has only one tenant".to_owned());
    let (tenant, stranger) = (session.bench_tenant().ok_or_else(two())?, session.stranger().ok_or_else(two())?);
    let attempt = Attempt { operation: operation.id.clone(), object, caller: Caller::Owner, check: Check::Answer };
    let matrix = Matrix { session, operation, attempt: &attempt, tenant, stranger };
    matrix.declared()?;
    matrix.send(object, None).await
}

struct Matrix<'a> {
    session: &'a Session,
    operation: &'a Operation,
    attempt: &'a Attempt,
    tenant: &'a str,
    stranger: &'a str,
}

impl Matrix<'_> {
    /// The answer is what the caller's right to the object says, and the same for a foreign object as for a missing one.
    async fn answer(&self) -> Result<Outcome, Stop> {
        let Attempt { object, caller, .. } = *self.attempt;
        if caller == Caller::Owner {
            self.declared()?;
        }
        let judged = self.send(object, None).await?;
        let mut problems = judged.problems;
        let status = judged.exchange.response.status;
        let code = judged.exchange.response.error_code().unwrap_or_default();
        let (expected, fits) = match (caller, object) {
            (Caller::Owner, Object::Own | Object::None) => ("a success", self.is_answered(&judged.exchange)),
            (Caller::Owner, Object::Foreign | Object::Missing) => {
                ("404 NOT_FOUND", status == 404 && code == "NOT_FOUND")
            }
            (Caller::Unscoped, _) => ("403 FORBIDDEN", status == 403 && code == "FORBIDDEN"),
            (Caller::Revoked | Caller::Expired | Caller::Unknown | Caller::Nobody, _) => {
                ("401 UNAUTHORIZED", status == 401 && code == "UNAUTHORIZED")
            }
        };
        if !fits {
            problems.push(format!("expected {expected}, found {status} {code}"));
        }
        if object == Object::Foreign {
            let missing = self.send(Object::Missing, None).await?;
            problems.extend(
                difference(&missing.exchange.response, &judged.exchange.response)
                    .map(|what| format!("another tenant's object is told from one that exists nowhere: {what}")),
            );
        }
        Ok(Outcome::judged(&problems, judged.exchange))
    }

    /// Nothing of the other tenant comes back when its marks are asked for.
    async fn canaries(&self) -> Result<Outcome, Stop> {
        let fixture = self.session.fixtures.tenant(self.stranger);
        let marks: Vec<&String> = fixture.into_iter().flat_map(|tenant| tenant.canaries.values()).collect();
        let Some(mark) = marks.first() else {
            return Err(Stop::NotApplicable(format!("the fixtures have no canary of `{}`", self.stranger)));
        };
        self.declared()?;
        let judged = self.send(Object::None, Some(mark)).await?;
        let mut problems = judged.problems;
        // What was not answered could not leak: it shows nothing.
        if !self.is_answered(&judged.exchange) {
            problems.push(format!("expected a success, found {}", judged.exchange.response.status));
        }
        Ok(Outcome::judged(&problems, judged.exchange))
    }

    /// The other tenant's state is the same before and after.
    async fn trace(&self) -> Result<Outcome, Stop> {
        self.declared()?;
        let before = state::of(self.session, self.stranger).await?;
        let judged = self.send(self.attempt.object, None).await?;
        let after = state::of(self.session, self.stranger).await?;
        let mut problems = judged.problems;
        if self.attempt.object == Object::None && !self.is_answered(&judged.exchange) {
            problems.push(format!("expected a success, found {}", judged.exchange.response.status));
        }
        if before != after {
            problems.push(format!("the state of `{}` is another after the request", self.stranger));
        }
        Ok(Outcome::judged(&problems, judged.exchange))
    }

    /// The owner's requests show something only where the operation works; what it answers elsewhere, other tests hold.
    fn declared(&self) -> Result<(), Stop> {
        let features = self.session.features(self.tenant);
        let needed = self.operation.feature.as_deref();
        match needed.filter(|needed| !features.iter().any(|feature| feature.as_str() == *needed)) {
            Some(needed) => {
                Err(Stop::NotApplicable(format!("`{}` does not declare the feature {needed}", self.tenant)))
            }
            None => Ok(()),
        }
    }

    /// Whether the request was let in and served: an example may name a tool that the tenant does not list, a job's result may not
    /// be there any more.
    fn is_answered(&self, exchange: &Exchange) -> bool {
        let status = exchange.response.status;
        let by_name = matches!(self.operation.id.as_str(), "execute_tool" | "get_tool") && matches!(status, 403 | 404);
        (200..300).contains(&status) || by_name
    }

    /// Sends the operation's example on `object`; `mark` stands in for the texts of its body.
    async fn send(&self, object: Object, mark: Option<&str>) -> Result<Judged, Stop> {
        let path = self.path(object).await?;
        let mut request = Request::new(&self.operation.method, &path);
        let mut body = self.body();
        if let (Some(body), Some(mark)) = (&mut body, mark) {
            for pointer in ["/query", "/text", "/messages/0/content", "/documents/0/content"] {
                if let Some(text) = body.pointer_mut(pointer) {
                    *text = Value::from(format!("What is {mark}?"));
                }
            }
        }
        if let Some(body) = &body {
            request = request.json(body);
        }
        let (request, tenant) = self.identify(request)?;
        let sent = self.session.send(&request, tenant, true).await;
        let judged = sent.map_err(Stop::NoResponse)?;
        catalogue::take_back(self.session, self.tenant, &self.operation.id, &judged.exchange, body.as_ref()).await;
        Ok(judged)
    }

    /// The smallest body that the contract gives as an example.
    fn body(&self) -> Option<Value> {
        self.operation.request.as_ref()?;
        let examples = self.session.examples.iter().filter(|case| {
            case.operation == self.operation.id && case.kind == Kind::Example && case.credential == Who::Own
        });
        examples.filter_map(|case| case.payload.json()).min_by_key(|body| body.to_string().len())
    }

    fn identify(&self, request: Request) -> Result<(Request, Option<&str>), Stop> {
        let session = self.session;
        let named = |name: &str| {
            let found = session.profile.credential(self.tenant, name);
            let reason = format!("the profile has no credential `{name}` of `{}`", self.tenant);
            found.ok_or(Stop::NotApplicable(reason))
        };
        Ok(match self.attempt.caller {
            Caller::Owner => {
                let owner = session.principal(self.tenant);
                let owner = owner.ok_or_else(|| Stop::NotApplicable("the profile has no credential".to_owned()))?;
                (request.bearer(&owner.secret), Some(self.tenant))
            }
            Caller::Unscoped => (request.bearer(&named("none")?.secret), Some(self.tenant)),
            Caller::Revoked => (request.bearer(&named("revoked")?.secret), None),
            Caller::Expired => (request.bearer(&named("expired")?.secret), None),
            Caller::Unknown => (request.bearer(&Secret::new(credential::unknown_key(self.stranger))), None),
            Caller::Nobody => (request, None),
        })
    }

    async fn path(&self, object: Object) -> Result<String, Stop> {
        let mut path = self.operation.path.clone();
        for parameter in self.operation.own_parameters().filter(|parameter| parameter.location == Location::Path) {
            let id =
                if names_an_object(self.operation) { self.id(object, &path).await? } else { "summarize".to_owned() };
            path = path.replace(&format!("{{{}}}", parameter.name), &id);
        }
        Ok(path)
    }

    /// An id of the kind that `path` asks for.
    async fn id(&self, object: Object, path: &str) -> Result<String, Stop> {
        let kind = path.split('/').nth(1).unwrap_or_default();
        let owner = match object {
            Object::Own | Object::None => self.tenant,
            Object::Foreign => self.stranger,
            Object::Missing => {
                return Ok(match kind {
                    "jobs" => "job_00000000000000000000000000".to_owned(),
                    "sessions" => format!("ses_{}", "0".repeat(32)),
                    _ => format!("conformance-{}-{}-nowhere", self.session.run, self.tenant),
                });
            }
        };
        let reason = || Stop::NotApplicable("nothing may be made on this target".to_owned());
        let objects = self.session.objects.get(owner).ok_or_else(reason)?;
        let deletes = self.operation.method == "DELETE"
            && object == Object::Own
            && self.attempt.caller == Caller::Owner
            && self.operation.scopes != Scopes::Open;
        let found = match kind {
            "documents" if deletes => objects.document(self.session).await,
            "jobs" if deletes => objects.job(self.session, false).await,
            "sessions" if deletes => objects.session(self.session).await,
            "documents" => objects.document.clone().ok_or_else(reason)?,
            "jobs" => objects.job.clone().ok_or_else(reason)?,
            "sessions" => objects.session.clone().ok_or_else(reason)?,
            _ => Err(NoObject::NotDeclared(format!("the suite knows no object of `{path}`"))),
        };
        found.map_err(|error| match error {
            NoObject::NotDeclared(reason) => Stop::NotApplicable(reason),
            NoObject::Refused(message) => Stop::Refused(message),
        })
    }
}
