//! Everything that one tenant is configured to have.

use std::collections::BTreeSet;
use std::fmt;

use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use super::{
    AnswerPrompt, BudgetSettings, ChunkSettings, Feature, Limits, ModelSettings, RateLimits, RetrievalSettings,
    SafetyRule, Scope, SessionSettings, SpeechSettings, TenantId, Times, VectorSettings,
};
use crate::ports::UnixMillis;

/// SHA-256 of an API key. Equality takes the same time whatever the digests are; `Debug` does not show it.
#[derive(Clone, Copy)]
pub struct KeyDigest([u8; 32]);

impl KeyDigest {
    /// Digest of a whole key.
    pub fn of(key: &str) -> Self {
        Self(Sha256::digest(key.as_bytes()).into())
    }

    /// Reads 64 lower-case hexadecimal digits; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        let lower = !text.bytes().any(|byte| byte.is_ascii_uppercase());
        (lower && hex::decode_to_slice(text, &mut bytes).is_ok()).then_some(Self(bytes))
    }

    /// 64 lower-case hexadecimal digits, as they stand in configuration.
    pub fn to_hex(self) -> String {
        hex::encode(self.0)
    }

    /// Compares in constant time without turning the outcome into a branch.
    pub(crate) fn equals(&self, other: &Self) -> Choice {
        self.0.ct_eq(&other.0)
    }
}

impl PartialEq for KeyDigest {
    fn eq(&self, other: &Self) -> bool {
        self.equals(other).into()
    }
}

impl Eq for KeyDigest {}

impl fmt::Debug for KeyDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyDigest(..)")
    }
}

/// Where an API key is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CredentialState {
    /// Accepted.
    Active,
    /// Accepted beside its successor.
    Rotating,
    /// Refused.
    Revoked,
}

/// One API key of a tenant, without the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// Name, unique within the tenant; never in a response.
    pub name: String,
    /// SHA-256 of the whole key.
    pub key_sha256: KeyDigest,
    /// What it may do.
    pub scopes: BTreeSet<Scope>,
    /// Where it is in its life.
    pub state: CredentialState,
    /// From when it is refused; `None` never expires.
    pub expires_at: Option<UnixMillis>,
    /// A published fixture key, accepted in demo mode alone.
    pub demo: bool,
}

/// One tenant's configuration, parsed and complete: what the file leaves out has its default here.
#[derive(Debug, Clone, PartialEq)]
pub struct TenantSettings {
    /// The tenant.
    pub tenant: TenantId,
    /// Name for people.
    pub display_name: String,
    /// Host names of the tenant alone, lower case, without port.
    pub hostnames: Vec<String>,
    /// Host names that links in answers may lead to, lower case, without port.
    pub link_hosts: Vec<String>,
    /// Origins that browsers may call from.
    pub cors_origins: Vec<String>,
    /// API keys.
    pub credentials: Vec<Credential>,
    /// Optional features that the tenant has.
    pub features: BTreeSet<Feature>,
    /// Models.
    pub models: ModelSettings,
    /// How the prompts of answers are written.
    pub answer_prompt: AnswerPrompt,
    /// How documents are cut.
    pub chunking: ChunkSettings,
    /// How the tenant retrieves.
    pub retrieval: RetrievalSettings,
    /// Where the candidates of the dense half come from.
    pub vectors: VectorSettings,
    /// Size limits.
    pub limits: Limits,
    /// Time spans.
    pub times: Times,
    /// Rate limits.
    pub rate_limits: RateLimits,
    /// Token budget; `None` counts and never refuses.
    pub budget: Option<BudgetSettings>,
    /// What is kept of chat sessions.
    pub sessions: SessionSettings,
    /// Safety rules, the platform's floor already applied.
    pub safety: Vec<SafetyRule>,
    /// Names of the tools that the tenant may call.
    pub tools: BTreeSet<String>,
    /// Speech synthesis.
    pub tts: SpeechSettings,
    /// Bound in milliseconds within which a write is visible to every read.
    pub consistency_ms: u32,
}

/// Which rule the settings of a tenant break that no schema can state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// Neighbouring chunks would be equal.
    #[error("`chunking.overlap_tokens` must be smaller than `chunking.size_tokens`")]
    OverlapTooLarge,
    /// Requests could not ask for the tenant's own default.
    #[error("`chunking.size_tokens` must not exceed `limits.chunk_size_tokens_max`")]
    ChunkTooLarge,
    /// Bands would be empty or overlap.
    #[error("`retrieval.confidence` must rise from `low` over `medium` to `high`")]
    BandsDoNotRise,
    /// A share outside 0 to 1.
    #[error("`retrieval.lexical_weight` must lie between 0 and 1")]
    WeightOutOfRange,
    /// Two credentials share a name.
    #[error("credential name `{name}` occurs twice")]
    DuplicateCredential {
        /// The name.
        name: String,
    },
    /// Two credentials share a key.
    #[error("the key of credential `{name}` occurs twice")]
    DuplicateKey {
        /// The later credential's name.
        name: String,
    },
    /// Two safety rules for one pair.
    #[error("safety rule {filter} for {direction} occurs twice")]
    DuplicateSafetyRule {
        /// The filter.
        filter: super::SafetyFilter,
        /// The direction.
        direction: super::SafetyDirection,
    },
    /// A host name that no request could be matched to.
    #[error("host name `{hostname}` must be in lower case, without port or final dot")]
    HostnameNotCanonical {
        /// The name.
        hostname: String,
    },
}

