//! Holds any server against any OpenAPI 3.1 document: the generated cases that the document alone justifies, judged by it.

mod expected;
mod record;
mod request;
mod server;

use std::{path::PathBuf, time::SystemTime};

use contracts::{
    catalogue::{self, Case},
    model::Foreign,
};
use futures_util::{StreamExt, stream};
use harness::{client::ClientError, exit, output};
use serde_json::Value;

use crate::engine::{self, Options};
use record::Found;
use server::Server;

/// Another contract than ours, and where it is served.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Against {
    /// Hold the target against this OpenAPI 3.1 document, JSON or YAML, instead of our own contract.
    #[arg(long, value_name = "FILE")]
    pub(crate) contract: Option<PathBuf>,
    /// Address of the server, the base path included; the profile's when absent.
    #[arg(long, value_name = "URL", requires = "contract")]
    pub(crate) url: Option<String>,
    /// A header for every request, as 'name: value'; may be repeated. Its value stays out of every record.
    #[arg(long = "header", value_name = "HEADER", requires = "contract", value_parser = header)]
    pub(crate) headers: Vec<(String, String)>,
}

fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("expected `name: value`")?;
    let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if name.is_empty() || !name.chars().all(token) {
        return Err(format!("`{name}` is no name of a header"));
    }
    Ok((name.to_ascii_lowercase(), value.trim().to_owned()))
}

/// Runs the cases of the document and gives the exit code. `command` repeats the run.
pub(crate) fn main(options: &Options, against: &Against, command: &str) -> u8 {
    let started = SystemTime::now();
    let (foreign, cases) = match plan(options, against) {
        Ok(plan) => plan,
        Err(message) => {
            output::say(&message);
            return exit::USAGE;
        }
    };
    if options.list {
        for case in &cases {
            output::data(&record::id(case));
        }
        return exit::PASS;
    }
    let server = match Server::open(options, against, &foreign) {
        Ok(server) => server,
        Err(error) => {
            output::say(&error.to_string());
            return error.exit_code();
        }
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            output::say(&format!("no async runtime: {error}"));
            return exit::HARNESS;
        }
    };
    match runtime.block_on(all(options, &server, &foreign, cases)) {
        Ok(found) => engine::tell(options, &record::of_run(&server, &foreign, found, started, command)),
        Err(error) => {
            output::say(&format!("the target cannot be reached: {error}"));
            exit::UNREACHABLE
        }
    }
}

/// Reads the document and chooses the cases.
fn plan(options: &Options, against: &Against) -> Result<(Foreign, Vec<Case>), String> {
    let file = against.contract.clone().unwrap_or_default();
    if !options.rules.is_empty() || options.explain.is_some() {
        return Err("--rule and --explain: another contract has no rules of ours".to_owned());
    }
    if options.rerun_failed {
        return Err("--rerun-failed: not with --contract; name the cases with --case".to_owned());
    }
    let text =
        std::fs::read_to_string(&file).map_err(|cause| format!("{}: cannot be read: {cause}", file.display()))?;
    // JSON is YAML, but its own parser is faster and its messages are better.
    let document: Value = if text.trim_start().starts_with('{') {
        serde_json::from_str(&text).map_err(|error| format!("{}: is not valid JSON: {error}", file.display()))?
    } else {
        serde_yaml::from_str(&text).map_err(|error| format!("{}: is not valid YAML: {error}", file.display()))?
    };
    let foreign = Foreign::from_document(document, &file).map_err(|error| error.to_string())?;
    let all = catalogue::foreign_cases(&foreign);
    if let Some(strange) = options.operations.iter().find(|id| foreign.contract.operation(id).is_none()) {
        return Err(format!("--operation: {} has no operation `{strange}`", file.display()));
    }
    if let Some(strange) = options.cases.iter().find(|id| !all.iter().any(|case| record::id(case) == **id)) {
        return Err(format!("--case: no case has the id `{strange}`; `--list` shows them"));
    }
    let fits = |case: &Case| {
        let id = record::id(case);
        let mut texts = options.texts.iter().chain(&options.filters).peekable();
        (texts.peek().is_none() || texts.any(|text| id.contains(text.as_str())))
            && (options.cases.is_empty() || options.cases.contains(&id))
            && (options.operations.is_empty() || options.operations.contains(&case.operation))
    };
    let (part, parts) = options.shard.unwrap_or((1, 1));
    let chosen = all.into_iter().filter(fits).enumerate();
    let chosen: Vec<Case> = chosen.filter(|(index, _)| index % parts == part - 1).map(|(_, case)| case).collect();
    if chosen.is_empty() {
        return Err("no case fits; `--list` without filters shows all of them".to_owned());
    }
    Ok((foreign, chosen))
}

/// Runs all cases, those that delete last, and stops where the options say so.
async fn all(
    options: &Options,
    server: &Server,
    foreign: &Foreign,
    cases: Vec<Case>,
) -> Result<Vec<Found>, ClientError> {
    server.knock().await?;
    let deletes = |case: &Case| {
        let method = foreign.contract.operation(&case.operation).map(|operation| operation.method.as_str());
        case.method.is_none() && method == Some("DELETE")
    };
    let (last, first): (Vec<Case>, Vec<Case>) = cases.into_iter().partition(deletes);
    let total = first.len() + last.len();
    let until = options.max_time.map(|time| tokio::time::Instant::now() + time);
    let mut found: Vec<Found> = Vec::new();
    for part in [first, last] {
        let runs = stream::iter(part).map(|case| async move {
            if until.is_some_and(|until| tokio::time::Instant::now() >= until) || server.pace.is_spent() {
                return None;
            }
            Some(server.run(foreign, case).await)
        });
        let mut runs = runs.buffer_unordered(server.pace.concurrency());
        while let Some(ended) = runs.next().await {
            let Some(ended) = ended else { continue };
            let failed = ended.says(options);
            found.push(ended);
            if failed && options.fail_fast {
                server.left_out(total - found.len(), "the first failure ended the run");
                return Ok(found);
            }
        }
    }
    if found.len() < total {
        server.left_out(total - found.len(), "the run was given less time or fewer requests");
    }
    Ok(found)
}
