//! An index of vectors elsewhere, which names candidates and decides nothing.

use serde_json::{Map, Value as Json};

use super::{BoxFuture, UnixMillis};
use crate::tenancy::TenantContext;

/// Most candidates of one look-up.
pub const MOST_NEAREST: usize = 100;
/// Most bytes of a string that a filter compares.
pub const FILTERED_BYTES: usize = 64;
/// Most bytes of a filter as JSON, exclusive.
pub const FILTER_BYTES: usize = 2048;

/// Why the index did not answer. Callers go on without it.
#[derive(Debug, thiserror::Error)]
pub enum VectorError {
    /// The host could not be reached, or is out of service.
    #[error("vector index is unavailable: {reason}")]
    Unavailable {
        /// What the host said; goes to the log, never to a client.
        reason: String,
    },
    /// The host does not take what it was sent, such as vectors of another length.
    #[error("vector index refused: {reason}")]
    Refused {
        /// What the host said; goes to the log, never to a client.
        reason: String,
    },
}

/// A vector as the index holds it.
#[derive(Debug, Clone, PartialEq)]
pub struct KeptVector {
    /// Its id: at most 64 bytes of letters, digits and hyphens.
    pub id: String,
    /// Its numbers.
    pub values: Vec<f32>,
    /// What the index may filter by: scalars, strings of at most [`FILTERED_BYTES`].
    pub metadata: Map<String, Json>,
}

/// Vectors in a space for each tenant. Writes are seen later.
pub trait VectorIndex: Send + Sync {
    /// Puts vectors in the place of those with the same ids; returns the name of the mutation.
    ///
    /// # Errors
    ///
    /// [`VectorError`]; some may be taken.
    fn put<'a>(
        &'a self,
        tenant: &'a TenantContext,
        vectors: Vec<KeptVector>,
    ) -> BoxFuture<'a, Result<String, VectorError>>;

    /// Removes vectors; ids that are not there are no error. Returns the name of the mutation.
    ///
    /// # Errors
    ///
    /// [`VectorError`]; some may be removed.
    fn remove<'a>(&'a self, tenant: &'a TenantContext, ids: Vec<String>) -> BoxFuture<'a, Result<String, VectorError>>;

    /// Whether a mutation is seen by look-ups.
    ///
    /// - `since`: when it was taken, by the machine's clock. A host that names only its latest mutation tells by time.
    ///
    /// # Errors
    ///
    /// [`VectorError`].
    fn is_visible<'a>(
        &'a self,
        tenant: &'a TenantContext,
        mutation: &'a str,
        since: UnixMillis,
    ) -> BoxFuture<'a, Result<bool, VectorError>>;

    /// Ids of about the nearest [`MOST_NEAREST`] of the tenant's vectors, in no certain order; deleted ones may be among them.
    ///
    /// - `filter`: a filter of the contract's form over what the vectors' metadata hold.
    ///
    /// # Errors
    ///
    /// [`VectorError`].
    fn nearest<'a>(
        &'a self,
        tenant: &'a TenantContext,
        vector: &'a [f32],
        filter: Option<Map<String, Json>>,
    ) -> BoxFuture<'a, Result<Vec<String>, VectorError>>;
}
