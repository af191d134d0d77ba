use std::sync::{Arc, Mutex};

use reference_core::auth::ApiKey;

use super::*;

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Shared {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

/// Whether it exited with `code`, standard output, and standard error.
fn run_with(environment: Option<&str>, line: &str) -> (ExitCode, String, String) {
    let (out, err) = (Shared::default(), Shared::default());
    let environment = environment.map(str::to_owned);
    let mut context = Context { environment, out: Box::new(out.clone()), err: Box::new(err.clone()) };
    let args = std::iter::once("reference-impl").chain(line.split_whitespace()).map(OsString::from);
    let code = run(args, &mut context);
    (code, out.text(), err.text())
}

#[test]
fn makes_a_key_and_an_entry_that_fits_it() {
    let (code, out, err) = run_with(None, "keys new --tenant aurora-bikes --name ci --scopes search:read,ingest:write");
    assert_eq!((code, err.as_str()), (ExitCode::SUCCESS, ""));
    let key = ApiKey::parse(out.lines().nth(1).unwrap()).unwrap();
    assert_eq!(key.tenant().as_str(), "aurora-bikes");
    let entry = out.split_once("tenant.yaml:\n").unwrap().1;
    let entry: serde_json::Value = serde_yaml::from_str(entry).unwrap();
    assert_eq!(
        entry,
        serde_json::json!([{"name": "ci", "key_sha256": key.digest().to_hex(), "scopes": ["search:read", "ingest:write"],
            "state": "active"}])
    );
    let (_, other, _) = run_with(None, "keys new --tenant aurora-bikes --name ci --scopes search:read");
    assert_ne!(other.lines().nth(1), out.lines().nth(1));
}

#[test]
fn refuses_wrong_usage_with_one_message_and_exit_2() {
    for (environment, line, expected) in [
        (None, "keys new --tenant Aurora --name a --scopes admin", "expected a tenant id"),
        (None, "keys new --tenant a --name a- --scopes admin", "expected 1 to 64 of letters"),
        (None, "keys new --tenant a --name a --scopes root", "expected one of chat:write"),
        (None, "keys new --tenant a --name a", "--scopes"),
        (None, "serve --tenants t", "--data"),
        (None, "serve --demo --control 192.0.2.1:1", "--control takes a loopback address"),
        (Some("prod"), "serve --demo", "--demo is refused where PLUMBLINE_ENV is `prod`"),
        (Some("prod"), "serve --data d --tenants t --control 127.0.0.1:0", "--control is refused"),
        (None, "serve --data d --tenants no/such/folder", "no/such/folder/platform.yaml: expected a readable file"),
        (None, "reindex --data d --tenants no/such/folder", "--tenant"),
        (None, "reindex --tenant a --data d --tenants no/such/folder", "no/such/folder/platform.yaml: expected"),
        (None, "check --tenants no/such/folder", "no/such/folder/platform.yaml: expected a readable file"),
        (None, "serve --demo --runtime deno", "--runtime"),
        (None, "serve --data d --tenants no/such/folder --runtime workerd", "no/such/folder/platform.yaml: expected"),
        (Some("prod"), "serve --demo --runtime workerd", "--demo is refused where PLUMBLINE_ENV is `prod`"),
        (None, "bogus", "unrecognized subcommand"),
    ] {
        let (code, out, err) = run_with(environment, line);
        assert_eq!((code, out.as_str()), (ExitCode::from(2), ""), "{line}");
        assert!(err.starts_with("error: ") && err.contains(expected), "{line}: {err}");
    }
}

#[test]
fn explains_itself() {
    let (code, out, _) = run_with(None, "--help");
    assert!(code == ExitCode::SUCCESS && out.contains("serve") && out.contains("Exit codes"));
}

#[test]
fn says_when_a_folder_is_right() {
    let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/tenants");
    let (code, out, err) = run_with(None, &format!("check --demo --tenants {fixtures}"));
    assert!(code == ExitCode::SUCCESS && out.contains("are right"), "{out}{err}");
    let (code, _, err) = run_with(None, &format!("check --tenants {fixtures}"));
    assert!(code == ExitCode::from(2) && err.contains("configuration has 1 problem\n") && err.contains("/jwks/demo"));
}
