//! A tenant's whole state, as the control API digests it or, without one, as its own lists show it.

use harness::{
    client::{Bounds, Client, ClientError, Request},
    seed,
};
use serde_json::Value;

use crate::session::Session;

/// Most pages of a list that are read.
const MOST_PAGES: usize = 200;

/// The state of `tenant` as text: equal texts are equal states.
pub(super) async fn of(session: &Session, tenant: &str) -> Result<String, ClientError> {
    if let Some(control) = &session.target.control {
        let client = Client::new(control, Bounds::default())?;
        let exchange = client.send(&Request::new("GET", &format!("/tenants/{tenant}/digest"))).await?;
        return Ok(String::from_utf8_lossy(&exchange.response.body).into_owned());
    }
    let mut state = String::new();
    for (list, key) in [("/documents", "documents"), ("/jobs", "jobs")] {
        let mut cursor: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let query = cursor.as_ref().map_or(String::new(), |cursor| format!("?cursor={cursor}"));
            let request = Request::new("GET", &format!("{list}{query}"));
            let Some(credential) = session.principal(tenant) else { return Ok(state) };
            let exchange = seed::send_patiently(&session.client, &request.bearer(&credential.secret)).await?;
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
