use serde_json::json;

use super::*;
use crate::testkit::{JWKS, ManualClock, SigningKey, claims, sign, token_settings};

const NOW: UnixMillis = ManualClock::START;
const NOW_S: i64 = NOW / 1000;

fn check(token: &str) -> Result<Verified, Refusal> {
    verify(token, &token_settings(), &KeySet::parse(JWKS).unwrap(), &ManualClock::default())
}

fn good() -> Value {
    claims("aurora-bikes", &["search:read", "unheard:of"], NOW)
}

/// `good` with `name` set to `value`, or without it for `null`.
fn with(mut object: Value, name: &str, value: Value) -> Value {
    let map = object.as_object_mut().unwrap();
    if value.is_null() {
        map.remove(name)
    } else {
        map.insert(name.to_owned(), value)
    };
    object
}

fn signed(claims: &Value) -> String {
    sign(SigningKey::Es256, &SigningKey::Es256.header(), claims)
}

#[test]
fn accepts_both_algorithms() {
    for key in [SigningKey::Rs256, SigningKey::Es256] {
        let verified = check(&sign(key, &key.header(), &good())).unwrap();
        assert_eq!(verified.tenant.as_str(), "aurora-bikes");
        assert_eq!(verified.scopes, BTreeSet::from([Scope::SearchRead]), "unknown scopes give nothing");
        assert_eq!(verified.expires_at, NOW + 630_000, "ten minutes and the leeway");
    }
}

#[test]
fn accepts_only_the_configured_algorithms() {
    let settings = TokenSettings { es256: false, ..token_settings() };
    let refused = verify(&signed(&good()), &settings, &KeySet::parse(JWKS).unwrap(), &ManualClock::default());
    assert_eq!(refused.unwrap_err(), Refusal::Algorithm);
}

#[test]
fn accepts_what_standards_leave_open() {
    let long = SigningKey::Es256.header();
    for (name, value) in
        [("aud", json!(["other", "plumbline"])), ("scopes", json!("search:read tts:write")), ("iat", json!(null))]
    {
        assert!(check(&signed(&with(good(), name, value))).is_ok(), "{name}");
    }
    for typ in ["JWT", "jwt", "application/at+jwt", "AT+JWT"] {
        assert!(check(&sign(SigningKey::Es256, &with(long.clone(), "typ", json!(typ)), &good())).is_ok(), "{typ}");
    }
}

#[test]
fn refuses_every_claim_out_of_order() {
    let cases = [
        ("iss", json!("https://evil.example"), Refusal::Issuer),
        ("iss", json!(null), Refusal::Claims),
        ("iss", json!(["https://id.plumbline.example"]), Refusal::Claims),
        ("aud", json!("other"), Refusal::Audience),
        ("aud", json!([]), Refusal::Audience),
        ("aud", json!(null), Refusal::Claims),
        ("sub", json!(""), Refusal::Claims),
        ("sub", json!(null), Refusal::Claims),
        ("sub", json!("x".repeat(257)), Refusal::Claims),
        ("tenant", json!("AURORA-BIKES"), Refusal::Claims),
        ("tenant", json!(null), Refusal::Claims),
        ("scopes", json!(null), Refusal::Claims),
        ("scopes", json!({"admin": true}), Refusal::Claims),
        ("exp", json!(null), Refusal::Claims),
        ("exp", json!("9999999999"), Refusal::Claims),
        ("exp", json!(i64::MAX), Refusal::Claims),
        ("exp", json!(NOW_S - 30), Refusal::Expired),
        ("exp", json!(NOW_S + 3_631), Refusal::LifetimeTooLong),
        ("iat", json!(NOW_S - 3_100), Refusal::LifetimeTooLong),
        ("iat", json!(NOW_S + 31), Refusal::NotYetValid),
        ("nbf", json!(NOW_S + 31), Refusal::NotYetValid),
        ("nbf", json!("soon"), Refusal::Claims),
        ("nonce", json!("n"), Refusal::Claims),
        ("at_hash", json!("h"), Refusal::Claims),
        ("c_hash", json!("h"), Refusal::Claims),
    ];
    for (name, value, expected) in cases {
        let outcome = check(&signed(&with(good(), name, value.clone())));
        assert_eq!(outcome.unwrap_err(), expected, "{name} = {value}");
    }
}

#[test]
fn forgives_clock_differences_up_to_the_leeway() {
    for (name, seconds) in [("exp", -29), ("nbf", 30), ("iat", 30)] {
        let outcome = check(&signed(&with(with(good(), "iat", json!(null)), name, json!(NOW_S + seconds))));
        assert!(outcome.is_ok(), "{name} {seconds:+}: {outcome:?}");
    }
}

#[test]
fn refuses_every_header_that_chooses_its_own_key_or_algorithm() {
    let cases = [
        ("alg", json!("none"), Refusal::Algorithm),
        ("alg", json!("nOnE"), Refusal::Algorithm),
        ("alg", json!("HS256"), Refusal::Algorithm),
        ("alg", json!("RS256"), Refusal::Algorithm),
        ("alg", json!("ES384"), Refusal::Algorithm),
        ("kid", json!("../../dev/null"), Refusal::UnknownKeyId),
        ("kid", json!("' OR 1=1 --"), Refusal::UnknownKeyId),
        ("kid", json!("test-rs256"), Refusal::Algorithm),
        ("kid", json!(""), Refusal::UnknownKeyId),
        ("kid", json!("k".repeat(4_000)), Refusal::Header),
        ("kid", json!(null), Refusal::Header),
        ("typ", json!("id+jwt"), Refusal::Header),
        ("typ", json!(null), Refusal::Header),
        ("jwk", json!({"kty": "oct", "k": "AQ"}), Refusal::Header),
        ("jku", json!("https://evil.example/jwks"), Refusal::Header),
        ("x5u", json!("https://evil.example/x5u"), Refusal::Header),
        ("x5c", json!(["AQ"]), Refusal::Header),
        ("crit", json!(["exp"]), Refusal::Header),
    ];
    for (name, value, expected) in cases {
        let header = with(SigningKey::Es256.header(), name, value.clone());
        assert_eq!(check(&sign(SigningKey::Es256, &header, &good())).unwrap_err(), expected, "{name} = {value}");
    }
}

#[test]
fn refuses_edited_unsigned_and_misshapen_tokens() {
    let token = signed(&good());
    let (message, signature) = token.rsplit_once('.').unwrap();
    let other = signed(&with(good(), "tenant", json!("meridian-lab")));
    let mixed = format!("{}.{signature}", other.rsplit_once('.').unwrap().0);
    assert_eq!(check(&mixed).unwrap_err(), Refusal::Signature);
    let reversed: String = signature.chars().rev().collect();
    for text in [format!("{message}.{reversed}"), format!("{message}.AAAA"), format!("{message}.!")] {
        assert_eq!(check(&text).unwrap_err(), Refusal::Signature);
    }
    for text in ["", ".", "..", "a.b", "a.b.c.d.e", &format!("{message}."), &format!("{token}.x"), &"a".repeat(9_000)] {
        assert!(check(text).is_err(), "{text:?}");
    }
}

#[test]
fn refuses_a_claim_that_stands_twice() {
    let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let doubled = good().to_string().replacen('{', r#"{"tenant":"meridian-lab","#, 1);
    assert!(serde_json::from_str::<Claims>(&doubled).is_err());
    assert!(serde_json::from_str::<Claims>(&good().to_string()).is_ok());
    assert!(check(&format!("{}.{}.AAAA", encode("{}"), encode(&doubled))).is_err());
}
