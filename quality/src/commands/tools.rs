//! `quality tools`: labelled cases of the five tools against their floors.

use std::path::{Path, PathBuf};

use contract_types::{CaseRecord, CaseRecordLevel, CaseRecordOutcome, RunRecordVerdict, ScoreRecord};
use harness::{
    exit,
    output::{data, say},
    pace::Pace,
    prepare::Prepared,
    project_root, record,
};
use indicatif::{ProgressBar, ProgressStyle};

use super::{Finished, fail};
use crate::{
    tools::{self, Figure},
    wire::{RunError, Wire},
};

/// Where the labelled cases are, from the root of the project.
pub(super) const CASES: &str = "fixtures/tools";
/// The tenant that lists all tools and has no other use.
pub(super) const TENANT: &str = "open-shelf";
/// Misses that are told of one figure.
const TOLD: usize = 12;

/// Run the labelled cases of the tools: entities, intents and tags by F1, summaries by ROUGE-L, documents exactly, each held to its
/// floor.
#[derive(Debug, clap::Args)]
pub struct Tools {
    /// Target profile, a file of conformance/targets without its ending.
    #[arg(long, value_name = "NAME", default_value = "local")]
    target: String,
    /// Tenant that lists all tools.
    #[arg(long, value_name = "ID", default_value = "open-shelf")]
    tenant: String,
    /// Folder of the labelled cases [default: fixtures/tools of the workspace].
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Folder that the run record is written to [default: reports/out of the workspace].
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

impl Tools {
    /// Runs the command; the exit code says how it went.
    pub(crate) fn run(&self) -> u8 {
        let started_at = record::now();
        let runtime = match tokio::runtime::Runtime::new() {
            Ok(runtime) => runtime,
            Err(error) => return fail(exit::HARNESS, &format!("no async runtime: {error}")),
        };
        let prepared = match Prepared::open(&self.target, &[]) {
            Ok(prepared) => prepared,
            Err(error) => return fail(error.exit_code(), &error.to_string()),
        };
        let folder = self.data.clone().unwrap_or_else(|| project_root().join(CASES));
        let figures = match runtime.block_on(self.measure(&prepared, &folder)) {
            Ok(figures) => figures,
            Err(error) => return fail(error.exit_code(), &error.to_string()),
        };
        for figure in &figures {
            data(&row(figure));
        }
        for figure in figures.iter().filter(|figure| !figure.passes()) {
            say(&format!("{} {}: {}", figure.tool, figure.metric, told(figure)));
        }
        let passed = figures.iter().all(Figure::passes);
        let finished = Finished {
            started_at,
            seed: 0,
            command: format!("cargo run -p quality -- tools --target {} --tenant {}", self.target, self.tenant),
            verdict: if passed { RunRecordVerdict::Pass } else { RunRecordVerdict::Fail },
            cases: figures.iter().map(gate).collect(),
            scores: figures.iter().map(|figure| score(&self.tenant, figure)).collect(),
            changes: Vec::new(),
            notes: vec!["figures of the cases whose split is test".to_owned()],
        };
        finished.write(&prepared, self.out.clone())
    }

    async fn measure(&self, prepared: &Prepared, folder: &Path) -> Result<Vec<Figure>, RunError> {
        measure(prepared, &self.tenant, folder).await
    }
}

/// The figures of the labelled cases in `folder`, called as `tenant`.
///
/// # Errors
///
/// [`RunError`]: the profile has no credential of the tenant, the target stopped answering, or a call was refused.
pub(super) async fn measure(prepared: &Prepared, tenant: &str, folder: &Path) -> Result<Vec<Figure>, RunError> {
    let missing = || {
        let file = prepared.profile.file.display();
        RunError::Missing(format!("{file}: /credentials: expected a credential `all` of tenant `{tenant}`"))
    };
    let credential = prepared.profile.credential(tenant, "all").ok_or_else(missing)?;
    let pace = Pace::new(prepared.profile.spec.pace.as_ref());
    let wire = Wire { client: &prepared.client, credential, pace: &pace, fault: None, stranger: None, seed: 0 };
    let style = ProgressStyle::with_template("{msg:32} {bar:30} {pos}/{len} {elapsed}");
    let progress = ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let figures = tools::measure(&wire, folder, &progress).await;
    progress.finish_and_clear();
    figures
}

/// A figure as a record has it.
pub(super) fn score(tenant: &str, figure: &Figure) -> ScoreRecord {
    let (set, metric) = (figure.tool.to_owned(), figure.metric.to_owned());
    let of = u64::try_from(figure.of).unwrap_or(0);
    let mut score = ScoreRecord::new(tenant.into(), set, metric, figure.value, of);
    score.floor = Some(figure.least);
    score
}

/// A figure as the terminal shows it.
pub(super) fn row(figure: &Figure) -> String {
    let verdict = if figure.passes() { "ok" } else { "FAILED" };
    let Figure { tool, metric, value, of, least, .. } = figure;
    format!("{tool:16} {metric:8} {value:.3} of {of:4} at least {least:.2} {verdict}")
}

/// What is wrong with a figure that does not pass.
pub(super) fn told(figure: &Figure) -> String {
    let misses: Vec<&str> = figure.misses.iter().take(TOLD).map(String::as_str).collect();
    format!("{:.3} of {}; {}", figure.value, figure.of, misses.join("; "))
}

/// A figure as a check.
pub(super) fn gate(figure: &Figure) -> CaseRecord {
    let id = format!("quality/tools/{}/{}", figure.tool.replace('_', "-"), figure.metric.replace('_', "-"));
    let outcome = if figure.passes() { CaseRecordOutcome::Pass } else { CaseRecordOutcome::Fail };
    let mut case = CaseRecord::new(id, "gate".to_owned(), CaseRecordLevel::Must, outcome, 0.0);
    case.message = (!figure.passes()).then(|| harness::record::cut(&told(figure), 8192).0);
    case
}
