//! `quality safety`: labelled safety data against a tenant that has every filter on.

use std::path::PathBuf;

use contract_types::{CaseRecord, CaseRecordLevel, CaseRecordOutcome, RunRecordVerdict, ScoreRecord};
use harness::{
    exit,
    output::{data, say},
    pace::Pace,
    prepare::Prepared,
    record,
};
use indicatif::{ProgressBar, ProgressStyle};

use super::{Finished, fail};
use crate::{
    safety::{
        self, Figure,
        data::{DataError, Line},
    },
    wire::{RunError, Wire},
};

/// The files of a folder, in the order they are run.
const FILES: [&str; 6] = [
    "notinject.jsonl",
    "cyberseceval.jsonl",
    "pii_spans.jsonl",
    "secrets_b64.jsonl",
    "bipia_email.jsonl",
    "hostile_strings.jsonl",
];
/// Misses that are told of one figure.
const TOLD: usize = 8;

/// Run labelled safety data over the filters of a tenant: what is blocked, redacted, let through, obeyed and broken, each held to
/// its floor.
#[derive(Debug, clap::Args)]
pub struct Safety {
    /// Target profile, a file of conformance/targets without its ending.
    #[arg(long, value_name = "NAME", default_value = "local")]
    target: String,
    /// Folder of the labelled data.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Tenant with every filter on.
    #[arg(long, value_name = "ID", default_value = "careful-clinic")]
    tenant: String,
    /// Tenant whose models are those of the stand-in for model providers, where the profile has one: mails are asked about there
    /// while a model does what it likes.
    #[arg(long, value_name = "ID", default_value = "far-reach")]
    chat_tenant: String,
    /// Run the mails in chat alone.
    #[arg(long)]
    chat_only: bool,
    /// Folder that the run record is written to [default: reports/out of the workspace].
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

impl Safety {
    /// Runs the command; the exit code says how it went.
    pub(crate) fn run(&self) -> u8 {
        let started_at = record::now();
        let read: Result<Vec<Vec<Line>>, DataError> =
            FILES.iter().map(|name| safety::data::read(&self.data, name)).collect();
        let sets = match read {
            Ok(sets) => sets,
            Err(error) => return fail(exit::USAGE, &error.to_string()),
        };
        let runtime = match tokio::runtime::Runtime::new() {
            Ok(runtime) => runtime,
            Err(error) => return fail(exit::HARNESS, &format!("no async runtime: {error}")),
        };
        let prepared = match Prepared::open(&self.target, &[]) {
            Ok(prepared) => prepared,
            Err(error) => return fail(error.exit_code(), &error.to_string()),
        };
        let figures = match runtime.block_on(self.measure(&prepared, &sets)) {
            Ok(figures) => figures,
            Err(error) => return fail(error.exit_code(), &error.to_string()),
        };
        for figure in &figures {
            data(&row(figure));
        }
        for figure in figures.iter().filter(|figure| !figure.passes()) {
            say(&format!("{} {}: {}", figure.set, figure.metric, told(figure)));
        }
        let passed = figures.iter().all(Figure::passes);
        let finished = Finished {
            started_at,
            seed: 0,
            command: format!(
                "cargo run -p quality -- safety --target {} --data DIR --tenant {}",
                self.target, self.tenant
            ),
            verdict: if passed { RunRecordVerdict::Pass } else { RunRecordVerdict::Fail },
            cases: figures.iter().filter(|figure| figure.least.or(figure.most).is_some()).map(gate).collect(),
            scores: figures.iter().map(|figure| self.score(figure)).collect(),
            changes: Vec::new(),
            notes: self.notes(&prepared),
        };
        finished.write(&prepared, self.out.clone())
    }

    fn notes(&self, prepared: &Prepared) -> Vec<String> {
        let mut notes = Vec::new();
        if !self.chat_only {
            notes.push("strings that cannot stand in a header were sent in none".to_owned());
        }
        if prepared.target.upstream.is_none() {
            notes.push(
                "the profile starts no stand-in for model providers, so no mail was asked about in a chat".to_owned(),
            );
        }
        notes
    }

