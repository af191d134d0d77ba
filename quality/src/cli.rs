//! The command line.

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};
use contract_types::{OPENAPI, RunRecord, RunRecordKind, RunRecordVerdict};
use contracts::Contract;
use harness::{
    client::ClientError,
    exit,
    judge::Judge,
    output::{data, say},
    pace::Pace,
    prepare::Prepared,
    project_root, record,
};

use crate::{
    report,
    smoke::{self, TenantScores},
};

/// Scores the retrieval of a deployment.
///
/// Exit codes: 0 every floor was reached, 1 a bug of ours, 2 an argument or file cannot be used, 3 the target cannot be
/// reached, 100 a floor was missed or an answer was wrong.
#[derive(Debug, Parser)]
#[command(name = "quality", version)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Ask every judged question of the fixtures once and hold recall@5 of each tenant to its floor.
    Smoke(Smoke),
}

#[derive(Debug, clap::Args)]
struct Smoke {
    /// Target profile, a file of conformance/targets without its ending.
    #[arg(long, value_name = "NAME", default_value = "local")]
    target: String,
    /// Ask this tenant only; may be repeated.
    #[arg(long = "tenant", value_name = "ID")]
    tenants: Vec<String>,
    /// Folder that the run record is written to [default: reports/out of the workspace].
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

impl Arguments {
    /// Runs the command; the exit code says how it went.
    pub fn run(self) -> ExitCode {
        let Command::Smoke(smoke) = self.command;
        ExitCode::from(smoke.run())
    }
}

impl Smoke {
    fn run(&self) -> u8 {
        let runtime = match tokio::runtime::Runtime::new() {
            Ok(runtime) => runtime,
            Err(error) => return fail(exit::HARNESS, &format!("no async runtime: {error}")),
        };
        let contract = match contract() {
            Ok(contract) => contract,
            Err(message) => return fail(exit::HARNESS, &message),
        };
        let started_at = record::now();
        let mut prepared = match Prepared::open(&self.target, &self.tenants) {
            Ok(prepared) => prepared,
            Err(error) => return fail(error.exit_code(), &error.to_string()),
        };
        if let Err(error) = runtime.block_on(prepared.fill()) {
            return fail(error.exit_code(), &error.to_string());
        }
        let tenants = match runtime.block_on(ask(&prepared, &Judge::new(&contract))) {
            Ok(tenants) => tenants,
            Err(error) => return fail(exit::UNREACHABLE, &format!("the target stopped answering: {error}")),
        };
        for line in report::table(&tenants) {
            data(&line);
        }
        for line in report::problems(&tenants) {
            say(&line);
        }
        let passed = tenants.iter().all(TenantScores::passes);
        let out = self.out.clone().unwrap_or_else(|| project_root().join("reports/out"));
        let mut record = self.record(&prepared, &tenants, started_at, contract.version().to_owned());
        record.verdict = if passed { RunRecordVerdict::Pass } else { RunRecordVerdict::Fail };
        match record::write(&record, &out) {
            Ok(path) => say(&format!("wrote {}", path.display())),
            Err(error) => return fail(exit::HARNESS, &format!("{} cannot be written: {error}", out.display())),
        }
        if passed { exit::PASS } else { exit::FAILED }
    }

    fn record(
        &self,
        prepared: &Prepared,
        tenants: &[TenantScores],
        started_at: String,
        contract_version: String,
    ) -> RunRecord {
        let cases = report::gates(tenants);
        let unanswerable: usize = tenants.iter().map(|tenant| tenant.unanswerable).sum();
        let only = self.tenants.iter().fold(String::new(), |text, tenant| text + " --tenant " + tenant);
        RunRecord {
            schema_version: record::SCHEMA_VERSION,
            run_id: record::run_id(),
            kind: RunRecordKind::Quality,
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            contract_version,
            target: prepared.run_target(),
            started_at,
            finished_at: record::now(),
            seed: 0,
            commit: record::commit(&project_root()),
            command: format!("cargo run -p quality -- smoke --target {}{only}", self.target),
            verdict: RunRecordVerdict::Error,
            counts: record::counts(&cases),
            cases,
            coverage: None,
            scores: Some(report::scores(tenants)),
            changes: None,
            load: None,
            notes: vec![
                format!("{unanswerable} unanswerable questions were asked but not scored"),
                format!("documents rank by their best of {} chunks", smoke::TOP_K),
            ],
        }
    }
}

async fn ask(prepared: &Prepared, judge: &Judge) -> Result<Vec<TenantScores>, ClientError> {
    let pace = Pace::new(prepared.profile.spec.pace.as_ref());
    let mut found = Vec::new();
    for (tenant, credential) in prepared.tenants() {
        found.push(smoke::ask_all(&prepared.client, judge, &pace, tenant, credential).await?);
    }
    Ok(found)
}

fn contract() -> Result<Contract, String> {
    let document = serde_json::from_str(OPENAPI).map_err(|error| format!("the contract is no JSON: {error}"))?;
    Contract::from_document(document).map_err(|error| format!("the contract cannot be read: {error}"))
}

fn fail(code: u8, message: &str) -> u8 {
    say(message);
    code
}
