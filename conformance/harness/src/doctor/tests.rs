use std::time::{Duration, UNIX_EPOCH};

use contract_types::{Feature, TargetProfile};
use fixtures::Fixtures;
use serde_json::{Value, json};
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::path};

use super::*;
use crate::{
    client::{Bounds, Client},
    profile::{self, Profile},
};

fn profile(change: &Value) -> Profile {
    let mut spec = json!({
        "name": "t", "description": "A target.", "base_url": "${WHERE}", "tenants": ["one"], "features": [],
        "seed_fixtures": false, "pace": {"requests_per_second": 10, "concurrency": 1},
        "credentials": [
            {"tenant": "one", "name": "all", "scopes": ["admin"], "env": "ONE_KEY"},
            {"tenant": "one", "name": "revoked", "scopes": ["admin"], "env": "OLD_KEY"},
        ],
    });
    for (key, value) in change.as_object().unwrap() {
        spec[key] = value.clone();
    }
    profile::check(&spec.to_string(), std::path::Path::new("targets/t.yaml")).unwrap()
}

fn examined(profile: &Profile, variables: &[(&str, &str)]) -> (Vec<Finding>, Option<crate::profile::Resolved>) {
    let fixtures = Fixtures::load(&Fixtures::embedded_root()).unwrap();
    let variable =
        |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    examine(profile, &fixtures, &variable)
}

fn has(findings: &[Finding], grade: Grade, text: &str) -> bool {
    findings.iter().any(|finding| finding.grade == grade && finding.to_string().contains(text))
}

const KEYS: [(&str, &str); 2] = [("ONE_KEY", "secret-one"), ("OLD_KEY", "secret-old")];

#[test]
fn names_each_missing_variable_and_no_value() {
    let (found, resolved) = examined(&profile(&json!({})), &[("ONE_KEY", "secret-one")]);
    assert!(resolved.is_none());
    assert_eq!(exit_code(&found), exit::USAGE);
    for missing in ["WHERE is not set", "OLD_KEY is not set"] {
        assert!(has(&found, Grade::Profile, missing), "{missing}: {found:?}");
    }
    assert!(has(&found, Grade::Ok, "`all` of `one` comes from $ONE_KEY"), "{found:?}");
    assert!(lines(&found).iter().all(|line| !line.contains("secret-one")));
}

#[test]
fn says_what_becomes_not_applicable() {
    let (found, resolved) = examined(&profile(&json!({})), &[KEYS[0], KEYS[1], ("WHERE", "http://127.0.0.1:1")]);
    assert!(resolved.is_some());
    assert_eq!(exit_code(&found), exit::PASS, "{found:?}");
    for text in ["one tenant is listed", "`none`", "`search-only`", "`expired`"] {
        assert!(has(&found, Grade::Warning, text), "{text}: {found:?}");
    }
    assert!(!has(&found, Grade::Warning, "`revoked`"), "{found:?}");
}

#[test]
fn tells_addresses_that_cannot_be_meant() {
    for (address, grade) in [
        ("https://api.example.com/v1", Grade::Ok),
        ("http://127.0.0.1:8787", Grade::Ok),
        ("http://[::1]:8787", Grade::Ok),
        ("http://api.example.com", Grade::Warning),
        ("https://me:word@api.example.com", Grade::Profile),
        ("https://api.example.com?key=1", Grade::Profile),
        ("ftp://api.example.com", Grade::Profile),
    ] {
        assert_eq!(offline::address(address).grade, grade, "{address}");
    }
}

#[test]
fn tells_known_failures_that_have_expired() {
    let known = json!({"known_failures": [
        {"case": "a/b", "reason": "r", "expires": "2026-01-01"}, {"case": "c/d", "reason": "r", "expires": "2026-01-02"},
    ]});
    let found = offline::known_failures(&profile(&known).spec, "2026-01-02");
    assert_eq!(found.len(), 1);
    assert!(has(&found, Grade::Fails, "a/b"), "{found:?}");
}

