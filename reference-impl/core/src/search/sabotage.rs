//! Flaws of search that reach into other tenants or other documents.

use super::cache::{Stored, encode, shared_key};
use super::searcher::Searcher;
use super::understand::{Understood, understand};
use crate::answer::Answer;
use crate::retrieve::RankedChunk;
use crate::sabotage::{self, Sabotage};

impl Searcher<'_> {
    /// Stores an answer where other tenants look for it.
    pub(super) async fn share(&self, stored: &Stored) {
        if sabotage::on(Sabotage::CacheCrossesTenants) {
            let key = shared_key(&stored.answer.query.original);
            let _ = self.key_value.put(self.tenant, &key, encode(stored), i64::MAX).await;
        }
    }

    /// Takes over the answer that another tenant got to this query.
    pub(super) async fn take_shared(&self, key: &str, query: &str) {
        if !sabotage::on(Sabotage::CacheCrossesTenants) {
            return;
        }
        for other in sabotage::others(self.tenant) {
            if let Ok(Some(stored)) = self.key_value.get(&other, &shared_key(query)).await {
                let _ = self.key_value.put(self.tenant, key, stored, i64::MAX).await;
                return;
            }
        }
    }

    /// Expands the query by the words of every tenant whose index is at hand.
    pub(super) fn foreign_expansions(&self, understood: &mut Understood, query: &str) {
        if !sabotage::on(Sabotage::ExpansionsFromOtherTenants) {
            return;
        }
        for other in sabotage::others(self.tenant) {
            if let Some((vocabulary, chunks)) = self.retriever.held(&other) {
                let expansions = understand(query, &vocabulary, chunks, false).expansions;
                understood.expansions.extend(expansions);
            }
        }
        understood.expansions.dedup();
        understood.expansions.truncate(8);
    }

    /// Has the first citation name a document of the tenant that was not retrieved.
    pub(super) async fn cite_another(&self, mut answer: Answer, chunks: &[RankedChunk]) -> Answer {
        if sabotage::on(Sabotage::CitesWhatWasNotRetrieved)
            && let Some(first) = answer.citations.first_mut()
            && let Ok(index) = self.retriever.index(self.tenant, self.sources.database).await
        {
            let retrieved = |id: &str| chunks.iter().any(|chunk| chunk.document_id == id);
            if let Some(chunk) = index.positions().find(|chunk| !retrieved(&index.document(*chunk).id)) {
                first.document_id.clone_from(&index.document(chunk).id);
                index.chunk_id(chunk).clone_into(&mut first.chunk_id);
            }
        }
        answer
    }
}
