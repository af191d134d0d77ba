//! From a case to a request: credential, headers, query, body, and the ids in the path.

use bytes::Bytes;
use contracts::{
    catalogue::{Case, Credential, Payload},
    model::{Location, Operation, Scopes},
};
use harness::{
    client::{Request, percent_encode},
    credential::{self, Secret},
};
use serde_json::Value;

use super::Expected;
use crate::session::{NoObject, Session};

/// A request without its path, the tenant that it comes from, and its body as JSON.
pub(super) struct Prepared {
    pub(super) request: Unplaced,
    pub(super) tenant: Option<String>,
    pub(super) body: Option<Value>,
}

/// A request that still needs its path.
pub(super) struct Unplaced {
    method: String,
    query: String,
    headers: Vec<(String, String)>,
    pub(super) body: Option<Bytes>,
}

impl Unplaced {
    pub(super) fn at(self, path: &str) -> Request {
        Request { method: self.method, target: format!("{path}{}", self.query), headers: self.headers, body: self.body }
    }
}

/// Prepares a case, or says what the profile lacks.
pub(super) fn prepare(session: &Session, operation: &Operation, case: &Case) -> Result<Prepared, String> {
    let mut query: Vec<(String, String)> = case.query.clone();
    let mut headers: Vec<(String, String)> = Vec::new();
    let tenant = identify(session, operation, case.credential, &mut headers, &mut query)?;
    let body = match &case.payload {
        Payload::None => None,
        Payload::Raw { hex } => Some(Bytes::from(hex::decode(hex).unwrap_or_default())),
        Payload::Json { .. } | Payload::Filled { .. } | Payload::Repeated { .. } => {
            Some(Bytes::from(case.payload.json().unwrap_or_default().to_string()))
        }
    };
    if body.is_some() {
        headers.push(("content-type".to_owned(), "application/json".to_owned()));
    }
    for (name, value) in &case.headers {
        headers.retain(|(known, _)| known != name);
        let foreign = || session.stranger().ok_or("the profile has only one tenant");
        let value = if value == "{foreign}" { foreign()?.to_owned() } else { value.clone() };
        if !value.is_empty() {
            headers.push((name.clone(), value));
        }
    }
    let pairs: Vec<String> =
        query.iter().map(|(name, value)| format!("{}={}", percent_encode(name), percent_encode(value))).collect();
    let query = if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) };
    let method = case.method.clone().unwrap_or_else(|| operation.method.clone());
    Ok(Prepared { request: Unplaced { method, query, headers, body }, tenant, body: case.payload.json() })
}

/// Adds the credential of a case; gives the tenant that it proves.
fn identify(
    session: &Session,
    operation: &Operation,
    who: Credential,
    headers: &mut Vec<(String, String)>,
    query: &mut Vec<(String, String)>,
) -> Result<Option<String>, String> {
    let tenant = session.bench_tenant().unwrap_or_default();
    let needed = needed(operation);
    let own = || {
        let found = session.with_scope(tenant, &needed);
        found.ok_or_else(|| format!("the profile has no credential of `{tenant}` with {}", needed.join(", ")))
    };
    let mut authorize = |value: String| headers.push(("authorization".to_owned(), value));
    match who {
        Credential::Own if operation.scopes == Scopes::Open => return Ok(None),
        Credential::Own => {
            authorize(format!("Bearer {}", own()?.secret.expose()));
            return Ok(Some(tenant.to_owned()));
        }
        Credential::Unscoped => {
            let lacking = session.profile.of_tenant(tenant).filter(|credential| lacks(operation, credential));
            let usable = |name: &str| !matches!(name, "revoked" | "expired");
            let mut lacking: Vec<_> = lacking.filter(|credential| usable(&credential.name)).collect();
            lacking.sort_by_key(|credential| credential.name != "none");
            let found = lacking.first().ok_or_else(|| {
                format!("the profile has no credential of `{tenant}` that lacks the scopes of `{}`", operation.id)
            })?;
            authorize(format!("Bearer {}", found.secret.expose()));
            return Ok(Some(tenant.to_owned()));
        }
        Credential::None => {}
        Credential::EmptyBearer => authorize("Bearer".to_owned()),
        Credential::Basic => authorize(format!("Basic {}", own()?.secret.expose())),
        Credential::Junk => authorize("Bearer neither-a-key-nor-a-token".to_owned()),
        Credential::BadChecksum => authorize(bearer(credential::bad_checksum(tenant))),
        Credential::Unknown => authorize(bearer(credential::unknown_key(tenant))),
        Credential::InQuery => query.push(("access_token".to_owned(), own()?.secret.expose().to_owned())),
    }
    Ok(None)
}

