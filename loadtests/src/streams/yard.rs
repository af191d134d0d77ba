//! A target with one tenant whose model is a stand-in, and everything that a run asks of it.

use std::{fs, path::Path, time::Duration};

use clap::ValueEnum;
use contract_types::RunTarget;
use fixtures::Fixtures;
use harness::{credential::Secret, exit, profile, root::fixtures_root, target::Target};
use serde_json::{Value, json};
use stand_in::{Script, StandIn};

use super::process;
use crate::{
    generated::operations::{CHAT, SEARCH},
    record::Failure,
};

/// The tenant, one of the fixtures; its credentials are theirs.
const TENANT: &str = "proving-ground";
/// The fixtures' folder of tenants, as profiles that start a target name it.
const TENANTS: &str = "fixtures/tenants";
/// Id of the stand-in.
const MODEL: &str = "stand-in/paced";
/// What is written where a search must find it in its passage.
const PASSAGE: &str = "The yard of Amberfield has 12 tracks and a turntable.";

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Operation {
    /// `POST /chat` without documents: the model's pieces pass through one by one.
    Chat,
    /// `POST /search`, streamed: the model is asked for a whole answer.
    Search,
}

impl Operation {
    /// Its id in the contract.
    pub(super) fn id(self) -> &'static str {
        match self {
            Self::Chat => CHAT.id,
            Self::Search => SEARCH.id,
        }
    }

    /// As the command line names it.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Search => "search",
        }
    }
}

/// A running target and its model. Dropping it stops both.
#[derive(Debug)]
pub struct Yard {
    /// The target.
    pub target: Target,
    /// The model behind it.
    pub model: StandIn,
    secret: Secret,
    operation: Operation,
    pid: u32,
    name: String,
    _folder: tempfile::TempDir,
}

impl Yard {
    /// Starts the stand-in and the target of the profile `name`, with the tenants' folder replaced by one whose tenant uses the
    /// stand-in.
    ///
    /// # Errors
    ///
    /// An exit code and what was expected, where the profile cannot be used or the target does not start.
    pub async fn open(name: &str, operation: Operation) -> Result<Self, Failure> {
        let usage = |error: &dyn std::fmt::Display| (exit::USAGE, error.to_string());
        let bug = |error: &dyn std::fmt::Display| (exit::HARNESS, error.to_string());
        let fixtures = Fixtures::load(&fixtures_root()).map_err(|error| usage(&error))?;
        let found = profile::find(name).map_err(|error| usage(&error))?;
        let root = found.base();
        let variable = |name: &str| std::env::var(name).ok();
        let sources = profile::Sources { root: &root, fixtures: &fixtures, variable: &variable };
        let mut resolved = profile::resolve(&found, sources).map_err(|error| usage(&error))?;
        let model = StandIn::start("127.0.0.1:0", Script::default()).await.map_err(|error| bug(&error))?;
        let folder = tempfile::tempdir().map_err(|error| bug(&error))?;
        write_tenants(folder.path(), &model.url()).map_err(|error| bug(&error))?;
        let start = resolved.spec.start.as_mut().filter(|start| start.run.iter().any(|word| word == TENANTS));
        let start = start.ok_or_else(|| {
            let told = format!("profile `{name}`: expected one that starts its target over `{TENANTS}`, such as local");
            (exit::USAGE, told)
        })?;
        for word in start.run.iter_mut().filter(|word| *word == TENANTS) {
            *word = folder.path().join("tenants").to_string_lossy().into_owned();
        }
        let secret = resolved.credential(TENANT, "all").map(|it| it.secret.clone());
        let secret = secret.ok_or_else(|| {
            (exit::USAGE, format!("profile `{name}`: expected a credential `all` of the tenant `{TENANT}`"))
        })?;
        let opened =
            tokio::task::spawn_blocking(move || Target::open(&resolved, &root)).await.map_err(|error| bug(&error))?;
        let target = opened.map_err(|error| (exit::UNREACHABLE, error.to_string()))?;
        let pid = target
            .process()
            .ok_or_else(|| (exit::USAGE, format!("profile `{name}`: expected a target that it starts")))?;
        let yard = Self { target, model, secret, operation, pid, name: name.to_owned(), _folder: folder };
        if operation == Operation::Search {
            yard.ingest().await?;
        }
        Ok(yard)
    }

    /// A client that keeps at most `idle` connections.
    pub(super) fn client(idle: usize) -> reqwest::Client {
        let client = reqwest::Client::builder().no_proxy().tcp_nodelay(true).pool_max_idle_per_host(idle);
        client.build().expect("a client without certificates can be made")
    }

    /// The request of one stream.
    pub(super) fn request(&self, client: &reqwest::Client) -> reqwest::RequestBuilder {
        let (path, body) = match self.operation {
            Operation::Chat => (
                "/chat",
                json!({"messages": [{"role": "user", "content": "Say what you have to say."}], "rag": false, "stream": true}),
            ),
            Operation::Search => (
                "/search",
                json!({"query": "How many tracks has the yard of Amberfield?", "stream": true, "cache": "bypass"}),
            ),
        };
        self.post(client, path, &body)
    }

    fn post(&self, client: &reqwest::Client, path: &str, body: &Value) -> reqwest::RequestBuilder {
        client
            .post(format!("{}{path}", self.target.base_url))
            .bearer_auth(self.secret.expose())
            .header("content-type", "application/json")
            .body(body.to_string())
    }

