//! One run of a verb: credentials, many tenants, progress, report, exit code.

use std::fs::OpenOptions;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use contract_types::{
    DeployOutcome, DeployOutcomeOutcome, DeployReport, DeployReportVerb, DeployStep, DeployStepState,
};
use jiff::Timestamp;

use super::super::args::{Files, Remote, Trouble};
use super::super::{ALL_FAILED, DRIFT, FAULT, Failure, OK, Output, SOME_FAILED, UNREACHABLE, block};
use crate::apply::{Account, DeployError, Journal, JournalError, Lock, Means, chain};
use crate::credentials::Verb;
use crate::fleet::{self, Order};
use crate::stop::{self, Stop};
use crate::wanted::Wanted;

/// Exit code of a program that a signal ended.
const KILLED: i32 = 130;

/// What is told to who asks a run to stop.
const STOPPING: &str =
    "stopping: nothing more is begun, and what is under way is taken back; a second signal ends at once and leaves it";
/// The same where nothing can be taken back.
const STOPPING_REMOVAL: &str = "stopping: nothing more is deleted; what was deleted does not come back";

/// What is done for one tenant; the text says how many there are.
pub(super) type Work = Rc<dyn Fn(Means, Wanted, String) -> Pin<Box<dyn Future<Output = DeployOutcome>>>>;

/// A run.
pub(super) struct Job<'a> {
    pub(super) verb: Verb,
    pub(super) files: &'a Files,
    pub(super) remote: &'a Remote,
    pub(super) order: Order,
    /// Secrets that are uploaded again.
    pub(super) rotate: Vec<String>,
    /// The run that is taken up again.
    pub(super) resume: Option<String>,
}

/// Tells a step as it ends.
pub(super) fn tell(output: &Output, count: &str, label: &str, step: &DeployStep) {
    let state = match step.state {
        DeployStepState::Planned => "planned",
        DeployStepState::Done => "done",
        DeployStepState::Failed => "FAILED",
        DeployStepState::Undone => "taken back",
        DeployStepState::Left => "LEFT, could not be taken back",
    };
    output.note(&format!("{count} {label}: {}: {state}", step.step));
}

impl<'a> Job<'a> {
    pub(super) fn new(verb: Verb, files: &'a Files, remote: &'a Remote, order: Order) -> Self {
        Self { verb, files, remote, order, rotate: Vec::new(), resume: None }
    }

    pub(super) fn run(self, wanted: Vec<Wanted>, work: Work, output: &Output) -> Result<u8, Failure> {
        let verb = self.verb;
        self.told_as(verb, wanted, work, output)
    }

    /// The same, where the report speaks of another verb than the one whose permissions are needed.
    pub(super) fn told_as(self, told: Verb, wanted: Vec<Wanted>, work: Work, output: &Output) -> Result<u8, Failure> {
        let started = Timestamp::now();
        self.known_first(&wanted)?;
        let resumed = self.resume.clone();
        let run_id = resumed
            .clone()
            .unwrap_or_else(|| format!("{}-{}-{}", told.name(), started.strftime("%Y%m%dt%H%M%Sz"), random()));
        let folder = &self.remote.state;
        if resumed.is_some() && !folder.join(format!("{run_id}.jsonl")).is_file() {
            return Err(Failure::Usage(format!("expected the journal of a run `{run_id}` in {}", folder.display())));
        }
        let opened = self.changes_versions().then(|| Journal::open(folder, &run_id).map_err(|error| unopened(&error)));
        let journal = opened.transpose()?.map(Arc::new);
        if journal.is_some() {
            output.note(&format!("run {run_id}"));
        }
        self.report_can_be_written()?;
        let (outcomes, unreachable) = block(self.all(wanted, journal, work, output))?;
        for outcome in &outcomes {
            show(outcome, output);
        }
        let stopped = self.order.stop.asked();
        if stopped && told == Verb::Apply {
            output.note(&format!("stopped; --resume {run_id} takes it up again"));
        }
        let code = code(told, &outcomes, unreachable, stopped);
        let report = DeployReport {
            schema_version: 1,
            verb: wire(told),
            run_id,
            started_at: started.to_string(),
            finished_at: Timestamp::now().to_string(),
            outcomes,
            exit_code: u64::from(code),
        };
        self.report(&report, output)?;
        Ok(code)
    }

