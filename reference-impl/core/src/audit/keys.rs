//! Keyed hashes: equal arguments of one tenant look alike, those of two tenants do not, and nobody can look one up.

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Map, Value as Json};
use sha2::{Digest, Sha256};

use super::record::canonical;
use crate::auth::Principal;
use crate::sabotage::{self, Sabotage};
use crate::tenancy::TenantId;

/// Derives a key for each tenant from the host's secret.
#[derive(Clone)]
pub struct AuditKeys {
    secret: Vec<u8>,
}

impl AuditKeys {
    /// - `secret`: random bytes, at least 32, the same for as long as records are to be compared.
    pub fn new(secret: &[u8]) -> Self {
        Self { secret: secret.to_vec() }
    }

    /// `hmac-sha256:` and 64 hexadecimal digits over the arguments' canonical JSON.
    pub fn arguments(&self, tenant: &TenantId, arguments: &Map<String, Json>) -> String {
        let value = Json::Object(arguments.clone());
        if sabotage::on(Sabotage::AuditHashUnkeyed) {
            return format!("hmac-sha256:{}", hex::encode(Sha256::digest(canonical(&value))));
        }
        if sabotage::on(Sabotage::AuditHashSeesKeyOrder) {
            return self.of(tenant, "arguments", &value.to_string());
        }
        self.of(tenant, "arguments", &canonical(&value))
    }

    /// The same over who called.
    pub fn principal(&self, tenant: &TenantId, principal: &Principal) -> String {
        let name = match principal {
            Principal::ApiKey { name } => format!("key:{name}"),
            Principal::Subject { subject } => format!("sub:{subject}"),
            Principal::Maintenance => "maintenance".to_owned(),
        };
        self.of(tenant, "principal", &name)
    }

    fn of(&self, tenant: &TenantId, what: &str, text: &str) -> String {
        let owner = if sabotage::on(Sabotage::AuditHashSharedByTenants) { "" } else { tenant.as_str() };
        let key = keyed(&self.secret).chain_update(b"audit:").chain_update(owner).finalize().into_bytes();
        // No name of what is hashed holds a NUL, so name and text cannot be cut elsewhere.
        let mac = keyed(&key).chain_update(what).chain_update([0]).chain_update(text).finalize();
        format!("hmac-sha256:{}", hex::encode(mac.into_bytes()))
    }
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes keys of any length")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn map(value: &Json) -> Map<String, Json> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn hashes_equal_arguments_alike_and_each_tenants_apart() {
        let keys = AuditKeys::new(&[7; 32]);
        let (one, other) = (TenantId::parse("aurora-bikes").unwrap(), TenantId::parse("meridian-lab").unwrap());
        let hash = |tenant: &TenantId, value: &Json| keys.arguments(tenant, &map(value));
        let (plain, turned) = (json!({"a": 1, "b": [1.5, "ü"]}), json!({"b": [1.50, "ü"], "a": 1.0}));
        assert_eq!(hash(&one, &plain), hash(&one, &turned), "RFC 8785 knows neither order nor ways to write a number");
        assert_ne!(hash(&one, &plain), hash(&other, &plain));
        assert_ne!(hash(&one, &plain), hash(&one, &json!({"a": 1, "b": ["ü", 1.5]})));
        assert_ne!(hash(&one, &plain), AuditKeys::new(&[8; 32]).arguments(&one, &map(&plain)));
        assert!(hash(&one, &plain).strip_prefix("hmac-sha256:").is_some_and(|it| it.len() == 64));
    }

    #[test]
    fn hides_and_tells_apart_who_called() {
        let keys = AuditKeys::new(&[7; 32]);
        let tenant = TenantId::parse("aurora-bikes").unwrap();
        let who = |subject: &str| keys.principal(&tenant, &Principal::Subject { subject: subject.to_owned() });
        assert_eq!(who("alice@example.com"), who("alice@example.com"));
        assert_ne!(who("alice@example.com"), who("bob@example.com"));
        assert!(!who("alice@example.com").contains("alice"));
        assert_ne!(who("all"), keys.principal(&tenant, &Principal::ApiKey { name: "all".to_owned() }));
    }
}
