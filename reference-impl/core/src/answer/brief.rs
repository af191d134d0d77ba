//! The extractive generator at its shortest: `extractive-brief-v1` answers with the one part of a sentence that answers best.
//! It reads no more than its elder, and is what a tenant can fall back on where another model usually writes.

use super::Extractive;
use crate::ports::{BoxFuture, Generation, GenerationRequest, Generator, GeneratorKind, ModelError};
use crate::tenancy::TenantContext;

/// Picks the part of a sentence that answers best.
#[derive(Debug, Clone, Copy, Default)]
pub struct ExtractiveBrief;

impl ExtractiveBrief {
    /// Id of the model.
    pub const MODEL: &'static str = "extractive-brief-v1";
}

impl Generator for ExtractiveBrief {
    fn model(&self) -> &str {
        Self::MODEL
    }

    fn kind(&self) -> GeneratorKind {
        GeneratorKind::Extractive
    }

    fn generate<'a>(
        &'a self,
        _tenant: &'a TenantContext,
        request: &'a GenerationRequest,
    ) -> BoxFuture<'a, Result<Generation, ModelError>> {
        Box::pin(async move {
            let sentences = Extractive::answer(request).into_iter().take(1).collect();
            Ok(Generation { sentences, written: None, tokens_in: None, tokens_out: None })
        })
    }
}
