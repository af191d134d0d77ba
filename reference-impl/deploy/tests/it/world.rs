//! A folder of tenants that is made for one test, and the program run on it.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use contract_types::DeployReport;
use deploy::cmd::{self, Output};
use deploy::config::{self, Folder, Places, Problem};
use deploy::credentials::Origin;
use tempfile::TempDir;

use crate::fake::Fake;

pub(crate) struct World {
    pub(crate) dir: TempDir,
}

pub(crate) const PLATFORM: &str = "\
issuer: https://issuer.plumbline.example
audience: plumbline
jwks: {demo: true}
default_limits: {body_bytes: 2097152, documents_per_request: 100, message_chars: 16000, messages_per_chat: 64, query_chars: 2000, concurrent_streams: 16, tts_max_chars: 5000, tts_sync_chars: 1000, chunk_size_tokens_max: 1024}
default_rate_limits: {tenant_requests: 6000, credential_requests: 3000, read_requests: 3000, write_requests: 600, model_requests: 1200}
";

pub(crate) const DEPLOY: &str = "\
accounts:
  - {name: acme, id: 0123456789abcdef0123456789abcdef}
  - {name: acme-prod, id: fedcba9876543210fedcba9876543210}
profiles:
  - {name: lower, account: acme, token: {file: ../token.secret}}
  - {name: upper, account: acme-prod, token: {file: ../token.secret}}
migrations:
  - {tag: v1, new_sqlite_classes: [TenantStore]}
jwks: {file: jwks.json}
gate_target: staging
";

