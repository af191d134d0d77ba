//! Who listens to a run: the terminal, the record on disk while the run goes on, and the other forms at its end.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use contract_types::{CaseRecord, CaseRecordOutcome, RunRecord, RunRecordVerdict};
use harness::{output, project_root, record};
use indicatif::{ProgressBar, ProgressStyle};

use super::{
    event::{Event, Listener},
    options::Form,
    record::{Frame, line},
    stop::Stop,
};

/// Time between two states of the record on disk.
const SNAPSHOT_EVERY: Duration = Duration::from_secs(5);

/// The terminal: a bar, each failure as it comes, and the summary.
pub(super) struct Progress {
    bar: ProgressBar,
}

impl Progress {
    pub(super) fn new(total: usize) -> Self {
        let style = ProgressStyle::with_template("{bar:40} {pos}/{len} {msg} {elapsed}");
        let bar = ProgressBar::new(u64::try_from(total).unwrap_or(0));
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self { bar }
    }
}

impl Listener for Progress {
    fn on(&mut self, event: &Event<'_>) {
        match event {
            Event::Ended { case, there } => {
                let bad = matches!(case.outcome, CaseRecordOutcome::Fail | CaseRecordOutcome::Error);
                if bad && *there {
                    self.bar.suspend(|| output::say(&line(case)));
                }
                self.bar.inc(1);
            }
            Event::Finished { record, stop } => {
                self.bar.finish_and_clear();
                for case in record.cases.iter().filter(|case| case.kind == "profile") {
                    output::say(&line(case));
                }
                summary(record, stop);
            }
        }
    }
}

/// The record on disk: written again and again while the run goes on, so that one that is cut off can be read.
pub(super) struct Snapshots {
    frame: Frame,
    out: PathBuf,
    cases: Vec<CaseRecord>,
    written: Instant,
    problem: Option<String>,
}

impl Snapshots {
    pub(super) fn new(frame: Frame, out: PathBuf) -> Self {
        let mut snapshots = Self { frame, out, cases: Vec::new(), written: Instant::now(), problem: None };
        snapshots.unfinished();
        snapshots
    }

    fn unfinished(&mut self) {
        let note = "the run was not finished".to_owned();
        let record = self.frame.record(self.cases.clone(), RunRecordVerdict::Error, None, vec![note]);
        self.write(&record);
        self.written = Instant::now();
    }

    fn write(&mut self, record: &RunRecord) -> Option<PathBuf> {
        match record::write(record, &self.out) {
            Ok(path) => Some(path),
            Err(error) => {
                let message = format!("the run record cannot be written to {}: {error}", self.out.display());
                self.problem.get_or_insert(message);
                None
            }
        }
    }
}

impl Listener for Snapshots {
    fn on(&mut self, event: &Event<'_>) {
        match event {
            Event::Ended { case, .. } => {
                self.cases.push((*case).clone());
                if self.written.elapsed() >= SNAPSHOT_EVERY {
                    self.unfinished();
                }
            }
            Event::Finished { record, .. } => {
                if let Some(path) = self.write(record) {
                    output::say(&format!("run record: {}", shown(&path)));
                    output::say(if harness::root::is_carried() {
                        "report: `--html FILE` writes the page of a run"
                    } else {
                        "report: `cargo run -p reports` makes reports/out/index.html of it"
                    });
                }
            }
        }
    }

    fn problem(&self) -> Option<String> {
        self.problem.clone()
    }
}

/// Other forms of the record, made by `reports`.
pub(super) struct Forms {
    forms: Vec<Form>,
    problem: Option<String>,
}

impl Forms {
    pub(super) fn new(forms: Vec<Form>) -> Self {
        Self { forms, problem: None }
    }

    fn write(&mut self, record: &RunRecord) -> Result<(), String> {
        let run = reports::Run::new("record.json", record.clone()).map_err(|problem| problem.to_string())?;
        for form in &self.forms {
            let report = || reports::Report::new(vec![run.clone()]);
            let (path, text) = match form {
                Form::Junit(path) => (path, reports::junit(&run)),
                Form::Sarif(path) => (path, reports::sarif(&run, reports::contract_places())),
                Form::Markdown(path) => (path, reports::comment(&report())),
                Form::Html(path) => (path, reports::page(&report())),
            };
            std::fs::write(path, text).map_err(|cause| format!("{} cannot be written: {cause}", path.display()))?;
        }
        Ok(())
    }
}

impl Listener for Forms {
    fn on(&mut self, event: &Event<'_>) {
        if let Event::Finished { record, .. } = event
            && !self.forms.is_empty()
        {
            self.problem = self.write(record).err();
        }
    }

    fn problem(&self) -> Option<String> {
        self.problem.clone()
    }
}

/// A path relative to the project where it lies in it.
fn shown(path: &Path) -> String {
    path.strip_prefix(project_root()).unwrap_or(path).display().to_string()
}

fn summary(record: &RunRecord, stop: &Stop) {
    let mut kinds: BTreeMap<&str, [u64; 5]> = BTreeMap::new();
    for case in &record.cases {
        let row = kinds.entry(&case.kind).or_default();
        let column = match case.outcome {
            CaseRecordOutcome::Pass => 0,
            CaseRecordOutcome::Fail => 1,
            CaseRecordOutcome::Error => 2,
            CaseRecordOutcome::NotApplicable => 3,
            CaseRecordOutcome::KnownFailure => 4,
        };
        row[column] += 1;
    }
    output::say(&format!("{:<16}{:>8}{:>8}{:>8}{:>8}{:>8}", "kind", "passed", "failed", "errors", "n/a", "known"));
    for (kind, [passed, failed, errors, not_applicable, known]) in kinds {
        output::say(&format!("{kind:<16}{passed:>8}{failed:>8}{errors:>8}{not_applicable:>8}{known:>8}"));
    }
    let counts = &record.counts;
    output::say(&format!(
        "{:<16}{:>8}{:>8}{:>8}{:>8}{:>8}",
        "all", counts.passed, counts.failed, counts.errored, counts.not_applicable, counts.known_failures
    ));
    let reached: Vec<String> = record
        .coverage
        .iter()
        .flatten()
        .map(|it| {
            let plural = if it.dimension.as_str().ends_with('s') { "es" } else { "s" };
            format!("{} of {} {}{plural}", it.reached, it.total, it.dimension.as_str())
        })
        .collect();
    output::say(&format!("reached of the contract: {}", reached.join(", ")));
    record.notes.iter().for_each(|note| output::say(&format!("note: {note}")));
    let verdict = if matches!(stop, Stop::Gone) { "error" } else { record.verdict.as_str() };
    output::say(&format!("verdict: {verdict}"));
}
