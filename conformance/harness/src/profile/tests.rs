use fixtures::Fixtures;

use super::*;

const GOOD: &str = "
name: t
description: A target.
base_url: ${WHERE}/
credentials: [{tenant: aurora-bikes, name: all, scopes: [admin], env: SOME_KEY}]
tenants: [aurora-bikes]
features: []
seed_fixtures: false
";

fn write(text: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("t.yaml"), text).unwrap();
    folder
}

fn problems(text: &str) -> String {
    read(write(text).path(), "t").unwrap_err().to_string()
}

fn with_variables(text: &str, variables: &[(&str, &str)]) -> Result<Resolved, ProfileError> {
    let folder = write(text);
    let profile = read(folder.path(), "t")?;
    let fixtures = Fixtures::load(&Fixtures::embedded_root()).unwrap();
    let variable =
        |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    resolve(&profile, Sources { root: folder.path(), fixtures: &fixtures, variable: &variable })
}

#[test]
fn puts_variables_in() {
    let resolved = with_variables(GOOD, &[("WHERE", "http://a:1"), ("SOME_KEY", "key-one\n")]).unwrap();
    assert_eq!(resolved.spec.base_url.as_deref(), Some("http://a:1"));
    assert_eq!(resolved.credential("aurora-bikes", "all").unwrap().secret.expose(), "key-one");
}

#[test]
fn puts_variables_into_headers() {
    let text = format!("{GOOD}headers: {{x-version: \"a=${{VERSION}}\"}}\n");
    let known = [("WHERE", "http://a"), ("SOME_KEY", "k"), ("VERSION", "7")];
    let resolved = with_variables(&text, &known).unwrap();
    assert_eq!(resolved.headers().collect::<Vec<_>>(), [("x-version", "a=7")]);
    let text = with_variables(&text, &known[..2]).unwrap_err().to_string();
    assert!(text.contains("/headers/x-version: the environment variable VERSION is not set"), "{text}");
}

#[test]
fn names_every_missing_variable_at_once() {
    let text = with_variables(GOOD, &[]).unwrap_err().to_string();
    assert!(text.contains("t.yaml"), "{text}");
    assert!(text.contains("/base_url: the environment variable WHERE is not set"), "{text}");
    assert!(text.contains("/credentials/0: credential `all` of `aurora-bikes`"), "{text}");
}

#[test]
fn falls_back_to_fixture_keys_only_when_asked() {
    let resolved = with_variables(GOOD, &[("WHERE", "http://a"), ("PLUMBLINE_DEMO_KEYS", "1")]).unwrap();
    assert!(resolved.credentials[0].secret.expose().starts_with("pl_aurora-bikes_"));
}

#[test]
fn refuses_what_the_schema_does_not_know() {
    let text = problems(&format!("{GOOD}surprise: 1\n"));
    assert!(text.contains("surprise"), "{text}");
    assert!(problems("name: [").contains("not valid YAML"));
}

#[test]
fn refuses_what_contradicts_itself() {
    for (from, to, expected) in [
        ("name: t", "name: other", "/name: `other` differs"),
        ("base_url: ${WHERE}/", "", "give `base_url`"),
        ("env: SOME_KEY", "env: SOME_KEY, file: a", "exactly one of"),
        ("tenants: [aurora-bikes]", "tenants: [lumen-desk]", "no credential of `lumen-desk`"),
    ] {
        let text = problems(&GOOD.replace(from, to));
        assert!(text.contains(expected), "{text}");
    }
}

#[test]
fn lists_what_there_is_instead() {
    let text = read(write(GOOD).path(), "nowhere").unwrap_err().to_string();
    assert!(text.contains("there are: t"), "{text}");
}
