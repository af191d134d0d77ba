//! `quality score`: collections, or without any the fixtures, scored and judged.

use std::path::PathBuf;

use contract_types::{RetrievalMode, RunRecordVerdict};
use harness::{
    exit,
    output::{data, say},
    record,
};

use super::{Finished, baselines, fail, mode, read_baseline};
use crate::{
    answers::model_judge::{self, Judge},
    baseline::Baseline,
    collection::{Collection, FIXTURES},
    evaluate::Evaluated,
    figures,
    gate::{Gate, MARGIN, Terms, judge},
    session::{self, Ask, Outcome, Session},
    trec,
};

/// Score collections of documents, questions and judgements; without one, the questions of the fixtures.
#[derive(Debug, clap::Args)]
pub struct Score {
    #[command(flatten)]
    pub(super) what: What,
    /// Baseline of the one collection that is scored [default: that of target and collection in reports/baselines].
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Folder for the run record, and for runs and judgements in TREC's form [default: reports/out, and no files of TREC's form].
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Score answers of /search too.
    #[arg(long)]
    answers: bool,
}

/// What is scored, and how.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct What {
    /// Target profile, a file of conformance/targets without its ending.
    #[arg(long, value_name = "NAME", default_value = "local")]
    pub(super) target: String,
    /// Folder of a collection: docs.jsonl, queries.jsonl, qrels.tsv, and where they are answers.jsonl and evidence.jsonl; may be
    /// repeated.
    #[arg(long = "collection", value_name = "DIR")]
    pub(super) collections: Vec<PathBuf>,
    /// How to retrieve: hybrid, dense or lexical [default: as the tenant does].
    #[arg(long, value_name = "MODE", value_parser = mode)]
    pub(super) mode: Option<RetrievalMode>,
    /// Seed of flips, samples and faults.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(super) seed: u64,
    /// Ask only the first N questions of each collection.
    #[arg(long, value_name = "N")]
    pub(super) limit_queries: Option<usize>,
    /// Loss of nDCG@10 that is let through.
    #[arg(long, value_name = "LOSS", default_value_t = MARGIN)]
    pub(super) margin: f64,
    /// Questions of each collection whose follow-ups are asked, where answers are scored.
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(super) follow_ups: usize,
    /// Address of a model that judges answers, up to and without /chat/completions; its key is `PLUMBLINE_JUDGE_KEY`.
    #[arg(long, value_name = "URL")]
    pub(super) judge_url: Option<String>,
    /// Name of that model.
    #[arg(long, value_name = "MODEL", default_value = "judge", requires = "judge_url")]
    pub(super) judge_model: String,
}

/// Collections that were run.
pub(super) struct Scored {
    pub(super) session: Session,
    pub(super) outcomes: Vec<Outcome>,
    pub(super) notes: Vec<String>,
}

impl What {
    /// Reads the collections, makes the target ready and runs everything; the exit code where that fails.
    pub(super) fn run(&self, fixtures: bool, answers: bool) -> Result<Scored, u8> {
        let runtime = Self::runtime()?;
        let collections = self.read()?;
        let judge = self.judge()?;
        let session = self.open(&runtime)?;
        let ask = Ask {
            mode: self.mode,
            answers,
            follow_ups: self.follow_ups,
            judge: judge.as_ref(),
            fault: None,
            seed: self.seed,
        };
        let mut outcomes = Vec::new();
        let mut notes = Vec::new();
        let run = async {
            if fixtures || collections.is_empty() {
                outcomes.push(session.fixtures(ask, self.limit_queries).await?);
            }
            for collection in &collections {
                let outcome = session.collection(collection, ask).await?;
                let (name, filled) = (&collection.name, outcome.filled);
                notes.push(format!(
                    "{name}: {} documents were sent, {} were there already, {} of others were removed",
                    filled.sent, filled.kept, filled.removed
                ));
                if !collection.empty.is_empty() {
                    notes.push(format!(
                        "{name}: documents without a word were not sent: {}",
                        collection.empty.join(", ")
                    ));
                }
                outcomes.push(outcome);
            }
            Ok::<_, session::SessionError>(())
        };
        runtime.block_on(run).map_err(|error| fail(error.exit_code(), &error.to_string()))?;
        for note in &notes {
            say(note);
        }
        Ok(Scored { session, outcomes, notes })
    }

    pub(super) fn runtime() -> Result<tokio::runtime::Runtime, u8> {
        tokio::runtime::Runtime::new().map_err(|error| fail(exit::HARNESS, &format!("no async runtime: {error}")))
    }

    pub(super) fn read(&self) -> Result<Vec<Collection>, u8> {
        session::read(&self.collections, self.limit_queries).map_err(|error| fail(exit::USAGE, &error.to_string()))
    }

    pub(super) fn open(&self, runtime: &tokio::runtime::Runtime) -> Result<Session, u8> {
        Session::open(runtime, &self.target, !self.collections.is_empty())
            .map_err(|error| fail(error.exit_code(), &error.to_string()))
    }

