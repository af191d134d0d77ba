//! Retrieval and search.

use std::sync::Arc;

use contract_types as wire;
use futures_util::{StreamExt, stream};
use reference_core::{platform::Platform, retrieve::RetrieveError, search::SearchRequest, tenancy::Feature};

use super::{ServiceParts, absent, decode, encode, kept, problem, script, sessions};
use crate::{
    Call, EventStream, Problem, Reply,
    generated::server::{RetrieveResponse, SearchOkBody, SearchResponse},
    sse::{Opening, Place, Script, Start},
};

pub(super) async fn retrieve(
    platform: &Platform,
    call: &Call,
    request: wire::RetrieveRequest,
) -> Result<RetrieveResponse, Problem> {
    let request = decode::retrieve(request).map_err(|error| problem::retrieve(&RetrieveError::from(error)))?;
    let retrieved = platform.retrieve(&call.tenant, &request).await.map_err(|error| problem::search(&error))?;
    Ok(RetrieveResponse::Ok(encode::retrieved(retrieved).into()))
}

pub(super) async fn search(
    parts: &ServiceParts,
    call: &Call,
    request: wire::SearchRequest,
) -> Result<SearchResponse, Problem> {
    let platform = &*parts.platform;
    let streamed = request.stream;
    if streamed && !call.tenant.settings().has_feature(Feature::SearchStreaming) {
        return Err(absent::problem(wire::Feature::SearchStreaming));
    }
    if request.session_id.is_some() && !call.tenant.settings().has_feature(Feature::Sessions) {
        return Err(absent::problem(wire::Feature::Sessions));
    }
    if request.rerank == Some(true) && platform.ports().reranker(&call.tenant).is_none() {
        return Err(absent::problem(wire::Feature::Rerank));
    }
    let session = request.session_id.clone();
    let mut request = decode::search(request).map_err(|error| problem::retrieve(&RetrieveError::from(error)))?;
    if let Some(id) = session {
        let id = sessions::id(&id)?;
        request.history = platform.session_turns(&call.tenant, &id).await.map_err(|error| problem::session(&error))?;
    }
    let body = if streamed {
        SearchOkBody::EventStream(open(parts, call, request).await?)
    } else {
        let answered = platform.answer_search(&call.tenant, request).await.map_err(|error| problem::search(&error))?;
        match kept::written(&answered, &call.request_id) {
            Some(written) => SearchOkBody::Written(written),
            None => SearchOkBody::Json(Box::new(encode::answer(answered.whole(), &call.request_id))),
        }
    };
    Ok(SearchResponse::Ok(Reply::from(body)))
}

/// Does everything that may refuse the request, takes a place, and leaves the rest to the stream.
async fn open(parts: &ServiceParts, call: &Call, request: SearchRequest) -> Result<EventStream, Problem> {
    let clock = &parts.platform.ports().clock;
    let began_us = clock.monotonic_us();
    let started = parts.platform.start_search(&call.tenant, request).await.map_err(|error| problem::search(&error))?;
    let limit = call.tenant.settings().limits.concurrent_streams;
    let place = parts.streams.take(&call.tenant).ok_or_else(|| problem::too_many_streams(limit))?;
    let start = Start { session_id: None, model: started.model().map(Into::into) };
    let (platform, request_id) = (Arc::clone(&parts.platform), call.request_id.clone());
    let answered = async move {
        let answered = platform.finish_search(started).await.map_err(|error| problem::search(&error))?;
        Ok(encode::answer(answered.whole(), &request_id))
    };
    let script = stream::once(answered).flat_map(|answer| stream::iter(script::search(answer)));
    Ok(opened(parts, call, Began { at_us: began_us, place }, start, Box::pin(script)))
}

/// When a stream's request came to its operation, and its place.
pub(super) struct Began {
    /// Microseconds of the monotonic clock.
    pub(super) at_us: u64,
    /// Its place among the tenant's streams.
    pub(super) place: Place,
}

/// A stream of what `script` says, with the tenant's times.
pub(super) fn opened(parts: &ServiceParts, call: &Call, began: Began, start: Start, script: Script) -> EventStream {
    let clock = &parts.platform.ports().clock;
    let times = &call.tenant.settings().times;
    let whole = |milliseconds: i64| u64::try_from(milliseconds).unwrap_or_default();
    let (caller, time) = (call.tenant.clone(), Arc::clone(clock));
    let now_us = clock.monotonic_us();
    let deadline_us = call.tenant.request().and_then(|request| request.deadline_us);
    let deadline_us =
        deadline_us.unwrap_or_else(|| began.at_us.saturating_add(whole(times.deadline_ms).saturating_mul(1000)));
    let opening = Opening {
        start,
        request_id: call.request_id.clone(),
        script,
        place: began.place,
        timer: Arc::clone(&parts.timer),
        heartbeat_ms: whole(times.heartbeat_ms),
        deadline_ms: deadline_us.saturating_sub(now_us) / 1000,
        expired: Box::new(move || caller.has_expired(time.now(caller.id()))),
    };
    opening.open()
}
