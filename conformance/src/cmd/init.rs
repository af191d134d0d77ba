//! `conformance init`.

use std::{
    fs,
    path::{Path, PathBuf},
};

use contract_types::Feature;
use harness::{
    client::{Bounds, Client, Request},
    credential::Secret,
    exit, output,
    profile::{self, Draft, DraftTenant},
    project_root, root, seed,
};
use serde_json::Value;

/// Asks a deployment what it is and writes a first profile of it.
///
/// It asks GET /health and, with the credential of each tenant, GET /capabilities, and changes nothing there. Credentials are
/// read from environment variables, whose names alone come to stand in the profile.
///
/// Example: `ACME_KEY=... conformance init --url https://api.example.com --name acme --tenant acme-test --key-env ACME_KEY`
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Address of the deployment without a final slash; '${NAME}' in quotes for the one in that environment variable.
    #[arg(long, value_name = "URL")]
    url: String,
    /// Name of the profile; made from the address when absent.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// A tenant there that may be written to, the main one first; may be repeated.
    #[arg(long = "tenant", value_name = "TENANT", required = true)]
    tenants: Vec<String>,
    /// The environment variable that holds the credential of the tenant at the same place; may be repeated.
    #[arg(long = "key-env", value_name = "VARIABLE", required = true)]
    variables: Vec<String>,
    /// Folder of the profile; conformance/targets of the project, or targets here where there is none.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Write over a profile that is there already.
    #[arg(long)]
    force: bool,
}

/// Why there is no profile, and the exit code that it leads to.
struct Refusal(u8, String);

fn usage(message: impl Into<String>) -> Refusal {
    Refusal(exit::USAGE, message.into())
}

impl Args {
    pub(super) fn run(self) -> u8 {
        super::block_on(async {
            match self.draft().await.and_then(|draft| self.write(&draft)) {
                Ok((file, name)) => {
                    output::data(&file.display().to_string());
                    output::say(&format!(
                        "next: read it, add tenants and credentials, then\n  conformance doctor --target {name}\n  conformance run --target {name}"
                    ));
                    exit::PASS
                }
                Err(Refusal(code, message)) => {
                    output::say(&message);
                    code
                }
            }
        })
    }

    /// Asks the deployment.
    async fn draft(&self) -> Result<Draft, Refusal> {
        if self.tenants.len() != self.variables.len() {
            return Err(usage(format!(
                "expected one --key-env for each --tenant, found {} and {}",
                self.variables.len(),
                self.tenants.len()
            )));
        }
        let base = address(&self.url)?;
        let bounds = Bounds::of_run(variable).map_err(|error| usage(error.to_string()))?;
        let client = Client::new(&base, bounds).map_err(|error| usage(format!("--url: {error}")))?;
        let health = ask(&client, Request::new("GET", "/health"), "").await?;
        let contract_version = health["contract_version"].as_str().map(str::to_owned).ok_or_else(|| {
            Refusal(
                exit::FAILED,
                format!("GET {base}/health names no contract_version: is this the platform's address?"),
            )
        })?;
        let mut main = None;
        let mut tenants = Vec::new();
        for (tenant, name) in self.tenants.iter().zip(&self.variables) {
            let key = variable(name).filter(|key| !key.is_empty());
            let key = key.ok_or_else(|| usage(format!("--key-env: the environment variable {name} is not set")))?;
            let request = Request::new("GET", "/capabilities").bearer(&Secret::new(key.trim()));
            let found = ask(&client, request, &format!(" with the credential in {name}")).await?;
            match found["tenant"].as_str() {
                Some(own) if own == tenant => {}
                Some(own) => {
                    return Err(usage(format!("the credential in {name} is of tenant `{own}`, not of `{tenant}`")));
                }
                None => {
                    let message = format!("GET {base}/capabilities names no tenant: is this the platform's address?");
                    return Err(Refusal(exit::FAILED, message));
                }
            }
            tenants.push(DraftTenant { id: tenant.clone(), variable: name.clone() });
            main.get_or_insert(found);
        }
        let main = main.unwrap_or_default();
        let features = main["features"].as_array().into_iter().flatten();
        let named = |key: &str| main["implementation"][key].as_str().map(str::to_owned);
        Ok(Draft {
            name: self.name.clone().unwrap_or_else(|| stem(&base)),
            base_url: self.url.trim_end_matches('/').to_owned(),
            tenants,
            features: features.filter_map(|feature| serde_json::from_value::<Feature>(feature.clone()).ok()).collect(),
            consistency_ms: main["consistency_ms"].as_u64().unwrap_or(0),
            implementation: named("name").zip(named("version")),
            contract_version: contract_version.chars().filter(|c| !c.is_control()).take(64).collect(),
        })
    }

