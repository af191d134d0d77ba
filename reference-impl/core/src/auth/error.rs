//! Why a caller was not let in.

use contract_types::ErrorCode;

/// Why no context was made. Messages are the same for every caller; what differs stands in the source, for the log alone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// A header that may stand once stands more often.
    #[error("header `{header}` must not be repeated")]
    DuplicateHeader {
        /// The header's name, in lower case.
        header: &'static str,
    },
    /// No `Authorization` header with a bearer credential.
    #[error("a bearer credential is required")]
    Missing,
    /// A bearer credential that proves nothing.
    #[error("the credential is not accepted")]
    NotAccepted(#[source] Refusal),
    /// A valid token for a tenant that this deployment does not serve.
    #[error("the tenant of the token is not configured")]
    TenantNotFound,
    /// Something about the request names another tenant than the credential does, whether that tenant exists or not.
    #[error("the request names another tenant than its credential")]
    TenantMismatch {
        /// What disagrees; for the log.
        by: Evidence,
    },
}

/// What may confirm a credential's tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    /// Header `x-tenant-id`.
    Header,
    /// The host name.
    Host,
}

/// What was wrong with a credential. For the log: no response tells these apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Neither an API key nor a compact JWT.
    #[error("it is neither an API key nor a token")]
    Malformed,
    /// The checksum does not fit; nothing was looked up.
    #[error("the checksum of the API key does not fit")]
    Checksum,
    /// No usable credential of the tenant has this digest.
    #[error("no active, unexpired credential has this key")]
    UnknownKey,
    /// The token's header asks for something that is not supported, such as a key of its own.
    #[error("the token's header is not supported")]
    Header,
    /// No key of the set has the token's `kid`.
    #[error("the token's key id is not known")]
    UnknownKeyId,
    /// The token's `alg` is not that of its key.
    #[error("the token's algorithm is not that of its key")]
    Algorithm,
    /// The signature does not fit.
    #[error("the token's signature does not fit")]
    Signature,
    /// A claim is missing, of the wrong type, or one that only identity tokens carry.
    #[error("the token's claims are not those of an access token")]
    Claims,
    /// Another issuer's token.
    #[error("the token's issuer is not trusted")]
    Issuer,
    /// A token for another service.
    #[error("the token is meant for another audience")]
    Audience,
    /// Past `exp`.
    #[error("the token has expired")]
    Expired,
    /// Before `nbf` or `iat`.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// Valid for longer than the platform allows.
    #[error("the token is valid for too long")]
    LifetimeTooLong,
}

impl AuthError {
    /// Contract code.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::DuplicateHeader { .. } => ErrorCode::ValidationError,
            Self::Missing | Self::NotAccepted(_) => ErrorCode::Unauthorized,
            Self::TenantNotFound => ErrorCode::TenantNotFound,
            Self::TenantMismatch { .. } => ErrorCode::TenantMismatch,
        }
    }

    /// Value of `www-authenticate`, for the variants that answer 401.
    pub fn challenge(&self) -> Option<&'static str> {
        match self {
            Self::Missing => Some(r#"Bearer realm="plumbline""#),
            Self::NotAccepted(_) => Some(r#"Bearer realm="plumbline", error="invalid_token""#),
            Self::DuplicateHeader { .. } | Self::TenantNotFound | Self::TenantMismatch { .. } => None,
        }
    }
}