    /// The text that a stream must give, where it passes through unchanged.
    pub(super) fn text(&self) -> Option<String> {
        (self.operation == Operation::Chat).then(|| self.model.script().whole_text())
    }

    /// The script of so many pieces with so much time between two.
    pub(super) fn script(&self, pieces: u32, first: Duration, gap: Duration) -> Script {
        let milliseconds = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        let text = (self.operation == Operation::Search).then(|| format!("{PASSAGE} [1]"));
        // A whole answer is as late as the last piece of a stream would be.
        let first = if self.operation == Operation::Search { first + gap * pieces } else { first };
        Script { pieces, first_ms: milliseconds(first), gap_ms: milliseconds(gap), text, ..Script::default() }
    }

    /// Processor time that the target and this process have used, in seconds. The model and the clients are this process.
    ///
    /// # Errors
    ///
    /// Where a process does not tell.
    pub(super) fn cpu(&self) -> Result<(f64, f64), Failure> {
        let seconds = |pid| process::cpu_seconds(pid).map_err(|error| (exit::UNREACHABLE, error.to_string()));
        Ok((seconds(self.pid)?, seconds(std::process::id())?))
    }

    /// The target as a run record names it.
    pub(super) fn run_target(&self) -> RunTarget {
        RunTarget {
            name: self.name.clone(),
            base_url: self.target.base_url.clone(),
            implementation: None,
            version: None,
        }
    }

    /// Descriptors, tasks and streams of the target now.
    ///
    /// # Errors
    ///
    /// Where the control API or the process does not tell.
    pub async fn counts(&self) -> Result<super::Counts, Failure> {
        let unreachable = |told: String| (exit::UNREACHABLE, told);
        let control = self.target.control.as_deref().unwrap_or_default();
        let answer = Self::client(0).get(format!("{control}/counters")).send().await;
        let answer = answer.map_err(|error| unreachable(format!("control API: {error}")))?;
        let text = answer.text().await.map_err(|error| unreachable(format!("control API: {error}")))?;
        let counters: Value = serde_json::from_str(&text).unwrap_or_default();
        let read = |name: &str| {
            let value = counters[name].as_u64();
            value
                .ok_or_else(|| unreachable(format!("control API: expected `{name}` in the counters, found {counters}")))
        };
        let descriptors = process::descriptors(self.pid).map_err(|error| unreachable(error.to_string()))?;
        Ok(super::Counts {
            open_streams: read("open_streams")?,
            tasks: read("tasks")?,
            descriptors,
            upstream_streams: self.model.open_streams(),
        })
    }

    /// Resident memory of the target, in bytes.
    ///
    /// # Errors
    ///
    /// Where the process does not tell.
    pub fn memory(&self) -> Result<u64, Failure> {
        process::resident_bytes(self.pid).map_err(|error| (exit::UNREACHABLE, error.to_string()))
    }

    async fn ingest(&self) -> Result<(), Failure> {
        let document = json!({"documents": [{"id": "yard", "content_type": "text/plain", "content": PASSAGE}]});
        let answer = self.post(&Self::client(0), "/ingest", &document).send().await;
        match answer.map(|answer| answer.status().as_u16()) {
            Ok(200) => Ok(()),
            Ok(status) => Err((exit::FAILED, format!("POST /ingest: expected status 200, found {status}"))),
            Err(error) => Err((exit::UNREACHABLE, error.to_string())),
        }
    }
}

/// The fixtures' tenant and platform with the stand-in as a model, beside the credentials that `--demo` takes.
fn write_tenants(folder: &Path, url: &str) -> std::io::Result<()> {
    let (from, to) = (fixtures_root(), folder.join("tenants"));
    fs::create_dir_all(to.join(TENANT))?;
    fs::create_dir_all(folder.join("credentials"))?;
    for file in ["jwks.json", "keys.yaml", "upstream.key"] {
        fs::copy(from.join("credentials").join(file), folder.join("credentials").join(file))?;
    }
    let read = |path: &str| -> std::io::Result<Value> {
        let text = fs::read_to_string(from.join("tenants").join(path))?;
        serde_yaml::from_str(&text).map_err(std::io::Error::other)
    };
    let mut platform = read("platform.yaml")?;
    let model = json!({"id": MODEL, "kind": "generation", "url": url, "model": "paced", "timeout_ms": 600_000});
    // Beside those of the fixtures, because a profile may give one of them another address.
    match platform["model_providers"].as_array_mut() {
        Some(providers) => providers.push(model),
        None => platform["model_providers"] = json!([model]),
    }
    fs::write(to.join("platform.yaml"), platform.to_string())?;
    let mut tenant = read(&format!("{TENANT}/tenant.yaml"))?;
    tenant["models"]["generation"] = json!(MODEL);
    tenant["features"] = json!(["chat", "search_streaming"]);
    tenant["limits"] = platform["default_limits"].clone();
    tenant["limits"]["concurrent_streams"] = json!(10_000);
    tenant["times"] = json!({
        "cache_ttl_ms": 60_000, "rate_window_ms": 1000, "idempotency_ttl_ms": 60_000, "session_ttl_ms": 60_000,
        "result_ttl_ms": 60_000, "heartbeat_ms": 5000, "deadline_ms": 600_000, "stream_release_ms": 1000,
    });
    fs::write(to.join(TENANT).join("tenant.yaml"), tenant.to_string())
}
