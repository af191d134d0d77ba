//! `quality smoke`: the fixtures' questions once, held to the floor of each tenant and to the committed baseline, and the labelled
//! cases of the tools.

use std::path::PathBuf;

use contract_types::{CaseRecord, OPENAPI, RunRecordVerdict};
use contracts::Contract;
use harness::{
    client::{ClientError, Request},
    exit,
    judge::Judge,
    output::{data, say},
    pace::Pace,
    prepare::Prepared,
    project_root, record,
    seed::send_patiently,
};

use super::{Finished, baselines, fail, read_baseline, tools};
use crate::{
    baseline::Baseline,
    collection::FIXTURES,
    report,
    smoke::{self, TenantScores},
    tools::{Figure, METRICS},
    wire::RunError,
};

/// Ask every judged question of the fixtures once: recall@5 of each tenant against its floor, nDCG@10 against the committed
/// baseline of the target; and the labelled cases of the tools against their floors.
#[derive(Debug, clap::Args)]
pub struct Smoke {
    /// Target profile, a file of conformance/targets without its ending.
    #[arg(long, value_name = "NAME", default_value = "local")]
    target: String,
    /// Ask this tenant only; may be repeated.
    #[arg(long = "tenant", value_name = "ID")]
    tenants: Vec<String>,
    /// Baseline to compare with [default: that of the target in reports/baselines, where there is one].
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Folder that the run record is written to [default: reports/out of the workspace].
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

impl Smoke {
    /// Runs the command; the exit code says how it went.
    pub(crate) fn run(&self) -> u8 {
        let runtime = match tokio::runtime::Runtime::new() {
            Ok(runtime) => runtime,
            Err(error) => return fail(exit::HARNESS, &format!("no async runtime: {error}")),
        };
        let contract = match contract() {
            Ok(contract) => contract,
            Err(message) => return fail(exit::HARNESS, &message),
        };
        let started_at = record::now();
        let file = self.baseline.clone();
        let baseline = match read_baseline(file.as_deref(), &baselines(), &self.target, FIXTURES, None) {
            Ok(baseline) => baseline,
            Err(error) => return fail(exit::USAGE, &error.to_string()),
        };
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
        let measured = match runtime.block_on(self.tools(&prepared)) {
            Ok(measured) => measured,
            Err(error) => return fail(error.exit_code(), &error.to_string()),
        };
        for figure in &measured {
            data(&tools::row(figure));
        }
        for figure in measured.iter().filter(|figure| !figure.passes()) {
            say(&format!("{} {}: {}", figure.tool, figure.metric, tools::told(figure)));
        }
        let losses = report::losses(&tenants, baseline.as_ref());
        for case in &losses {
            if let Some(message) = case.message.as_ref().or(case.reason.as_ref()) {
                say(&format!("{}: {message}", case.id));
            }
        }
        let lost = losses.iter().any(|case| case.outcome == contract_types::CaseRecordOutcome::Fail);
        let passed = !lost && tenants.iter().all(TenantScores::passes) && measured.iter().all(Figure::passes);
        let mut finished = self.finished(&tenants, losses, baseline.as_ref(), started_at, passed);
        if measured.is_empty() {
            finished.notes.push(format!(
                "the labelled cases of the tools were not asked: no tenant `{}` that lists them all",
                tools::TENANT
            ));
        }
        finished.cases.extend(measured.iter().map(tools::gate));
        finished.scores.extend(measured.iter().map(|figure| tools::score(tools::TENANT, figure)));
        finished.write(&prepared, self.out.clone())
    }

    /// The labelled cases of the tools; none where the target has no tenant that lists them all, or others were asked for.
    async fn tools(&self, prepared: &Prepared) -> Result<Vec<Figure>, RunError> {
        let asked = self.tenants.is_empty() || self.tenants.iter().any(|tenant| tenant == tools::TENANT);
        let Some(credential) = prepared.profile.credential(tools::TENANT, "all").filter(|_| asked) else {
            return Ok(Vec::new());
        };
        let request = Request::new("GET", "/tools").bearer(&credential.secret);
        let listed = send_patiently(&prepared.client, &request).await?.response.json().unwrap_or_default();
        let lists = |tool: &str| listed["tools"].as_array().is_some_and(|all| all.iter().any(|it| it["name"] == tool));
        if !METRICS.iter().all(|(tool, _)| lists(tool)) {
            return Ok(Vec::new());
        }
        tools::measure(prepared, tools::TENANT, &project_root().join(tools::CASES)).await
    }

    fn finished(
        &self,
        tenants: &[TenantScores],
        losses: Vec<CaseRecord>,
        baseline: Option<&Baseline>,
        started_at: String,
        passed: bool,
    ) -> Finished {
        let mut cases = report::gates(tenants);
        cases.extend(losses);
        let unanswerable: usize = tenants.iter().map(|tenant| tenant.unanswerable).sum();
        let only = self.tenants.iter().fold(String::new(), |text, tenant| text + " --tenant " + tenant);
        Finished {
            started_at,
            seed: 0,
            command: format!("cargo run -p quality -- smoke --target {}{only}", self.target),
            verdict: if passed { RunRecordVerdict::Pass } else { RunRecordVerdict::Fail },
            cases,
            scores: report::scores(tenants, baseline),
            changes: Vec::new(),
            notes: [
                format!("{unanswerable} unanswerable questions were asked but not scored"),
                format!("documents rank by their best of {} chunks", smoke::TOP_K),
            ]
            .into_iter()
            // A part of the questions opens no gate.
            .chain((!self.tenants.is_empty()).then(|| "part of the suite: chosen by --tenant".to_owned()))
            .collect(),
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
