//! Cases of identity: who calls, for which tenant, with which scopes.

use super::{Base, Case, Credential, Kind, refusal};
use crate::model::{Operation, Scopes};

pub(super) fn cases(operation: &Operation, base: &Base) -> Vec<Case> {
    if operation.scopes == Scopes::Open {
        return Vec::new();
    }
    let mut cases = Vec::new();
    for (credential, what) in [
        (Credential::None, "none"),
        (Credential::EmptyBearer, "empty_bearer"),
        (Credential::Basic, "basic"),
        (Credential::Junk, "junk"),
        (Credential::BadChecksum, "bad_checksum"),
        (Credential::Unknown, "unknown_key"),
    ] {
        let what = format!("credential/{what}");
        cases.push(Case {
            credential,
            ..Case::new(operation, base, Kind::Credential, &what, refusal(401, "UNAUTHORIZED"))
        });
    }
    cases.push(Case {
        credential: Credential::InQuery,
        ..Case::new(operation, base, Kind::Credential, "credential/in_query", refusal(401, "UNAUTHORIZED"))
    });
    // The runner puts another configured tenant's id in place of `{foreign}`.
    for (what, value) in [("foreign", "{foreign}"), ("nowhere", "no-such-tenant"), ("malformed", "Not A Tenant")] {
        cases.push(Case {
            headers: vec![("x-tenant-id".to_owned(), value.to_owned())],
            ..Case::new(
                operation,
                base,
                Kind::Tenant,
                &format!("tenant_header/{what}"),
                refusal(403, "TENANT_MISMATCH"),
            )
        });
    }
    let needs_scope = match &operation.scopes {
        Scopes::Open => false,
        Scopes::AllOf(names) => !names.is_empty(),
        Scopes::AnyOf(_) => true,
    };
    if needs_scope {
        cases.push(Case {
            credential: Credential::Unscoped,
            ..Case::new(operation, base, Kind::Scope, "scope/missing", refusal(403, "FORBIDDEN"))
        });
    }
    cases
}
