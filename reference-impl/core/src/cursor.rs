//! Cursors for paging: opaque to clients, authenticated, bound to tenant and operation.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use contract_types::ErrorCode;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::sabotage::{self, Sabotage};
use crate::tenancy::TenantContext;

const TAG_BYTES: usize = 16; // HMAC-SHA-256 cut to 128 bits
const CURSOR_MAX_CHARS: usize = 512;

/// Makes and reads cursors, with a key for each tenant that is derived from one secret of the platform.
#[derive(Clone)]
pub struct Cursors {
    secret: Vec<u8>,
}

/// A cursor that this platform did not make for this tenant and operation, or that was edited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a cursor that this operation returned")]
pub struct CursorError;

impl CursorError {
    /// Contract code.
    pub fn code(&self) -> ErrorCode {
        ErrorCode::ValidationError
    }
}

impl Cursors {
    /// - `secret`: random bytes, at least 32, the same on every instance of a deployment; changing it ends all paging.
    pub fn new(secret: &[u8]) -> Self {
        Self { secret: secret.to_vec() }
    }

    /// A cursor for `position`, an operation's own text for where a page ended. Positions of up to 350 bytes keep cursors
    /// within the contract's 512 characters.
    pub fn seal(&self, tenant: &TenantContext, operation: &str, position: &str) -> String {
        let mut bytes = self.mac(tenant, operation, position.as_bytes()).finalize().into_bytes().to_vec();
        bytes.truncate(TAG_BYTES);
        bytes.extend_from_slice(position.as_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The position that [`Cursors::seal`] was given.
    ///
    /// # Errors
    ///
    /// [`CursorError`], the same whether the cursor is another tenant's, another operation's, edited or junk.
    pub fn open(&self, tenant: &TenantContext, operation: &str, cursor: &str) -> Result<String, CursorError> {
        if cursor.len() > CURSOR_MAX_CHARS {
            return Err(CursorError);
        }
        let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| CursorError)?;
        let (tag, position) = bytes.split_at_checked(TAG_BYTES).ok_or(CursorError)?;
        if !sabotage::on(Sabotage::CursorNotAuthenticated) {
            self.mac(tenant, operation, position).verify_truncated_left(tag).map_err(|_| CursorError)?;
        }
        String::from_utf8(position.to_vec()).map_err(|_| CursorError)
    }

    fn mac(&self, tenant: &TenantContext, operation: &str, position: &[u8]) -> Hmac<Sha256> {
        let owner = if sabotage::on(Sabotage::CursorOfAnyTenant) { "" } else { tenant.id().as_str() };
        let operation = if sabotage::on(Sabotage::CursorOfAnyList) { "" } else { operation };
        let key = keyed(&self.secret).chain_update(b"cursor:").chain_update(owner).finalize();
        // No operation's name holds a NUL, so name and position cannot be cut elsewhere.
        keyed(&key.into_bytes()).chain_update(operation).chain_update([0]).chain_update(position)
    }
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes keys of any length")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::TestTenants;

    #[test]
    fn opens_what_it_sealed() {
        let (tenants, cursors) = (TestTenants::new(), Cursors::new(&[7; 32]));
        for position in ["", "a", "\u{e4}\0", &"x".repeat(350)] {
            let cursor = cursors.seal(&tenants.owner(), "list_documents", position);
            assert!(cursor.len() <= 512);
            assert_eq!(cursors.open(&tenants.owner(), "list_documents", &cursor).as_deref(), Ok(position));
        }
    }

    #[test]
    fn refuses_foreign_edited_and_made_up_cursors_alike() {
        let (tenants, cursors) = (TestTenants::new(), Cursors::new(&[7; 32]));
        let (owner, stranger) = (tenants.owner(), tenants.stranger());
        let cursor = cursors.seal(&owner, "list_documents", "doc-1");
        assert_eq!(cursors.open(&stranger, "list_documents", &cursor), Err(CursorError));
        assert_eq!(cursors.open(&owner, "list_jobs", &cursor), Err(CursorError));
        assert_eq!(Cursors::new(&[8; 32]).open(&owner, "list_documents", &cursor), Err(CursorError));
        for at in 0..cursor.len() {
            let mut edited = cursor.clone().into_bytes();
            edited[at] = if edited[at] == b'A' { b'B' } else { b'A' };
            let edited = String::from_utf8(edited).unwrap();
            assert_eq!(cursors.open(&owner, "list_documents", &edited), Err(CursorError), "character {at}");
        }
        for junk in ["", "A", "not base64!", "AAAAAAAAAAAAAAAAAAAAAA", &"A".repeat(513)] {
            assert_eq!(cursors.open(&owner, "list_documents", junk), Err(CursorError), "{junk:?}");
        }
    }

    #[test]
    fn keeps_operation_and_position_apart() {
        let (tenants, cursors) = (TestTenants::new(), Cursors::new(&[7; 32]));
        let cursor = cursors.seal(&tenants.owner(), "a", "bc");
        assert_eq!(cursors.open(&tenants.owner(), "ab", &cursor), Err(CursorError));
    }
}
