//! Whose data it is: tenant ids, what each tenant is configured to have, and the context that proves a caller's tenant.

mod id;
mod registry;
pub(crate) mod scope;
mod settings;
mod values;

pub use crate::auth::{Principal, RequestMark, TenantContext};
pub use id::{TenantId, TenantIdError};
pub use registry::{Registry, RegistryError};
pub use scope::{Feature, Scope};
pub use settings::{Credential, CredentialState, KeyDigest, SettingsError, TenantSettings};
pub use values::{
    AnswerPrompt, BudgetSettings, Candidates, ChunkSettings, ChunkStrategy, ConfidenceThresholds, Fusion, Limits,
    ModelPrice, ModelSettings, RateLimits, RetrievalMode, RetrievalSettings, SafetyAction, SafetyDirection,
    SafetyFilter, SafetyRule, SessionSettings, SpeechSettings, Times, VectorSettings,
};