    async fn all(
        &self,
        wanted: Vec<Wanted>,
        journal: Option<Arc<Journal>>,
        work: Work,
        output: &Output,
    ) -> (Vec<DeployOutcome>, bool) {
        let total = wanted.len();
        let stop = self.order.stop.clone();
        listen(stop.clone(), output.clone(), if self.verb == Verb::Remove { STOPPING_REMOVAL } else { STOPPING });
        let mut means = self.remote.means(self.files, self.verb, &wanted, &self.rotate, output).await;
        for ready in means.values_mut().flatten() {
            ready.stop = stop.clone();
        }
        let unreachable = means.values().all(|it| matches!(it, Err(Trouble { unreachable: true, .. })));
        let (means, begun) = (Arc::new(means), Arc::new(AtomicUsize::new(0)));
        let locks = self.changes().then(|| self.remote.state.clone());
        let one = move |wanted: Wanted| {
            let (means, begun, work, locks) = (means.clone(), begun.clone(), work.clone(), locks.clone());
            async move {
                let count = format!("[{}/{total}]", begun.fetch_add(1, Ordering::SeqCst) + 1);
                let refused = |why: String| Account::new(&wanted.deployment).fail(&DeployError::Refused(why));
                let _lock = match locks.map(|folder| Lock::take(&folder, &wanted)).transpose() {
                    Ok(lock) => lock,
                    Err(error) => return refused(chain(&error)),
                };
                match means.get(&wanted.deployment.profile.name) {
                    Some(Ok(means)) => work(means.clone(), wanted, count).await,
                    Some(Err(trouble)) => refused(trouble.message.clone()),
                    None => refused("its profile was not read".to_owned()),
                }
            }
        };
        (fleet::run(wanted, &self.order, journal, one).await, unreachable)
    }

    /// Whether the run may leave a version with traffic that nobody has tried, where it is cut off. The journal tells the next one.
    fn changes_versions(&self) -> bool {
        match self.verb {
            Verb::Apply | Verb::Promote => true,
            Verb::Plan | Verb::Drift | Verb::Rollback | Verb::Remove => false,
        }
    }

    /// Whether the run may change something.
    fn changes(&self) -> bool {
        match self.verb {
            Verb::Plan | Verb::Drift => false,
            Verb::Apply | Verb::Promote | Verb::Rollback | Verb::Remove => true,
        }
    }

    /// Who is to come first must be among those who come at all.
    fn known_first(&self, wanted: &[Wanted]) -> Result<(), Failure> {
        let strange = self.order.first.iter().find(|name| !wanted.iter().any(|it| it.deployment.tenant == **name));
        match strange {
            None => Ok(()),
            Some(name) => {
                let mut names: Vec<&str> = wanted.iter().map(|it| it.deployment.tenant.as_str()).collect();
                names.sort_unstable();
                Err(Failure::Usage(format!("--first: expected one of {}, found `{name}`", names.join(", "))))
            }
        }
    }

    /// Sees, before anything is done, that the report can be written: what was done would be told nowhere else for machines.
    fn report_can_be_written(&self) -> Result<(), Failure> {
        let Some(path) = self.remote.report.as_ref().filter(|path| path.as_os_str() != "-") else { return Ok(()) };
        let new = !path.exists();
        let opened = OpenOptions::new().create(true).append(true).open(path);
        opened.map_err(|error| {
            let path = path.display();
            Failure::Usage(format!("--report: expected a file that can be written, {path}: {error}; nothing was done"))
        })?;
        // An empty file would be taken for a report.
        if new { std::fs::remove_file(path).map_err(|error| Failure::Fault(error.to_string())) } else { Ok(()) }
    }

