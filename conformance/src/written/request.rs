//! From a step to a request: path, query, headers, credential or token, and body.

use bytes::Bytes;
use harness::{
    client::{Request, percent_encode},
    credential::Secret,
    token::{self, Difference},
};
use serde_json::{Map, Value};

use super::{
    format::{Caller, SignatureForm, Step, Token},
    run::Stop,
    template::{Variables, unix_seconds},
};
use crate::session::Session;

/// The request of a step.
pub(super) fn build(variables: &Variables<'_>, step: &Step, tenant: &str) -> Result<Request, Stop> {
    let session = variables.session;
    let form = &step.request;
    let text = |text: &str| variables.text(text, tenant).map_err(Stop::Error);
    let mut pairs = Vec::new();
    for (name, value) in &form.query {
        let values = if let Value::Array(items) = value { items.clone() } else { vec![value.clone()] };
        for value in values {
            let value = variables.json(&value, tenant).map_err(Stop::Error)?;
            pairs.push(format!("{}={}", percent_encode(&text(name)?), percent_encode(&plain(&value))));
        }
    }
    let mut target = text(&form.path)?;
    if !pairs.is_empty() {
        target = format!("{target}?{}", pairs.join("&"));
    }
    let mut request = Request::new(&form.method, &target);
    match &step.caller {
        Caller::Main => request = request.bearer(&credential(session, tenant, "all")?.secret),
        Caller::Word(_) => {}
        Caller::Named(identity) => match (&identity.raw, &identity.jwt) {
            (Some(raw), _) => request = request.header("authorization", &text(raw)?),
            (None, Some(token)) => request = request.bearer(&self::token(variables, token, tenant)?),
            (None, None) => {
                let key = identity.key.as_deref().unwrap_or("all");
                request = request.bearer(&credential(session, tenant, key)?.secret);
            }
        },
    }
    if let Some(body) = &form.body {
        request = request.json(&variables.json(body, tenant).map_err(Stop::Error)?);
    } else if let Some(raw) = &form.raw {
        request.body = Some(Bytes::from(text(raw)?));
        request = request.header("content-type", "application/json");
    } else if let Some(file) = &form.body_file {
        let path = session.fixtures.root().join(file);
        let bytes = std::fs::read(&path).map_err(|cause| Stop::Error(format!("{}: {cause}", path.display())))?;
        request.body = Some(Bytes::from(bytes));
        request = request.header("content-type", "application/json");
    }
    for (name, value) in &form.headers {
        let name = name.to_ascii_lowercase();
        request.headers.retain(|(known, _)| *known != name);
        let values = if let Value::Array(items) = value { items.clone() } else { vec![value.clone()] };
        for value in values {
            let value = plain(&variables.json(&value, tenant).map_err(Stop::Error)?);
            if !value.is_empty() {
                request.headers.push((name.clone(), value));
            }
        }
    }
    Ok(request)
}

fn credential<'a>(session: &'a Session, tenant: &str, key: &str) -> Result<&'a harness::credential::Credential, Stop> {
    let found = session.profile.credential(tenant, key);
    found.ok_or_else(|| Stop::NotApplicable(format!("the profile has no credential `{key}` of `{tenant}`")))
}

pub(super) fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Makes the token that a step asks for.
fn token(variables: &Variables<'_>, form: &Token, tenant: &str) -> Result<Secret, Stop> {
    let maker = variables.session.profile.tokens.as_ref();
    let maker = maker.ok_or_else(|| Stop::NotApplicable("the profile has no key to sign tokens with".to_owned()))?;
    let fields = |fields: &Map<String, Value>| match variables.json(&Value::Object(fields.clone()), tenant) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) => Ok(Map::new()),
        Err(message) => Err(Stop::Error(message)),
    };
    let difference = Difference { header: fields(&form.header)?, claims: fields(&form.claims)? };
    let scopes = form.scopes.clone().unwrap_or_else(|| vec!["admin".to_owned()]);
    let made = maker.make(form.key.as_deref(), tenant, &scopes, unix_seconds(), &difference);
    let missing =
        || Stop::NotApplicable(format!("the profile has no token key `{}`", form.key.as_deref().unwrap_or("")));
    let made = made.ok_or_else(missing)?;
    Ok(Secret::new(match form.signature {
        SignatureForm::Right => made,
        SignatureForm::Altered => token::altered(&made),
        SignatureForm::Empty => token::unsigned(&made),
    }))
}
