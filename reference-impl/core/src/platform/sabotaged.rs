//! Flaws that reach into other tenants' stores.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::Value as Json;

use super::{ListError, Platform};
use crate::audit::Journal;
use crate::chat::{self, ChatRequest};
use crate::ids::{JobId, SessionId};
use crate::ingest::{Document, IngestError, documents};
use crate::ports::{Database, DatabaseError, EmbedPurpose, EmbedderKind};
use crate::retrieve::{RetrieveError, RetrieveRequest, Retrieved, Sources};
use crate::sabotage::{self, Sabotage};
use crate::session::{self, Session};
use crate::store::jobs::{self, Job};
use crate::tenancy::TenantContext;

/// The next id of the flaw that counts sessions instead of drawing their ids.
pub(super) fn counted_session() -> Option<SessionId> {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    sabotage::on(Sabotage::SessionIdsCounted)
        .then(|| format!("ses_{:026}", NEXT.fetch_add(1, Ordering::Relaxed)))
        .and_then(|id| SessionId::parse(&id))
}

impl Platform {
    /// A session of another tenant.
    pub(super) async fn foreign_session(&self, tenant: &TenantContext, id: &SessionId) -> Option<Session> {
        for other in sabotage::others(tenant) {
            if let Ok(database) = self.ports.databases.open(&other).await
                && let Ok(session) = session::read_session(&*database, id, chat::kept(&other, &*self.ports.clock)).await
            {
                return Some(session);
            }
        }
        None
    }

    /// What the flaw makes of a chat that names no session: it goes on with the latest one.
    pub(super) async fn misled(
        &self,
        tenant: &TenantContext,
        database: &Arc<dyn Database>,
        mut request: ChatRequest,
    ) -> ChatRequest {
        if request.session.is_none() && sabotage::on(Sabotage::ChatJoinsTheLatestSession) {
            let kept = chat::kept(tenant, &*self.ports.clock);
            let latest = session::read_list(&**database, None, 1, kept).await.unwrap_or_default();
            request.session = latest.into_iter().next().map(|it| it.id);
        }
        request
    }

    /// A document of another tenant, and the caller as it would be there.
    pub async fn foreign_document(&self, tenant: &TenantContext, id: &str) -> Option<(TenantContext, Document)> {
        for other in sabotage::others(tenant) {
            if let Ok(database) = self.ports.databases.open(&other).await
                && let Ok(document) = documents::get(&*database, id).await
            {
                return Some((other, document));
            }
        }
        None
    }

    /// A job of another tenant.
    pub(super) async fn foreign_job(&self, tenant: &TenantContext, id: &JobId) -> Option<Job> {
        for other in sabotage::others(tenant) {
            if let Ok(database) = self.ports.databases.open(&other).await
                && let Ok(Some(job)) = jobs::get(&*database, id, self.ports.clock.now(other.id())).await
            {
                return Some(job);
            }
        }
        None
    }

    /// Audit records of every tenant, for the flaw that mixes them.
    pub(super) async fn audit_of_all(
        &self,
        tenant: &TenantContext,
        mut own: Vec<(u64, Json)>,
    ) -> Result<Vec<(u64, Json)>, ListError> {
        if sabotage::on(Sabotage::AuditCrossesTenants) {
            for other in sabotage::others(tenant) {
                let database = self.ports.databases.open(&other).await.map_err(IngestError::from)?;
                let mut foreign = Journal::list(&*database, None, 5).await?;
                foreign.append(&mut own);
                own = foreign;
            }
        }
        Ok(own)
    }

    /// Brings every other tenant's index into memory, for the flaw that expands queries by their words.
    pub(super) async fn meet_strangers(&self, tenant: &TenantContext) -> Result<(), RetrieveError> {
        if sabotage::on(Sabotage::ExpansionsFromOtherTenants) {
            for other in sabotage::others(tenant) {
                let database = self.ports.databases.open(&other).await?;
                self.retriever.index(&other, &*database).await?;
                self.retriever.vocabulary(&other, &*database).await?;
            }
        }
        Ok(())
    }

    /// What the flaws that mix tenants make of a retrieval.
    pub(super) async fn among_strangers(
        &self,
        tenant: &TenantContext,
        request: &RetrieveRequest,
        mut retrieved: Retrieved,
    ) -> Result<Retrieved, RetrieveError> {
        if sabotage::on(Sabotage::TextsReachOtherModels) {
            for model in self.ports.embedders.iter().filter(|it| it.kind() == EmbedderKind::Remote) {
                // Whether it answers is all the same: the text is gone.
                let _ = model.embed(tenant, std::slice::from_ref(&request.query), EmbedPurpose::Query).await;
            }
        }
        let crossing = sabotage::on(Sabotage::RetrievalCrossesTenants);
        let crowding = sabotage::on(Sabotage::TenantFilteredAfterTopK);
        let named = request.filter.namespace().filter(|_| sabotage::on(Sabotage::NamespaceFilterChoosesTenant));
        let mut foreign = Vec::new();
        for other in sabotage::others(tenant) {
            let asked = named == Some(other.id().as_str());
            if crossing || crowding || asked {
                let request = if asked { RetrieveRequest::new(request.query.as_str()) } else { request.clone() };
                foreign.extend(self.retrieve_in(&other, &request).await?);
            }
        }
        if foreign.is_empty() {
            return Ok(retrieved);
        }
        let own: Vec<String> = retrieved.chunks.iter().map(|chunk| chunk.chunk_id.clone()).collect();
        retrieved.chunks.extend(foreign);
        retrieved
            .chunks
            .sort_by(|one, other| other.score.total_cmp(&one.score).then(one.chunk_id.cmp(&other.chunk_id)));
        retrieved.chunks.truncate(request.top_k);
        if crowding {
            retrieved.chunks.retain(|chunk| own.contains(&chunk.chunk_id));
        }
        retrieved.chunks.iter_mut().zip(1_u32..).for_each(|(chunk, rank)| chunk.rank = rank);
        Ok(retrieved)
    }

    async fn retrieve_in(
        &self,
        tenant: &TenantContext,
        request: &RetrieveRequest,
    ) -> Result<Vec<crate::retrieve::RankedChunk>, RetrieveError> {
        let database = self.ports.databases.open(tenant).await?;
        let missing = |model| RetrieveError::Database(DatabaseError::Unavailable { reason: model });
        let embedder = self.embedder(tenant).map_err(missing)?;
        let sources = Sources { database: &*database, embedder: &*embedder, reranker: None };
        let request = RetrieveRequest { rerank: None, explain: false, ..request.clone() };
        Ok(self.retriever.retrieve(tenant, &sources, &request, &[]).await?.chunks)
    }
}
