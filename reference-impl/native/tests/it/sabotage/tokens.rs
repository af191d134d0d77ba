//! Flaws of tokens, shown in this process: the keys that sign test tokens are known to no server.

use reference_core::auth::{AuthError, Presented};
use reference_core::sabotage::{self, Sabotage};
use reference_core::testkit::{ManualClock, SigningKey, TestTenants, claims, sign};
use serde_json::{Value, json};

const NOW_S: i64 = ManualClock::START / 1000;

/// The name of a flaw, and a token that is accepted because of it alone.
type Accepted = (&'static str, fn() -> String);

const TOKENS: [Accepted; 9] = [
    ("token-signature-ignored", || {
        let token = with(json!({}), json!({}));
        let other = with(json!({}), json!({"sub": "eve"}));
        format!("{}.{}", token.rsplit_once('.').unwrap().0, other.rsplit_once('.').unwrap().1)
    }),
    ("token-without-algorithm-accepted", || {
        let token = with(json!({"alg": "nOnE"}), json!({}));
        format!("{}.", token.rsplit_once('.').unwrap().0)
    }),
    ("token-key-id-ignored", || with(json!({"kid": "../../etc/passwd"}), json!({}))),
    ("token-names-its-key", || with(json!({"jku": "https://evil.example/jwks.json"}), json!({}))),
    ("token-expiry-ignored", || with(json!({}), json!({"iat": NOW_S - 700, "exp": NOW_S - 100}))),
    ("token-not-before-ignored", || with(json!({}), json!({"nbf": NOW_S + 300}))),
    ("token-audience-ignored", || with(json!({}), json!({"aud": "another"}))),
    ("token-issuer-ignored", || with(json!({}), json!({"iss": "https://another.example"}))),
    ("token-lifetime-unbounded", || with(json!({}), json!({"exp": NOW_S + 86_400}))),
];

/// A good token with these fields of its header and these claims in the place of its own.
fn with(header: Value, changed: Value) -> String {
    let changes = |mut good: Value, changed: Value| {
        good.as_object_mut().unwrap().extend(changed.as_object().unwrap().clone());
        good
    };
    let good = claims("aurora-bikes", &["search:read"], ManualClock::START);
    sign(SigningKey::Es256, &changes(SigningKey::Es256.header(), header), &changes(good, changed))
}

fn present(token: &str) -> Result<(), AuthError> {
    let header = format!("Bearer {token}");
    let presented = Presented { authorization: &[header.as_bytes()], ..Presented::default() };
    TestTenants::new().authenticator.authenticate(&presented).map(drop)
}

// One test for all: what is on is on for the whole process.
#[test]
fn shows_flaws_of_tokens() {
    let turn = |name: &str| sabotage::set(Sabotage::ALL.iter().copied().find(|which| which.name() == name));
    assert_eq!(present(&with(json!({}), json!({}))), Ok(()));
    for (name, token) in TOKENS {
        assert!(matches!(present(&token()), Err(AuthError::NotAccepted(_))), "{name}: accepted without it");
        turn(name);
        assert_eq!(present(&token()), Ok(()), "{name}");
        sabotage::set(None);
    }
    let unknown = with(json!({}), json!({"tenant": "nobody"}));
    assert_eq!(present(&unknown), Err(AuthError::TenantNotFound));
    turn("unknown-tenant-of-token-refused");
    assert!(matches!(present(&unknown), Err(AuthError::NotAccepted(_))));
    sabotage::set(None);
}