    fn judge(&self) -> Result<Option<Judge>, u8> {
        let Some(url) = &self.judge_url else { return Ok(None) };
        let key = std::env::var(model_judge::KEY).ok().filter(|key| !key.is_empty());
        let judge = Judge::new(url, &self.judge_model, key);
        judge.map(Some).map_err(|error| fail(exit::USAGE, &format!("--judge-url: {error}")))
    }

    /// The arguments that repeat the run.
    pub(super) fn arguments(&self) -> String {
        // The name alone: where collections lie is nobody's business but the machine's.
        let name = |folder: &PathBuf| folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut words = vec!["--target".to_owned(), self.target.clone()];
        words.extend(self.collections.iter().flat_map(|folder| ["--collection".to_owned(), name(folder)]));
        words.extend(self.mode.iter().flat_map(|mode| ["--mode".to_owned(), mode.as_str().to_owned()]));
        words.extend(self.limit_queries.iter().flat_map(|most| ["--limit-queries".to_owned(), most.to_string()]));
        words.extend(["--seed".to_owned(), self.seed.to_string()]);
        format!(" {}", words.join(" "))
    }

    pub(super) fn terms(&self) -> Terms {
        Terms { margin: self.margin, seed: self.seed }
    }
}

impl Score {
    /// Runs the command; the exit code says how it went.
    pub(crate) fn run(&self) -> u8 {
        let started_at = record::now();
        let baselines = match self.baselines() {
            Ok(baselines) => baselines,
            Err(code) => return code,
        };
        let scored = match self.what.run(false, self.answers) {
            Ok(scored) => scored,
            Err(code) => return code,
        };
        if let Some(out) = &self.out {
            for outcome in &scored.outcomes {
                if let Err(error) = trec::write(&outcome.evaluated, out) {
                    return fail(exit::HARNESS, &format!("{} cannot be written: {error}", out.display()));
                }
            }
        }
        let command = format!(
            "cargo run -p quality -- score{}{}",
            self.what.arguments(),
            if self.answers { " --answers" } else { "" }
        );
        finish(&scored, baselines, &self.what, started_at, command).write(&scored.session.prepared, self.out.clone())
    }

    /// The baselines of what will be scored, read before anything is asked.
    fn baselines(&self) -> Result<Vec<Option<Baseline>>, u8> {
        let mut names = names(&self.what.read()?);
        if names.is_empty() {
            names.push(FIXTURES.to_owned());
        }
        if self.baseline.is_some() && names.len() > 1 {
            return Err(fail(
                exit::USAGE,
                "--baseline is of one collection, and several are scored; leave it out and commit baselines",
            ));
        }
        read_all(&names, self.baseline.as_deref(), &self.what)
    }
}

/// The names of collections.
pub(super) fn names(collections: &[Collection]) -> Vec<String> {
    collections.iter().map(|collection| collection.name.clone()).collect()
}

/// The baselines of these collections.
pub(super) fn read_all(
    names: &[String],
    file: Option<&std::path::Path>,
    what: &What,
) -> Result<Vec<Option<Baseline>>, u8> {
    let folder = baselines();
    let read = |name: &String| {
        read_baseline(file, &folder, &what.target, name, what.mode)
            .map_err(|error| fail(exit::USAGE, &error.to_string()))
    };
    names.iter().map(read).collect()
}

/// Judges what was run, prints tables and gates, and gives what the record is made of.
pub(super) fn finish(
    scored: &Scored,
    baselines: Vec<Option<Baseline>>,
    what: &What,
    started_at: String,
    command: String,
) -> Finished {
    let evaluated: Vec<Evaluated> = scored.outcomes.iter().map(|outcome| outcome.evaluated.clone()).collect();
    let judged = judge(evaluated.into_iter().zip(baselines).collect(), what.terms());
    let (mut scores, mut gates, mut changes) = (Vec::new(), Vec::new(), Vec::new());
    for (judged, outcome) in judged.iter().zip(&scored.outcomes) {
        scores.extend(figures::ranking_scores(judged));
        let (answers, answer_gates) = figures::answer_scores(outcome);
        scores.extend(answers);
        gates.extend(judged.gates.iter().cloned());
        gates.extend(answer_gates);
        changes.extend(figures::changes(judged));
    }
    for line in figures::table(&scores).iter().chain(&figures::gate_lines(&gates)) {
        data(line);
    }
    let failed = gates.iter().any(Gate::fails);
    let mut notes = scored.notes.clone();
    notes.push(format!("documents rank by their best of {} chunks", crate::smoke::TOP_K));
    for judged in &judged {
        if let Some(baseline) = &judged.baseline {
            let (name, when, reason) = (&baseline.collection, &baseline.blessed_at, &baseline.reason);
            notes.push(format!("{name}: compared with the baseline of {when} ({reason})"));
        }
        let passed = judged.gates.iter().filter(|gate| gate.name == "no-loss");
        notes.extend(passed.map(|gate| figures::gate_lines(std::slice::from_ref(gate)).remove(0)));
    }
    Finished {
        started_at,
        seed: what.seed,
        command,
        verdict: if failed { RunRecordVerdict::Fail } else { RunRecordVerdict::Pass },
        cases: gates.iter().map(Gate::case).collect(),
        scores,
        changes,
        notes,
    }
}
