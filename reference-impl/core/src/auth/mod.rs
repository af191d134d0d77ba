//! Who is calling: credentials in, a tenant's context out.

mod api_key;
mod authenticator;
mod context;
mod error;
mod keys;
mod token;

pub use api_key::{ApiKey, ApiKeyError};
pub use authenticator::{Authenticator, Presented};
pub use context::{Principal, RequestMark, TenantContext};
pub use error::{AuthError, Evidence, Refusal};
pub use keys::{KeySet, KeySetError};
pub use token::TokenSettings;