    async fn measure(&self, prepared: &Prepared, sets: &[Vec<Line>]) -> Result<Vec<Figure>, RunError> {
        let credential = |tenant: &str| {
            let file = prepared.profile.file.display();
            let missing = format!("{file}: /credentials: expected a credential `all` of tenant `{tenant}`");
            prepared.profile.credential(tenant, "all").ok_or(RunError::Missing(missing))
        };
        let pace = Pace::new(prepared.profile.spec.pace.as_ref());
        let wire = |credential| Wire {
            client: &prepared.client,
            credential,
            pace: &pace,
            fault: None,
            stranger: None,
            seed: 0,
        };
        let chats = wire(credential(&self.chat_tenant)?);
        let wire = wire(credential(&self.tenant)?);
        // A tenant that is not there would block nothing and hold everything, so it has to answer first.
        wire.ask::<serde_json::Value>("GET", "/capabilities", None).await?;
        let style = ProgressStyle::with_template("{msg:32} {bar:30} {pos}/{len} {elapsed}");
        let progress = ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        let [plain, attacks, personal, secrets, mails, hostile] = sets else { return Ok(Vec::new()) };
        let mut figures = Vec::new();
        if !self.chat_only {
            figures.extend(safety::plain(&wire, plain, &progress).await?);
            figures.extend(safety::attacks(&wire, attacks, &progress).await?);
            figures.extend(safety::personal_data(&wire, personal, &progress).await?);
            figures.extend(safety::secrets(&wire, secrets, &progress).await?);
            figures.extend(safety::mails(&wire, mails, &progress).await?);
            figures.extend(safety::hostile(&wire, hostile, &progress).await?);
        }
        match &prepared.target.upstream {
            Some(upstream) => figures.extend(safety::obedient(&chats, upstream, mails, &progress).await?),
            None if self.chat_only => {
                let message =
                    format!("target `{}` starts no stand-in for model providers; name one that does", self.target);
                return Err(RunError::Missing(message));
            }
            None => {}
        }
        progress.finish_and_clear();
        Ok(figures)
    }

    fn score(&self, figure: &Figure) -> ScoreRecord {
        let (set, metric) = (figure.set.to_owned(), figure.metric.clone());
        let of = u64::try_from(figure.of).unwrap_or(0);
        let tenant = if figure.set == safety::CHAT { &self.chat_tenant } else { &self.tenant };
        let mut score = ScoreRecord::new(tenant.as_str().into(), set, metric, figure.share(), of);
        score.floor = figure.least;
        score
    }
}

fn row(figure: &Figure) -> String {
    let bound = match (figure.least, figure.most) {
        (Some(least), _) => format!("at least {least:.2}"),
        (None, Some(most)) => format!("at most {most:.2}"),
        (None, None) => "reported".to_owned(),
    };
    let verdict = if figure.passes() { "ok" } else { "FAILED" };
    let Figure { set, metric, hits, of, .. } = figure;
    format!("{set:16} {metric:28} {:.3} {:>12} {bound:14} {verdict}", figure.share(), format!("{hits}/{of}"))
}

fn told(figure: &Figure) -> String {
    let misses: Vec<&str> = figure.misses.iter().take(TOLD).map(String::as_str).collect();
    format!("{:.3} of {}; {}", figure.share(), figure.of, misses.join("; "))
}

fn gate(figure: &Figure) -> CaseRecord {
    let id = format!("quality/safety/{}/{}", figure.set, figure.metric.replace('_', "-"));
    let outcome = if figure.passes() { CaseRecordOutcome::Pass } else { CaseRecordOutcome::Fail };
    let mut case = CaseRecord::new(id, "gate".to_owned(), CaseRecordLevel::Must, outcome, 0.0);
    case.message = (!figure.passes()).then(|| harness::record::cut(&told(figure), 8192).0);
    case
}
