//! Flaws that reach into other tenants' stores.

use serde_json::Value as Json;

use super::{ListError, Platform};
use crate::audit::Journal;
use crate::ids::JobId;
use crate::ingest::{Document, IngestError, documents};
use crate::ports::DatabaseError;
use crate::retrieve::{RetrieveError, RetrieveRequest, Retrieved, Sources};
use crate::sabotage::{self, Sabotage};
use crate::store::jobs::{self, Job};
use crate::tenancy::TenantContext;

impl Platform {
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