    fn report(&self, report: &DeployReport, output: &Output) -> Result<(), Failure> {
        let Some(path) = &self.remote.report else { return Ok(()) };
        let text = serde_json::to_string_pretty(report).expect("a report is JSON");
        let text = crate::credentials::redacted(&text).into_owned();
        if path.as_os_str() == "-" {
            output.result(&text);
            return Ok(());
        }
        std::fs::write(path, text + "\n")
            .map_err(|error| Failure::Fault(format!("expected to write {}: {error}", path.display())))
    }
}

fn unopened(error: &JournalError) -> Failure {
    let cause = std::error::Error::source(error).map(|it| format!(": {it}")).unwrap_or_default();
    match error {
        JournalError::Run(_) => Failure::Usage(format!("--resume: {error}")),
        JournalError::File(..) | JournalError::Line(..) => Failure::Fault(format!("{error}{cause}")),
    }
}

/// Hears of the first signal to end, which stops the run in good order, and of the second, which ends it where it is.
#[expect(clippy::exit, reason = "who sends a second signal wants the process gone, whatever is under way")]
fn listen(stop: Stop, output: Output, told: &'static str) {
    tokio::task::spawn_local(async move {
        if stop::signal().await.is_err() {
            return;
        }
        stop.ask();
        output.note(told);
        if stop::signal().await.is_ok() {
            std::process::exit(KILLED);
        }
    });
}

/// Tells runs of one second apart.
fn random() -> String {
    let mut bytes = [0; 4];
    getrandom::fill(&mut bytes).expect("this system gives random bytes");
    hex::encode(bytes)
}

fn show(outcome: &DeployOutcome, output: &Output) {
    let label = format!("{} in {}", outcome.tenant.0, format!("{:?}", outcome.environment).to_lowercase());
    let seconds = std::time::Duration::from_millis(outcome.took_ms).as_secs_f64();
    let word = format!("{:?}", outcome.outcome).to_lowercase();
    output.note(&format!(
        "{label}: {word} ({seconds:.1} s){}",
        outcome.version.as_ref().map_or_else(String::new, |it| format!(", version {it}"))
    ));
    for finding in &outcome.findings {
        let side = |text: &str| if text.is_empty() { "nothing".to_owned() } else { text.to_owned() };
        let (wanted, live) = (side(&finding.wanted), side(&finding.live));
        output.note(&format!("    {} {}: wanted {wanted}, live {live}", finding.what, finding.name));
        if outcome.outcome == DeployOutcomeOutcome::Drift {
            output.note(&format!("        to do: {}", finding.remedy));
        }
    }
    for step in outcome.steps.iter().filter(|step| step.state != DeployStepState::Done) {
        tell(output, "   ", &label, step);
    }
    if let Some(error) = &outcome.error {
        output.note(&format!("    {error}"));
    }
}

fn code(verb: Verb, outcomes: &[DeployOutcome], unreachable: bool, stopped: bool) -> u8 {
    let failed = outcomes.iter().filter(|outcome| fleet::failed(outcome)).count();
    if failed == 0 && stopped && outcomes.iter().any(|it| it.outcome == DeployOutcomeOutcome::Skipped) {
        return if verb == Verb::Drift { FAULT } else { SOME_FAILED };
    }
    if failed == 0 {
        let drift = outcomes.iter().any(|outcome| outcome.outcome == DeployOutcomeOutcome::Drift);
        return if drift { DRIFT } else { OK };
    }
    if unreachable {
        return UNREACHABLE;
    }
    if verb == Verb::Drift {
        return FAULT;
    }
    if failed == outcomes.len() { ALL_FAILED } else { SOME_FAILED }
}

fn wire(verb: Verb) -> DeployReportVerb {
    match verb {
        Verb::Plan => DeployReportVerb::Plan,
        Verb::Apply => DeployReportVerb::Apply,
        Verb::Promote => DeployReportVerb::Promote,
        Verb::Drift => DeployReportVerb::Drift,
        Verb::Rollback => DeployReportVerb::Rollback,
        Verb::Remove => DeployReportVerb::Remove,
    }
}