#[test]
fn compares_versions_features_clocks_and_rates() {
    assert_eq!(online::version(Some("1.2.0"), "1.2.0").grade, Grade::Ok);
    assert_eq!(online::version(Some("1.3.0"), "1.2.0").grade, Grade::Warning);
    assert_eq!(online::version(Some("2.0.0"), "1.2.0").grade, Grade::Fails);
    assert_eq!(online::version(None, "1.2.0").grade, Grade::Fails);
    let spec: TargetProfile = profile(&json!({"features": ["chat"]})).spec;
    let found = online::features(&spec, &[Feature::Audit]);
    assert!(has(&found, Grade::Fails, "`chat`") && has(&found, Grade::Warning, "`audit`"), "{found:?}");
    let noon = UNIX_EPOCH + Duration::from_hours(438_300);
    let date = "Wed, 01 Jan 2020 12:00:00 GMT";
    assert_eq!(online::clock(Some(date), noon).unwrap().grade, Grade::Ok);
    assert_eq!(online::clock(Some(date), noon + Duration::from_secs(90)).unwrap().grade, Grade::Warning);
    assert!(online::clock(Some("yesterday"), noon).is_none());
    let times = json!({"times": {"rate_window_ms": 60000}});
    assert_eq!(online::rate(&spec, &times, Some("600")).unwrap().grade, Grade::Ok);
    let found = [online::rate(&spec, &times, Some("120")).unwrap()];
    assert!(has(&found, Grade::Warning, "requests_per_second` to 2,"), "{found:?}");
}

async fn visited(capabilities: ResponseTemplate) -> Vec<Finding> {
    let server = MockServer::start().await;
    let health = json!({"status": "ok", "version": "1", "contract_version": "1.0.0", "dependencies": []});
    Mock::given(path("/health")).respond_with(ResponseTemplate::new(200).set_body_json(health)).mount(&server).await;
    Mock::given(path("/capabilities")).respond_with(capabilities).mount(&server).await;
    let uri = server.uri();
    let (_, resolved) = examined(&profile(&json!({})), &[KEYS[0], KEYS[1], ("WHERE", &uri)]);
    visit(&Client::new(&uri, Bounds::default()).unwrap(), &resolved.unwrap(), "1.0.0").await
}

#[tokio::test]
async fn tells_what_each_credential_meets() {
    let mine = json!({"tenant": "one", "features": []});
    let found = visited(ResponseTemplate::new(200).set_body_json(mine)).await;
    assert!(has(&found, Grade::Ok, "`all` of `one` is accepted"), "{found:?}");
    assert!(has(&found, Grade::Fails, "`revoked` of `one` is accepted"), "{found:?}");
    let other = json!({"tenant": "two", "features": []});
    let found = visited(ResponseTemplate::new(200).set_body_json(other)).await;
    assert!(has(&found, Grade::Fails, "is a credential of `two`"), "{found:?}");
    let refusal = json!({"error": {"code": "UNAUTHORIZED", "message": "m", "request_id": "r"}});
    let found = visited(ResponseTemplate::new(401).set_body_json(refusal)).await;
    assert!(has(&found, Grade::Fails, "`all` of `one` is refused: 401 UNAUTHORIZED"), "{found:?}");
    assert!(has(&found, Grade::Ok, "`revoked` of `one` is refused"), "{found:?}");
    assert_eq!(exit_code(&found), exit::FAILED);
    let found = visited(ResponseTemplate::new(200).set_body_string("<html>")).await;
    assert!(has(&found, Grade::Fails, "without a tenant in JSON"), "{found:?}");
}

#[tokio::test]
async fn tells_that_nobody_is_there() {
    let (_, resolved) = examined(&profile(&json!({})), &[KEYS[0], KEYS[1], ("WHERE", "http://127.0.0.1:1")]);
    let client = Client::new("http://127.0.0.1:1", Bounds::default()).unwrap();
    let found = visit(&client, &resolved.unwrap(), "1.0.0").await;
    assert_eq!(exit_code(&found), exit::UNREACHABLE);
    let control = visit_control(&client).await;
    assert_eq!(control.grade, Grade::Fails);
}

#[test]
fn tries_the_output_folder_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let below = folder.path().join("a/b");
    assert_eq!(output_folder(&below).grade, Grade::Ok);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    assert_eq!(output_folder(&file.join("b")).grade, Grade::Fails);
}

#[test]
fn groups_what_is_well_before_what_is_wrong() {
    let found = [Finding::new(Grade::Fails, "a", "b"), Finding::ok("c"), Finding::new(Grade::Warning, "d\n  e", "")];
    assert_eq!(lines(&found), ["ok      c", "warning d; e", "error   a -> b"]);
}