fn bearer(key: String) -> String {
    format!("Bearer {}", Secret::new(key).expose())
}

/// The scopes that make a success possible. Of several the one that seeds the jobs is taken.
pub(crate) fn needed(operation: &Operation) -> Vec<String> {
    match &operation.scopes {
        Scopes::Open => Vec::new(),
        Scopes::AllOf(all) => all.clone(),
        Scopes::AnyOf(any) => {
            any.iter().find(|scope| *scope == "ingest:write").or(any.first()).cloned().into_iter().collect()
        }
    }
}

fn lacks(operation: &Operation, credential: &harness::credential::Credential) -> bool {
    match &operation.scopes {
        Scopes::Open => false,
        Scopes::AllOf(all) => all.iter().any(|scope| !credential.holds(scope)),
        Scopes::AnyOf(any) => any.iter().all(|scope| !credential.holds(scope)),
    }
}

/// The path of a case: its own values, or things that exist. What a case deletes is made for it.
pub(super) async fn path(
    session: &Session,
    operation: &Operation,
    case: &Case,
    expected: &Expected,
) -> Result<String, NoObject> {
    let mut path = operation.path.clone();
    for parameter in operation.own_parameters().filter(|parameter| parameter.location == Location::Path) {
        let given = case.path.iter().find(|(name, _)| *name == parameter.name).map(|(_, value)| value.clone());
        let value = if let Some(value) = given {
            value
        } else {
            let example = session.contract.resolve(&parameter.schema).pointer("/examples/0");
            let example = example.and_then(Value::as_str).unwrap_or("a").to_owned();
            match existing(session, operation, expected).await {
                // A refusal comes before anything is looked up, so any well-formed id will do.
                Err(NoObject::NotDeclared(_)) if !expected.may_succeed() => example,
                found => found?,
            }
        };
        path = path.replace(&format!("{{{}}}", parameter.name), &value);
    }
    Ok(path)
}

/// The id of something that exists, or of something made to be deleted.
async fn existing(session: &Session, operation: &Operation, expected: &Expected) -> Result<String, NoObject> {
    let nothing = || NoObject::NotDeclared("nothing may be made on this target".to_owned());
    let tenant = session.bench_tenant().unwrap_or_default();
    let objects = session.objects.get(tenant).ok_or_else(nothing)?;
    let throwaway = operation.method == "DELETE" && expected.may_succeed();
    let standing = |object: &Option<Result<String, NoObject>>| object.clone().unwrap_or_else(|| Err(nothing()));
    let first = operation.path.split('/').nth(1).unwrap_or_default();
    match first {
        "documents" if throwaway => objects.document(session).await,
        "documents" => standing(&objects.document),
        "jobs" if throwaway => objects.job(session, false).await,
        "jobs" => standing(&objects.job),
        "sessions" if throwaway => objects.session(session).await,
        "sessions" => standing(&objects.session),
        "tools" => {
            let tool = session.facts.get(tenant).and_then(|facts| facts.tools.first().cloned());
            tool.ok_or_else(|| NoObject::NotDeclared("the target declares no tool".to_owned()))
        }
        _ => Err(NoObject::NotDeclared(format!("the suite knows nothing that `{}` could name", operation.path))),
    }
}
