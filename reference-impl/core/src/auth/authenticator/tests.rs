use contract_types::ErrorCode;
use serde_json::{Value, json};

use super::*;
use crate::testkit::{ManualClock, SigningKey, TestCredential, TestTenants, claims, sign};

fn bearer_header(credential: &str) -> Vec<u8> {
    format!("Bearer {credential}").into_bytes()
}

fn present(tenants: &TestTenants, credential: &str) -> Result<TenantContext, AuthError> {
    let header = bearer_header(credential);
    tenants.authenticator.authenticate(&Presented { authorization: &[&header], ..Presented::default() })
}

fn token(claims: &Value) -> String {
    sign(SigningKey::Es256, &SigningKey::Es256.header(), claims)
}

fn token_for(tenant: &str) -> String {
    token(&claims(tenant, &["search:read"], ManualClock::START))
}

#[test]
fn takes_the_tenant_from_key_and_token_alike() {
    let tenants = TestTenants::new();
    let by_key = present(&tenants, tenants.owner_key.expose()).unwrap();
    assert_eq!((by_key.id().as_str(), by_key.principal().key().as_str()), ("aurora-bikes", "key:admin"));
    assert!(by_key.has_scope(Scope::SearchRead) && !by_key.has_scope(Scope::Operator));
    let by_token = present(&tenants, &token_for("aurora-bikes")).unwrap();
    assert_eq!(by_token.id(), by_key.id());
    assert!(by_token.has_scope(Scope::SearchRead) && !by_token.has_scope(Scope::IngestWrite));
    assert!(!format!("{by_token:?}").contains("ada"), "a person's identifier must not reach a log");
}

#[test]
fn asks_for_a_bearer_credential_where_there_is_none() {
    let tenants = TestTenants::new();
    let cases: [&[&[u8]]; 6] = [&[], &[b""], &[b"Bearer"], &[b"Bearer "], &[b"Basic YTpi"], &[b"bearer\t"]];
    for authorization in cases {
        let error =
            tenants.authenticator.authenticate(&Presented { authorization, ..Presented::default() }).unwrap_err();
        assert_eq!(error, AuthError::Missing);
        assert_eq!((error.code(), error.challenge().is_some()), (ErrorCode::Unauthorized, true));
    }
}

#[test]
fn says_the_same_of_every_credential_it_does_not_accept() {
    let tenants = TestTenants::new();
    let good = tenants.owner_key.expose();
    let tenant = tenants.owner_key.tenant().clone();
    let unknown = ApiKey::generate(tenant, &*tenants.ids);
    let nowhere = ApiKey::generate(TenantId::parse("nowhere").unwrap(), &*tenants.ids);
    let checksum = format!("{}zzzzzz", &good[..good.len() - 6]);
    for credential in ["x", "pl_x", &checksum, unknown.expose(), nowhere.expose(), "a.b.c", "\u{e4}"] {
        let error = present(&tenants, credential).unwrap_err();
        assert_eq!(error.to_string(), "the credential is not accepted");
        assert_eq!(error.code(), ErrorCode::Unauthorized);
    }
    let error =
        tenants.authenticator.authenticate(&Presented { authorization: &[b"Bearer \xff"], ..Presented::default() });
    assert_eq!(error.unwrap_err(), AuthError::NotAccepted(Refusal::Malformed));
}

