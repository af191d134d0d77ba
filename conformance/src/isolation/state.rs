//! A tenant's whole state, as the control API digests it or, without one, as its own lists show it.

use harness::{
    client::{Bounds, Client, Exchange, Request},
    seed,
};
use serde_json::Value;

use super::run::Stop;
use crate::session::Session;

/// Most pages of a list that are read.
const MOST_PAGES: usize = 200;

/// The state of `tenant` as text: equal texts are equal states.
///
/// # Errors
///
/// [`Stop`] when it cannot be read: two states that nobody could read are not equal.
pub(super) async fn of(session: &Session, tenant: &str) -> Result<String, Stop> {
    if let Some(control) = &session.target.control {
        let client = Client::new(control, Bounds::default()).map_err(Stop::NoResponse)?;
        let request = Request::new("GET", &format!("/tenants/{tenant}/digest"));
        let exchange = client.send(&request).await.map_err(Stop::NoResponse)?;
        read(&exchange)?;
        return Ok(String::from_utf8_lossy(&exchange.response.body).into_owned());
    }
    let mut state = String::new();
    for (list, key) in [("/documents", "documents"), ("/jobs", "jobs")] {
        let mut cursor: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let query = cursor.as_ref().map_or(String::new(), |cursor| format!("?cursor={cursor}"));
            let request = Request::new("GET", &format!("{list}{query}"));
            let credential = session.principal(tenant);
            let missing = || Stop::NotApplicable(format!("the profile has no credential of `{tenant}`"));
            let request = request.bearer(&credential.ok_or_else(missing)?.secret);
            let sent = seed::send_patiently(&session.client, &request).await;
            let exchange = sent.map_err(Stop::NoResponse)?;
            if list == "/jobs" && exchange.response.status == 501 {
                break;
            }
            read(&exchange)?;
            let body = exchange.response.json().unwrap_or_default();
            state.push_str(&body[key].to_string());
            cursor = body["next_cursor"].as_str().map(str::to_owned);
            if cursor.is_none() || body[key] == Value::Null {
                break;
            }
        }
    }
    Ok(state)
}

/// That the state was answered.
fn read(exchange: &Exchange) -> Result<(), Stop> {
    let status = exchange.response.status;
    let target = &exchange.request.target;
    if status == 200 { Ok(()) } else { Err(Stop::Refused(format!("GET {target} to compare states answered {status}"))) }
}
