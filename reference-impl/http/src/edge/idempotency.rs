//! The same request, sent again, gets the same answer again.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode},
    response::Response,
};
use contract_types::ErrorCode;
use futures_util::future::Future;
use http_body_util::BodyExt;
use reference_core::{
    ports::Database,
    sabotage::{self, Sabotage},
    store::idempotency::{self, Attempt, Begun, Lease, StoredAnswer},
    tenancy::TenantContext,
};

use super::{Edge, deadline::Deadline, overdue, unavailable};
use crate::{
    operation::Operation,
    reply::{Failed, Problem, insert},
};

/// How often a waiting request looks whether the first one is done.
const LOOK_EVERY_MS: u64 = 20;
/// Headers that belong to the stored answer.
const STORED: [&str; 3] = ["content-type", "location", "x-tts-provider"];

/// The request's key, where the operation takes one.
pub(super) fn key<'a>(operation: &Operation, headers: &'a HeaderMap) -> Option<&'a str> {
    operation.idempotent.then(|| headers.get("idempotency-key")?.to_str().ok()).flatten()
}

impl Edge {
    /// Runs the call once for a key and body, and replays its answer to every repetition.
    pub(super) async fn once<R, F>(
        &self,
        operation: &Operation,
        tenant: &TenantContext,
        deadline: &Deadline,
        key: &str,
        body: &[u8],
        run: R,
    ) -> Result<Response, Problem>
    where
        R: FnOnce() -> F,
        F: Future<Output = Response>,
    {
        let request_hash = idempotency::request_hash(body);
        let attempt = Attempt { operation: operation.id, key, request_hash: &request_hash };
        let times = &tenant.settings().times;
        let (lease_ms, ttl_ms) = (times.deadline_ms, times.idempotency_ttl_ms);
        let opened = deadline.before(self.parts.databases.open(tenant)).await.ok_or_else(overdue)?;
        let database = opened.map_err(|error| unavailable(&error))?;
        #[cfg(feature = "sabotage")]
        let database = self.idempotency_store(tenant, database).await?;
        let database = &*database;
        loop {
            let now = self.parts.clock.now(tenant.id());
            let begun = deadline.before(idempotency::begin(database, &attempt, now, lease_ms, ttl_ms)).await;
            match begun.ok_or_else(overdue)?.map_err(|error| unavailable(&error))? {
                Begun::Fresh(lease) => {
                    let answer = run().await;
                    // The answer may have taken all the time there was; keeping it, or giving the key back, has a little more.
                    let kept = self.first(tenant, database, &lease, answer, ttl_ms);
                    return deadline.before_grace(&*self.parts.timer, kept).await.unwrap_or_else(|| Err(overdue()));
                }
                Begun::Replay(answer) => return Ok(replay(answer)),
                Begun::Wait { .. } if sabotage::on(Sabotage::IdempotencyRunsTwiceAtOnce) => return Ok(run().await),
                Begun::Conflict => {
                    let message = "this idempotency key was used with another body; send a new key";
                    return Err(Problem::new(ErrorCode::IdempotencyConflict, message));
                }
                Begun::Wait { .. } => {
                    deadline.before(self.parts.timer.sleep(LOOK_EVERY_MS)).await.ok_or_else(overdue)?;
                }
            }
        }
    }

    /// Stores the first answer; a failure that a retry may mend gives the key back instead.
    async fn first(
        &self,
        tenant: &TenantContext,
        database: &dyn Database,
        lease: &Lease,
        answer: Response,
        ttl_ms: i64,
    ) -> Result<Response, Problem> {
        if let Some(failed) = answer.extensions().get::<Failed>()
            && sabotage::on(Sabotage::IdempotencyKeepsFailures)
        {
            let body = serde_json::to_vec(&failed.body("kept")).unwrap_or_default();
            let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
            let stored = StoredAnswer { status: answer.status().as_u16(), headers, body };
            let now = self.parts.clock.now(tenant.id());
            idempotency::complete(database, lease, &stored, now, ttl_ms).await.map_err(|error| unavailable(&error))?;
            return Ok(answer);
        }
        if answer.extensions().get::<Failed>().is_some() {
            idempotency::abandon(database, lease).await.map_err(|error| unavailable(&error))?;
            return Ok(answer);
        }
        let (parts, body) = answer.into_parts();
        let body = body.collect().await.map_err(|error| Problem::internal(&error))?.to_bytes();
        let kept = STORED
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), parts.headers.get(*name)?.to_str().ok()?.to_owned())));
        let stored = StoredAnswer { status: parts.status.as_u16(), headers: kept.collect(), body: body.to_vec() };
        let now = self.parts.clock.now(tenant.id());
        idempotency::complete(database, lease, &stored, now, ttl_ms).await.map_err(|error| unavailable(&error))?;
        Ok(Response::from_parts(parts, Body::from(body)))
    }
}

fn replay(stored: StoredAnswer) -> Response {
    let mut answer = Response::new(Body::from(stored.body));
    *answer.status_mut() = StatusCode::from_u16(stored.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in stored.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            answer.headers_mut().insert(name, value);
        }
    }
    if !sabotage::on(Sabotage::IdempotencyReplayUnmarked) {
        insert(answer.headers_mut(), "idempotent-replayed", "true");
    }
    answer
}