#[test]
fn accepts_keys_by_state_expiry_and_mode() {
    type Case = (&'static str, Box<dyn Fn(&mut Credential)>, bool, bool);

    let state = |state| move |it: &mut Credential| it.state = state;
    let expiry = |ms: i64| move |it: &mut Credential| it.expires_at = Some(ManualClock::START + ms);
    let cases: [Case; 6] = [
        ("active", Box::new(state(CredentialState::Active)), false, true),
        ("rotating", Box::new(state(CredentialState::Rotating)), false, true),
        ("revoked", Box::new(state(CredentialState::Revoked)), false, false),
        ("expires later", Box::new(expiry(1)), false, true),
        ("expires now", Box::new(expiry(0)), false, false),
        ("demo", Box::new(|it: &mut Credential| it.demo = true), true, false),
    ];
    for (name, change, works_in_demo_alone, accepted) in cases {
        let tenants = TestTenants::new();
        let mut credential = TestCredential::new(tenants.owner_key.tenant(), "second", &[], &*tenants.ids);
        change(&mut credential.stored);
        let mut settings = tenants.owner().settings().clone();
        settings.credentials.push(credential.stored);
        tenants.registry.replace(settings).unwrap();
        assert_eq!(present(&tenants, credential.key.expose()).is_ok(), accepted, "{name}");
        assert!(present(&tenants, tenants.owner_key.expose()).is_ok(), "the other key goes on working");
        if works_in_demo_alone {
            let tokens = crate::testkit::token_settings();
            let clock: Arc<dyn Clock> = tenants.clock.clone();
            let demo = Authenticator::new(tenants.registry.clone(), clock, tokens, KeySet::default(), true);
            let header = bearer_header(credential.key.expose());
            assert!(demo.authenticate(&Presented { authorization: &[&header], ..Presented::default() }).is_ok());
        }
    }
}

#[test]
fn lets_header_and_host_confirm_but_never_choose() {
    type Case<'a> = (&'a [&'a [u8]], Option<&'a str>, Option<AuthError>);

    let tenants = TestTenants::new();
    let header = AuthError::TenantMismatch { by: Evidence::Header };
    let host = AuthError::TenantMismatch { by: Evidence::Host };
    let own: &[u8] = b"aurora-bikes";
    let cases: [Case<'_>; 11] = [
        (&[own], Some("aurora-bikes.plumbline.example:8787"), None),
        (&[], Some("127.0.0.1:8787"), None),
        (&[b"meridian-lab"], None, Some(header.clone())),
        (&[b"nowhere"], None, Some(header.clone())),
        (&[b"AURORA-BIKES"], None, Some(header.clone())),
        (&[b"aurora-bikes\xe2\x80\x8b"], None, Some(header.clone())),
        (&[b""], None, Some(header.clone())),
        (&[b"\xff"], None, Some(header)),
        (&[own, own], None, Some(AuthError::DuplicateHeader { header: "x-tenant-id" })),
        (&[], Some("meridian-lab.plumbline.example"), Some(host.clone())),
        (&[own], Some("MERIDIAN-LAB.plumbline.example.:80"), Some(host)),
    ];
    for credential in [tenants.owner_key.expose().to_owned(), token_for("aurora-bikes")] {
        let authorization = bearer_header(&credential);
        for (tenant, host, expected) in &cases {
            let presented = Presented { authorization: &[&authorization], tenant, host: *host };
            let outcome = tenants.authenticator.authenticate(&presented);
            assert_eq!(outcome.err(), *expected, "{tenant:?} {host:?}");
        }
    }
}

#[test]
fn answers_in_the_contracts_order() {
    let tenants = TestTenants::new();
    let good = bearer_header(tenants.owner_key.expose());
    let wrong: [&[u8]; 2] = [b"meridian-lab", b"meridian-lab"];
    let ask = |authorization: &[&[u8]]| {
        let host = Some("meridian-lab.plumbline.example");
        tenants.authenticator.authenticate(&Presented { authorization, tenant: &wrong, host }).unwrap_err()
    };
    assert_eq!(ask(&[&good, &good]), AuthError::DuplicateHeader { header: "authorization" });
    assert_eq!(ask(&[]), AuthError::Missing);
    assert_eq!(ask(&[b"Bearer x"]), AuthError::NotAccepted(Refusal::Malformed));
    assert_eq!(ask(&[&bearer_header(&token_for("nowhere"))]), AuthError::TenantNotFound);
    assert_eq!(ask(&[&good]), AuthError::DuplicateHeader { header: "x-tenant-id" });
}

#[test]
fn says_not_found_only_for_a_valid_token_of_an_unknown_tenant() {
    let tenants = TestTenants::new();
    let error = present(&tenants, &token_for("nowhere")).unwrap_err();
    assert_eq!((error.code(), error), (ErrorCode::TenantNotFound, AuthError::TenantNotFound));
    let mut expired = claims("nowhere", &[], ManualClock::START);
    expired["exp"] = json!(1);
    assert_eq!(present(&tenants, &token(&expired)).unwrap_err(), AuthError::NotAccepted(Refusal::Expired));
}

#[test]
fn reads_the_clock_of_the_tokens_own_tenant() {
    let tenants = TestTenants::new();
    tenants.clock.advance(tenants.stranger_key.tenant(), 700_000);
    assert!(present(&tenants, &token_for("aurora-bikes")).is_ok());
    assert_eq!(present(&tenants, &token_for("meridian-lab")).unwrap_err(), AuthError::NotAccepted(Refusal::Expired));
}

#[test]
fn notices_when_a_credential_is_withdrawn() {
    let tenants = TestTenants::new();
    let (key, scoped) = (tenants.owner(), tenants.scoped(tenants.owner().id(), "second", &[Scope::SearchRead]));
    let token = present(&tenants, &token_for("aurora-bikes")).unwrap();
    let accepted = |context| tenants.authenticator.still_accepted(context);
    assert!(accepted(&key) && accepted(&scoped) && accepted(&token));
    let mut settings = tenants.owner().settings().clone();
    settings.credentials[0].state = CredentialState::Revoked;
    settings.credentials[1].scopes.clear();
    tenants.registry.replace(settings).unwrap();
    assert!(!accepted(&key) && !accepted(&scoped) && accepted(&token));
    tenants.clock.advance(token.id(), 630_000);
    assert!(!accepted(&token));
    let maintenance = tenants.authenticator.maintenance(token.id()).unwrap();
    assert!(accepted(&maintenance));
    tenants.registry.remove(token.id());
    assert!(!accepted(&maintenance) && tenants.authenticator.maintenance(token.id()).is_none());
}

#[test]
fn reports_unknown_keys_once_and_takes_new_ones() {
    let tenants = TestTenants::new();
    tenants.authenticator.replace_keys(KeySet::default());
    for _ in 0..3 {
        let error = present(&tenants, &token_for("aurora-bikes")).unwrap_err();
        assert_eq!(error, AuthError::NotAccepted(Refusal::UnknownKeyId));
    }
    assert!(tenants.authenticator.take_unknown_key_seen() && !tenants.authenticator.take_unknown_key_seen());
    tenants.authenticator.replace_keys(KeySet::parse(crate::testkit::JWKS).unwrap());
    assert!(present(&tenants, &token_for("aurora-bikes")).is_ok());
}
