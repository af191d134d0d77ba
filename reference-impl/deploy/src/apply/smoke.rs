//! Tries a version before it gets traffic: by the platform's header that asks for a version by its id.

use std::process::Stdio;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use serde_json::Value;

use crate::api::{ApiError, Pool};

/// Header that asks a Worker for one of its deployed versions.
pub const OVERRIDE: &str = "Cloudflare-Workers-Version-Overrides";

/// What is asked: path, status, and what the body must say.
const CHECKS: [(&str, u16, Body); 3] =
    [("/health", 200, Body::Json), ("/openapi.json", 200, Body::Contract), ("/capabilities", 401, Body::Error)];

#[derive(Debug, Clone, Copy)]
enum Body {
    /// It is JSON.
    Json,
    /// It is the contract that this tool knows, by its version.
    Contract,
    /// It is an error of the contract.
    Error,
}

/// Why a version was found not to work.
#[derive(Debug, thiserror::Error)]
pub enum SmokeError {
    /// It cannot be reached.
    #[error("expected an answer from {0}")]
    Unreachable(String, #[source] ApiError),
    /// It answers something else.
    #[error("expected {expected} from {url}, found {found}")]
    Answer {
        /// What was asked.
        url: String,
        /// What was expected.
        expected: String,
        /// What came.
        found: String,
    },
    /// There is no address.
    #[error("expected an address to try the version at: give the environment a route or a smoke_url")]
    Address,
    /// The command did not succeed.
    #[error("expected `{0}` to succeed, it {1}")]
    Command(String, String),
}

/// How a version is tried.
#[derive(Debug, Clone)]
pub struct Smoke {
    /// Longest time for one answer.
    pub timeout: Duration,
    /// Most tries: a new version takes seconds to reach every place.
    pub tries: u32,
    /// Wait between tries.
    pub wait: Duration,
    /// A program with arguments that decides too. Its environment holds `PLUMBLINE_SMOKE_URL`, `PLUMBLINE_SMOKE_OVERRIDE` with the value of
    /// [`OVERRIDE`], and `PLUMBLINE_SMOKE_HEADER` with the whole header field.
    pub command: Vec<String>,
    /// Whether a version may serve another version of the contract than this tool knows: an earlier Worker serves an earlier one, and is
    /// gone back to all the same.
    pub earlier: bool,
}

impl Default for Smoke {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(20),
            tries: 6,
            wait: Duration::from_secs(3),
            command: Vec::new(),
            earlier: false,
        }
    }
}

impl Smoke {
    /// Tries `version` of `worker` at `url`.
    pub(crate) async fn run(&self, url: Option<&str>, worker: &str, version: Option<&str>) -> Result<(), SmokeError> {
        let url = url.ok_or(SmokeError::Address)?.trim_end_matches('/');
        let header = version.map(|version| format!("{worker}=\"{version}\""));
        for (path, status, body) in CHECKS {
            let at = format!("{url}{path}");
            let mut tries = 0;
            loop {
                tries += 1;
                match self.ask(&at, header.as_deref(), status, body).await {
                    Ok(()) => break,
                    Err(error) if tries >= self.tries => return Err(error),
                    Err(_) => tokio::time::sleep(self.wait).await,
                }
            }
        }
        self.command(url, header.as_deref()).await
    }

    async fn ask(&self, url: &str, header: Option<&str>, status: u16, body: Body) -> Result<(), SmokeError> {
        let unreachable = |error| SmokeError::Unreachable(url.to_owned(), error);
        let mut request = Request::get(url);
        if let Some(header) = header {
            request = request.header(OVERRIDE, header);
        }
        let request = request
            .body(Full::new(Bytes::new()))
            .map_err(|_| unreachable(ApiError::Unusable("expected an address")))?;
        let pool = Pool::new(url).map_err(unreachable)?;
        let (found, _, bytes) = pool.send(request, url, self.timeout).await.map_err(unreachable)?;
        let wrong = |expected: String, found: String| SmokeError::Answer { url: url.to_owned(), expected, found };
        if found.as_u16() != status {
            return Err(wrong(format!("status {status}"), found.as_u16().to_string()));
        }
        let value: Value =
            serde_json::from_slice(&bytes).map_err(|_| wrong("JSON".to_owned(), "something else".to_owned()))?;
        match body {
            Body::Json => Ok(()),
            Body::Error if value["error"]["code"].is_string() => Ok(()),
            Body::Error => Err(wrong("an error with a code".to_owned(), "JSON without one".to_owned())),
            Body::Contract => {
                let ours = contract_version();
                let theirs = value["info"]["version"].as_str().unwrap_or("none");
                if theirs == ours || (self.earlier && theirs != "none") {
                    Ok(())
                } else {
                    Err(wrong(format!("the contract {ours}"), theirs.to_owned()))
                }
            }
        }
    }

    async fn command(&self, url: &str, header: Option<&str>) -> Result<(), SmokeError> {
        let Some((program, arguments)) = self.command.split_first() else { return Ok(()) };
        let mut command = tokio::process::Command::new(program);
        command.args(arguments).env("PLUMBLINE_SMOKE_URL", url).stdin(Stdio::null()).stdout(Stdio::null());
        command.env("PLUMBLINE_SMOKE_OVERRIDE", header.unwrap_or_default());
        command.env("PLUMBLINE_SMOKE_HEADER", header.map(|value| format!("{OVERRIDE}: {value}")).unwrap_or_default());
        let failed = |why: String| SmokeError::Command(self.command.join(" "), why);
        command.kill_on_drop(true);
        let status = command.status().await.map_err(|error| failed(format!("could not be started: {error}")))?;
        if status.success() { Ok(()) } else { Err(failed(format!("ended with {status}"))) }
    }
}

/// Version of the contract that this tool was built with.
fn contract_version() -> String {
    #[derive(serde::Deserialize)]
    struct Document {
        info: Info,
    }
    #[derive(serde::Deserialize)]
    struct Info {
        version: String,
    }
    let document: Document = serde_json::from_str(contract_types::OPENAPI).expect("the contract is JSON");
    document.info.version
}
