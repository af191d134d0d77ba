//! all-MiniLM-L6-v2 on the processors of this host.

use std::sync::Arc;

use futures_util::future::try_join_all;
use minilm::MiniLm;
use reference_core::ports::{BoxFuture, EmbedPurpose, Embedded, Embedder, EmbedderKind, ModelError};
use reference_core::tenancy::TenantContext;
use tokio::sync::Semaphore;

/// Texts that one thread takes at a time: some tenths of a second, after which others get their turn.
const PORTION: usize = 8;

/// Embeds on threads for blocking work, so that those which answer requests stay free.
///
/// Documents and queries have places of their own, one for each processor: an ingestion may use all processors, and a query
/// shares them with it and does not wait for its end.
#[derive(Debug)]
pub struct MiniLmEmbedder {
    model: Arc<MiniLm>,
    documents: Arc<Semaphore>,
    queries: Arc<Semaphore>,
}

impl MiniLmEmbedder {
    /// Id of the model.
    pub const MODEL: &'static str = minilm::MODEL;

    /// An embedder with `places` for documents and as many for queries.
    pub fn new(model: Arc<MiniLm>, places: usize) -> Self {
        let places = || Arc::new(Semaphore::new(places.max(1)));
        Self { model, documents: places(), queries: places() }
    }

    async fn portion(&self, texts: &[String], places: &Arc<Semaphore>) -> Result<Vec<Vec<f32>>, ModelError> {
        let stopped =
            |reason: &str| ModelError::Unavailable { model: Self::MODEL.to_owned(), reason: reason.to_owned() };
        let place = Arc::clone(places).acquire_owned().await.map_err(|_| stopped("the server stops"))?;
        let (model, texts) = (Arc::clone(&self.model), texts.to_vec());
        let work = tokio::task::spawn_blocking(move || {
            // Held to the end of the work, also where nobody waits for it any more.
            let _place = place;
            model.embed(&texts)
        });
        work.await.map_err(|error| stopped(if error.is_panic() { "it panicked" } else { "it was stopped" }))
    }
}

impl Embedder for MiniLmEmbedder {
    fn model(&self) -> &str {
        Self::MODEL
    }

    fn dimensions(&self) -> usize {
        minilm::DIMENSIONS
    }

    fn kind(&self) -> EmbedderKind {
        EmbedderKind::Neural
    }

    fn embed<'a>(
        &'a self,
        _tenant: &'a TenantContext,
        texts: &'a [String],
        purpose: EmbedPurpose,
    ) -> BoxFuture<'a, Result<Embedded, ModelError>> {
        let places = match purpose {
            EmbedPurpose::Document => &self.documents,
            EmbedPurpose::Query => &self.queries,
        };
        Box::pin(async move {
            let portions = try_join_all(texts.chunks(PORTION).map(|texts| self.portion(texts, places))).await?;
            Ok(portions.into_iter().flatten().collect::<Vec<_>>().into())
        })
    }
}

#[cfg(test)]
mod tests {
    use reference_core::testkit::TestTenants;

    use super::*;

    #[tokio::test]
    async fn embeds_in_order_whatever_the_number_of_places() {
        let owner = TestTenants::new().owner();
        let model = Arc::new(MiniLm::load().unwrap());
        let texts: Vec<String> = (0..PORTION * 2 + 3).map(|at| format!("well number {at} is clear")).collect();
        let expected = model.embed(&texts);
        for places in [0, 1, 3] {
            let embedder = MiniLmEmbedder::new(Arc::clone(&model), places);
            assert_eq!(embedder.embed(&owner, &texts, EmbedPurpose::Document).await.unwrap().vectors, expected);
        }
        let embedder = MiniLmEmbedder::new(model, 1);
        assert!(embedder.embed(&owner, &[], EmbedPurpose::Document).await.unwrap().vectors.is_empty());
        assert_eq!((embedder.model(), embedder.dimensions()), ("all-minilm-l6-v2-int8", 384));
    }

    #[tokio::test]
    async fn answers_a_query_while_every_place_for_documents_is_taken() {
        let owner = TestTenants::new().owner();
        let embedder = MiniLmEmbedder::new(Arc::new(MiniLm::load().unwrap()), 1);
        let taken = embedder.documents.acquire().await.unwrap();
        let query = ["is well seven clear".to_owned()];
        assert_eq!(embedder.embed(&owner, &query, EmbedPurpose::Query).await.unwrap().vectors.len(), 1);
        drop(taken);
    }
}