impl TenantSettings {
    /// Settings with nothing but defaults: no credentials, features, tools or host names.
    pub fn new(tenant: TenantId, display_name: impl Into<String>) -> Self {
        Self {
            tenant,
            display_name: display_name.into(),
            hostnames: Vec::new(),
            link_hosts: Vec::new(),
            cors_origins: Vec::new(),
            credentials: Vec::new(),
            features: BTreeSet::new(),
            models: ModelSettings::default(),
            answer_prompt: AnswerPrompt::default(),
            chunking: ChunkSettings::default(),
            retrieval: RetrievalSettings::default(),
            limits: Limits::default(),
            times: Times::default(),
            rate_limits: RateLimits::default(),
            budget: None,
            sessions: SessionSettings::default(),
            safety: Vec::new(),
            tools: BTreeSet::new(),
            tts: SpeechSettings::default(),
            consistency_ms: 0,
            vectors: VectorSettings::default(),
        }
    }

    /// Whether the tenant has `feature`.
    pub fn has_feature(&self, feature: Feature) -> bool {
        self.features.contains(&feature)
    }

    /// Whether a request of the tenant may name `model` as its generation model.
    pub fn allows_model(&self, model: &str) -> bool {
        self.models.generation == model || self.models.allowed.iter().any(|allowed| allowed == model)
    }

    /// Checks what the configuration's schema cannot say.
    ///
    /// # Errors
    ///
    /// The first [`SettingsError`] found.
    pub fn check(&self) -> Result<(), SettingsError> {
        let bands = self.retrieval.confidence;
        if self.chunking.overlap_tokens >= self.chunking.size_tokens {
            return Err(SettingsError::OverlapTooLarge);
        }
        if self.chunking.size_tokens > self.limits.chunk_size_tokens_max {
            return Err(SettingsError::ChunkTooLarge);
        }
        if !(0.0..=1.0).contains(&self.retrieval.lexical_weight) {
            return Err(SettingsError::WeightOutOfRange);
        }
        if !(bands.low < bands.medium && bands.medium < bands.high) {
            return Err(SettingsError::BandsDoNotRise);
        }
        for (at, credential) in self.credentials.iter().enumerate() {
            for earlier in self.credentials.iter().take(at) {
                if earlier.name == credential.name {
                    return Err(SettingsError::DuplicateCredential { name: credential.name.clone() });
                }
                if earlier.key_sha256 == credential.key_sha256 {
                    return Err(SettingsError::DuplicateKey { name: credential.name.clone() });
                }
            }
        }
        for (at, rule) in self.safety.iter().enumerate() {
            if self.safety.iter().take(at).any(|it| it.filter == rule.filter && it.direction == rule.direction) {
                return Err(SettingsError::DuplicateSafetyRule { filter: rule.filter, direction: rule.direction });
            }
        }
        match self.hostnames.iter().find(|name| super::registry::canonical_host(name).as_deref() != Some(name.as_str()))
        {
            Some(hostname) => Err(SettingsError::HostnameNotCanonical { hostname: hostname.clone() }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{SafetyAction, SafetyDirection, SafetyFilter};
    use super::*;

    fn settings() -> TenantSettings {
        TenantSettings::new(TenantId::parse("aurora-bikes").unwrap(), "Aurora Bikes")
    }

    #[test]
    fn accepts_its_own_defaults() {
        assert_eq!(settings().check(), Ok(()));
    }

    #[test]
    fn names_the_rule_that_settings_break() {
        type Case = (fn(&mut TenantSettings), SettingsError);

        let credential = |name: &str, key: &str| Credential {
            name: name.to_owned(),
            key_sha256: KeyDigest::of(key),
            scopes: BTreeSet::new(),
            state: CredentialState::Active,
            expires_at: None,
            demo: false,
        };
        let rule = SafetyRule {
            filter: SafetyFilter::Abuse,
            direction: SafetyDirection::Input,
            threshold: 0.5,
            action: SafetyAction::Flag,
        };
        let cases: [Case; 4] = [
            (|it| it.chunking.overlap_tokens = it.chunking.size_tokens, SettingsError::OverlapTooLarge),
            (|it| it.chunking.size_tokens = it.limits.chunk_size_tokens_max + 1, SettingsError::ChunkTooLarge),
            (|it| it.retrieval.confidence.low = it.retrieval.confidence.medium, SettingsError::BandsDoNotRise),
            (|it| it.retrieval.lexical_weight = f64::NAN, SettingsError::WeightOutOfRange),
        ];
        for (change, expected) in cases {
            let mut changed = settings();
            change(&mut changed);
            assert_eq!(changed.check(), Err(expected));
        }
        let mut twice = settings();
        twice.credentials = vec![credential("a", "1"), credential("a", "2")];
        assert!(matches!(twice.check(), Err(SettingsError::DuplicateCredential { .. })));
        twice.credentials = vec![credential("a", "1"), credential("b", "1")];
        assert!(matches!(twice.check(), Err(SettingsError::DuplicateKey { .. })));
        twice.credentials.clear();
        twice.safety = vec![rule, rule];
        assert!(matches!(twice.check(), Err(SettingsError::DuplicateSafetyRule { .. })));
        twice.safety.clear();
        for hostname in ["A.example", "a.example.", "a.example:80", ""] {
            twice.hostnames = vec![hostname.to_owned()];
            assert!(matches!(twice.check(), Err(SettingsError::HostnameNotCanonical { .. })), "{hostname:?}");
        }
    }

    #[test]
    fn shows_no_digest() {
        let digest = KeyDigest::of("pl_a_b");
        assert_eq!(format!("{digest:?}"), "KeyDigest(..)");
        assert_eq!(KeyDigest::parse(&digest.to_hex()), Some(digest));
        assert_eq!(KeyDigest::parse(&digest.to_hex().to_uppercase()), None);
    }
}
