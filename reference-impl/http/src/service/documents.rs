//! Ingest, documents and their chunks.

use std::sync::Arc;

use contract_types as wire;
use reference_core::platform::Platform;

use super::{decode, encode, problem};
use crate::{
    Call, Problem, Reply,
    generated::server::{
        DeleteDocumentResponse, GetDocumentResponse, IngestResponse, ListDocumentChunksResponse, ListDocumentsResponse,
    },
};

pub(super) async fn ingest(
    platform: &Arc<Platform>,
    call: &Call,
    request: wire::IngestRequest,
) -> Result<IngestResponse, Problem> {
    let documents: Vec<_> = request.documents.into_iter().map(decode::document).collect();
    let options = decode::chunk_options(request.options);
    if request.r#async {
        let job =
            platform.start_ingest_job(&call.tenant, &documents, options).await.map_err(|error| problem::job(&error))?;
        let location = format!("/jobs/{}", job.id.as_str());
        let reply = Reply { body: encode::job(job), headers: vec![("location", location)] };
        return Ok(IngestResponse::Accepted(reply));
    }
    let report = platform.ingest(&call.tenant, &documents, options).await.map_err(|error| problem::ingest(&error))?;
    Ok(IngestResponse::Ok(encode::report(report).into()))
}

pub(super) async fn list(
    platform: &Platform,
    call: &Call,
    parameters: wire::ListDocumentsParameters,
) -> Result<ListDocumentsResponse, Problem> {
    let limit = usize::try_from(parameters.limit).unwrap_or(usize::MAX);
    let cursor = parameters.cursor.as_ref().map(|cursor| cursor.as_str());
    let page = platform.list_documents(&call.tenant, limit, cursor).await.map_err(|error| problem::list(&error))?;
    let mut list = wire::DocumentList::new(page.items.into_iter().map(encode::summary).collect());
    list.next_cursor = page.next_cursor.map(Into::into);
    Ok(ListDocumentsResponse::Ok(list.into()))
}

pub(super) async fn get(
    platform: &Platform,
    call: &Call,
    parameters: wire::GetDocumentParameters,
) -> Result<GetDocumentResponse, Problem> {
    let document = platform.get_document(&call.tenant, &parameters.id).await;
    #[cfg(feature = "sabotage")]
    if let Err(reference_core::ingest::IngestError::NotFound) = document
        && platform.foreign_document(&call.tenant, &parameters.id).await.is_some()
    {
        use reference_core::sabotage::{self, Sabotage};
        if sabotage::on(Sabotage::ForeignDocumentForbidden) {
            return Err(Problem::new(wire::ErrorCode::Forbidden, "this document is not yours"));
        }
        if sabotage::on(Sabotage::ForeignDocumentToldApart) {
            return Err(Problem::new(wire::ErrorCode::NotFound, "there is nothing with this id in your tenant"));
        }
    }
    let document = document.map_err(|error| problem::ingest(&error))?;
    Ok(GetDocumentResponse::Ok(encode::document(document).into()))
}

pub(super) async fn delete(
    platform: &Platform,
    call: &Call,
    parameters: wire::DeleteDocumentParameters,
) -> Result<DeleteDocumentResponse, Problem> {
    let chunks =
        platform.delete_document(&call.tenant, &parameters.id).await.map_err(|error| problem::ingest(&error))?;
    let deleted = wire::DocumentDeleted::new(parameters.id, true, u64::from(chunks));
    Ok(DeleteDocumentResponse::Ok(deleted.into()))
}

pub(super) async fn chunks(
    platform: &Platform,
    call: &Call,
    parameters: wire::ListDocumentChunksParameters,
) -> Result<ListDocumentChunksResponse, Problem> {
    let limit = usize::try_from(parameters.limit).unwrap_or(usize::MAX);
    let cursor = parameters.cursor.as_ref().map(|cursor| cursor.as_str());
    let page = platform.list_chunks(&call.tenant, &parameters.id, limit, cursor).await;
    let page = page.map_err(|error| problem::list(&error))?;
    let mut list = wire::ChunkList::new(page.items.into_iter().map(encode::chunk).collect());
    list.next_cursor = page.next_cursor.map(Into::into);
    Ok(ListDocumentChunksResponse::Ok(list.into()))
}