/// One environment with every kind of binding.
fn environment(tenant: &str, name: &str, profile: &str) -> String {
    format!(
        "  {name}:
    profile: {profile}
    worker: {tenant}-{name}
    compatibility_date: \"2026-07-01\"
    compatibility_flags: [nodejs_compat]
    hostnames: [{tenant}.{name}.plumbline.example]
    routes:
      - {{pattern: {tenant}.{name}.plumbline.example/*, zone: plumbline.example}}
    schedules: [\"17 * * * *\"]
    bindings:
      - {{name: TENANTS, kind: durable_object, class: TenantStore}}
      - {{name: CACHE, kind: kv_namespace, resource: {tenant}-{name}-cache}}
      - {{name: JOBS, kind: queue, resource: {tenant}-{name}-jobs}}
      - {{name: AUDIO, kind: r2_bucket, resource: {tenant}-{name}-audio}}
      - {{name: PASSAGES, kind: vectorize, resource: {tenant}-{name}-passages, dimensions: 384, metadata_indexes: [{{property: source, type: string}}]}}
      - {{name: METRICS, kind: analytics, resource: {tenant}-{name}-metrics}}
      - {{name: AI, kind: ai}}
    secrets:
      - {{name: CURSOR_SECRET, source: {{file: ../{tenant}-{name}.secret}}}}
    vars: {{LOG_LEVEL: info}}
    smoke_url: SMOKE
"
    )
}

/// A tenant with every need, in three environments.
pub(crate) fn tenant(name: &str) -> String {
    let mut text = format!(
        "tenant: {name}
display_name: Tenant {name}
hostnames: [{name}.plumbline.example]
credentials:
  - {{name: ci, key_sha256: 1e3ab33881909fa2a9a095914207c8a59dc031c0f11594d6448d6a07b7df7b04, scopes: [search:read], state: active}}
features: [async_ingest, tts, metrics]
models: {{embedding: \"@cf/baai/bge-small-en-v1.5\", generation: extractive-v1, rerank: \"off\"}}
tts: {{providers: [workers-ai]}}
environments:
"
    );
    for (environment_name, profile) in [("dev", "lower"), ("stage", "lower"), ("prod", "upper")] {
        text += &environment(name, environment_name, profile);
    }
    text
}

impl World {
    pub(crate) fn new(tenants: &[&str]) -> Self {
        let world = Self { dir: tempfile::tempdir().unwrap() };
        fs::create_dir_all(world.path("tenants")).unwrap();
        fs::create_dir_all(world.path("build")).unwrap();
        world.write("tenants/platform.yaml", PLATFORM);
        world.write("deploy.yaml", DEPLOY);
        world.write("jwks.json", r#"{"keys":[{"kty":"EC","crv":"P-256","kid":"k","x":"x","y":"y"}]}"#);
        world.write("build/index.js", "import w from './index_bg.wasm';\nexport default { fetch() { return new Response('x'); } };\nexport class TenantStore {}\n");
        fs::write(world.path("build/index_bg.wasm"), b"\0asm\x01\0\0\0").unwrap();
        let of = |tenant: &&str| ["dev", "stage", "prod"].map(|name| format!("{tenant}-{name}.secret"));
        for name in tenants.iter().flat_map(of).chain(["token.secret".to_owned()]) {
            world.write(&name, "a-value-that-nobody-may-see\n");
            fs::set_permissions(world.path(&name), fs::Permissions::from_mode(0o600)).unwrap();
        }
        for name in tenants {
            fs::create_dir_all(world.path(&format!("tenants/{name}"))).unwrap();
            world.write(&format!("tenants/{name}/tenant.yaml"), &tenant(name).replace("SMOKE", "http://127.0.0.1:9"));
        }
        world
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// Replaces a text of a file, which must be there.
    pub(crate) fn replace(&self, name: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.path(name)).unwrap();
        assert!(text.contains(from), "{name} has no `{from}`");
        self.write(name, &text.replacen(from, to, 1));
    }

    /// Has new versions tried at the fake.
    pub(crate) fn smoke_at(&self, fake: &Fake) {
        for entry in fs::read_dir(self.path("tenants")).unwrap().flatten().filter(|it| it.path().is_dir()) {
            let file = entry.path().join("tenant.yaml");
            let text = fs::read_to_string(&file).unwrap();
            fs::write(&file, text.replace("http://127.0.0.1:9", &fake.url())).unwrap();
        }
        let mut state = fake.state();
        if state.zones.is_empty() {
            state.zones.push(("zone1".to_owned(), "plumbline.example".to_owned()));
        }
    }

    pub(crate) fn load(&self) -> Result<Folder, Vec<Problem>> {
        let places = Places { tenants: self.path("tenants"), deploy: self.path("deploy.yaml") };
        config::load(&places, "2026-07-30", &Origin::of_process(&self.path("tenants")))
    }

    /// Runs the program against the fake; gives the exit code, what it told, and its report.
    pub(crate) async fn run(&self, fake: &Fake, words: &str) -> Ran {
        self.run_words(fake, words.split_whitespace().map(str::to_owned).collect()).await
    }

    /// The same with words that may hold spaces.
    pub(crate) async fn run_words(&self, fake: &Fake, words: Vec<String>) -> Ran {
        self.run_at(Some(fake.url()), words).await
    }

    /// The words of a command with all that leads it here.
    pub(crate) fn words(&self, api: Option<&str>, words: Vec<String>) -> Vec<String> {
        let report = self.path("report.json");
        let mut args: Vec<String> = vec!["deploy".to_owned()];
        args.extend(words);
        let text = |path: &str| self.path(path).display().to_string();
        let verb = args[1].clone();
        args.extend(["--tenants".to_owned(), text("tenants")]);
        if let Some(api) = api.filter(|_| verb != "export") {
            args.extend(["--api".to_owned(), api.to_owned()]);
        }
        if !["validate", "export"].contains(&verb.as_str()) {
            if !args.iter().any(|given| given == "--report") {
                args.extend(["--report".to_owned(), report.display().to_string()]);
            }
            for (name, value) in [("--backoff-ms", "1"), ("--timeout-ms", "10000"), ("--smoke-tries", "2")] {
                if !args.iter().any(|given| given == name) {
                    args.extend([name.to_owned(), value.to_owned()]);
                }
            }
            if !args.iter().any(|given| given == "--state") {
                args.extend(["--state".to_owned(), text("state")]);
            }
        }
        args.extend(["--artefact".to_owned(), text("build")]);
        if verb == "promote" {
            args.extend(["--records".to_owned(), text("records")]);
        }
        args
    }

    /// Runs the program against `api`, or where its words lead it.
    pub(crate) async fn run_at(&self, api: Option<String>, words: Vec<String>) -> Ran {
        let report = self.path("report.json");
        let _ = fs::remove_file(&report);
        let args = self.words(api.as_deref(), words);
        let told = Sink::default();
        let mut output = Output::new(Box::new(told.clone()), Box::new(told.clone()));
        let code = tokio::task::spawn_blocking(move || cmd::code(args.into_iter().map(Into::into), &mut output))
            .await
            .unwrap();
        let told = String::from_utf8(told.0.lock().unwrap_or_else(PoisonError::into_inner).clone()).unwrap();
        assert!(!told.contains("a-value-that-nobody-may-see"), "a secret was told:\n{told}");
        let report = fs::read_to_string(report).ok().map(|text| {
            assert!(!text.contains("a-value-that-nobody-may-see"), "a secret is in the report");
            serde_json::from_str(&text).unwrap()
        });
        for file in fs::read_dir(self.path("state")).into_iter().flatten().flatten() {
            let text = fs::read_to_string(file.path()).unwrap();
            assert!(!text.contains("a-value-that-nobody-may-see"), "a secret is in {}", file.path().display());
        }
        Ran { code, told, report }
    }
}

pub(crate) struct Ran {
    pub(crate) code: u8,
    pub(crate) told: String,
    pub(crate) report: Option<DeployReport>,
}

impl Ran {
    /// The code must be this one.
    #[track_caller]
    pub(crate) fn ends_with(self, code: u8) -> Self {
        assert_eq!(self.code, code, "{}", self.told);
        self
    }

    #[track_caller]
    pub(crate) fn tells(self, part: &str) -> Self {
        assert!(self.told.contains(part), "expected `{part}` in\n{}", self.told);
        self
    }
}

#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
