//! Credentials: secrets that never print themselves, and keys made to be refused.

use std::fmt;

use contract_types::Scope;

/// A credential's text. `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes a credential in.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The credential itself, for an `authorization` header and nothing else.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// A credential that a suite may use.
#[derive(Debug, Clone)]
pub struct Credential {
    /// The tenant that it belongs to.
    pub tenant: String,
    /// The name that cases ask for it by.
    pub name: String,
    /// The scopes that it is known to have.
    pub scopes: Vec<Scope>,
    /// The credential.
    pub secret: Secret,
}

impl Credential {
    /// Whether it holds `scope`; `admin` stands for every scope of its tenant but `operator`.
    pub fn holds(&self, scope: &str) -> bool {
        self.scopes.iter().any(|held| held.as_str() == scope || (*held == Scope::Admin && scope != "operator"))
    }

    /// Environment variable that stands for it in reproducing commands.
    pub fn variable(&self) -> String {
        let letters = format!("PLUMBLINE_{}_{}", self.tenant, self.name);
        letters.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect()
    }
}

/// A key of the right form and checksum that was never issued: its secret repeats one letter.
pub fn unknown_key(tenant: &str) -> String {
    let body = format!("pl_{tenant}_{}", "Z".repeat(32));
    let sum = fixtures::checksum(&body);
    body + &sum
}

/// A key of the right form whose last letter makes its checksum wrong.
pub fn bad_checksum(tenant: &str) -> String {
    let mut key = unknown_key(tenant);
    let last = key.pop();
    key.push(if last == Some('0') { '1' } else { '0' });
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn makes_keys_of_the_contracts_form() {
        let key = unknown_key("aurora-bikes");
        assert_eq!(key.len(), "pl_aurora-bikes_".len() + 38);
        assert_ne!(key, bad_checksum("aurora-bikes"));
        assert_eq!(key[..key.len() - 1], bad_checksum("aurora-bikes")[..key.len() - 1]);
    }

    #[test]
    fn admin_holds_everything_but_operator() {
        let credential =
            |scopes| Credential { tenant: "a".into(), name: "b-c".into(), scopes, secret: Secret::new("x") };
        assert!(credential(vec![Scope::Admin]).holds("ingest:write"));
        assert!(!credential(vec![Scope::Admin]).holds("operator"));
        assert!(!credential(vec![Scope::SearchRead]).holds("ingest:write"));
        assert_eq!(credential(Vec::new()).variable(), "PLUMBLINE_A_B_C");
        assert!(!format!("{:?}", credential(Vec::new())).contains('x'));
    }
}