    /// Writes the profile, unless there is one; gives its file and its name.
    fn write(&self, draft: &Draft) -> Result<(PathBuf, String), Refusal> {
        let folder = self.out.clone().unwrap_or_else(folder);
        let name = &draft.name;
        if name.contains(['/', '\\']) {
            return Err(usage(format!("--name: `{name}` is no file name")));
        }
        let file = folder.join(format!("{name}.yaml"));
        let text = draft.text();
        profile::check(&text, &file).map_err(|error| usage(error.to_string()))?;
        if file.exists() && !self.force {
            return Err(usage(format!(
                "{} is there already; --name says another name, --force writes over it",
                file.display()
            )));
        }
        fs::create_dir_all(&folder)
            .and_then(|()| fs::write(&file, text))
            .map_err(|cause| usage(format!("{} cannot be written: {cause}", file.display())))?;
        Ok((file, name.clone()))
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The address itself, where `url` may name the variable that holds it.
fn address(url: &str) -> Result<String, Refusal> {
    let url = url.trim_end_matches('/');
    let full = match url.strip_prefix("${").and_then(|rest| rest.split_once('}')) {
        Some((name, rest)) => {
            let value = variable(name).filter(|value| !value.is_empty());
            let value = value.ok_or_else(|| usage(format!("--url: the environment variable {name} is not set")))?;
            format!("{}{rest}", value.trim_end_matches('/'))
        }
        None => url.to_owned(),
    };
    let authority = full.split("://").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or_default();
    if authority.contains('@') {
        return Err(usage("--url: holds a user name or password, which a profile must not; take it out"));
    }
    Ok(full)
}

/// Asks for JSON and says clearly what came instead.
async fn ask(client: &Client, request: Request, how: &str) -> Result<Value, Refusal> {
    let what = format!("GET {}{}{how}", client.base(), request.target);
    let exchange = seed::send_patiently(client, &request).await;
    let exchange = exchange.map_err(|error| Refusal(exit::UNREACHABLE, format!("{what}: {error}")))?;
    let code = exchange.response.error_code().map(|code| format!(" {code}")).unwrap_or_default();
    match (exchange.response.status, exchange.response.json()) {
        (200 | 503, Some(body)) if request.target == "/health" || exchange.response.status == 200 => Ok(body),
        (200, _) => {
            Err(Refusal(exit::FAILED, format!("{what} answers 200 without JSON: is this the platform's address?")))
        }
        (status @ (401 | 403), _) => Err(Refusal(exit::FAILED, format!("{what} is refused: {status}{code}"))),
        (status, _) => Err(Refusal(exit::FAILED, format!("{what} answers {status}{code}, expected 200"))),
    }
}

/// A name from an address: its host in the letters of a name.
fn stem(base: &str) -> String {
    let host = base.split("://").nth(1).unwrap_or(base).split(['/', '?']).next().unwrap_or_default();
    let letters =
        host.to_ascii_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect::<String>();
    let name: String = letters.trim_matches('-').chars().take(60).collect();
    let name = name.trim_end_matches('-');
    if name.is_empty() { "deployment".to_owned() } else { name.to_owned() }
}

/// The folder that profiles go to unless it is said otherwise.
fn folder() -> PathBuf {
    let here = Path::new("conformance/targets");
    if here.is_dir() {
        here.to_path_buf()
    } else if root::is_carried() {
        PathBuf::from("targets")
    } else {
        project_root().join("conformance/targets")
    }
}
