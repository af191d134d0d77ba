//! Retrieval and search.

use contract_types as wire;
use reference_core::{platform::Platform, retrieve::RetrieveError};

use super::{absent, decode, encode, problem};
use crate::{
    Call, Problem, Reply,
    generated::server::{RetrieveResponse, SearchOkBody, SearchResponse},
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
    platform: &Platform,
    call: &Call,
    request: wire::SearchRequest,
) -> Result<SearchResponse, Problem> {
    if request.stream {
        return Err(absent::problem(wire::Feature::SearchStreaming));
    }
    if request.session_id.is_some() {
        return Err(absent::problem(wire::Feature::Sessions));
    }
    if request.rerank == Some(true) && platform.ports().reranker(&call.tenant).is_none() {
        return Err(absent::problem(wire::Feature::Rerank));
    }
    let request = decode::search(request).map_err(|error| problem::retrieve(&RetrieveError::from(error)))?;
    let answer = platform.search(&call.tenant, &request).await.map_err(|error| problem::search(&error))?;
    let body = SearchOkBody::Json(Box::new(encode::answer(answer, &call.request_id)));
    Ok(SearchResponse::Ok(Reply::from(body)))
}
