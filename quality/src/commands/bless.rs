//! `quality bless`: makes what a target scores now the baseline, with the reason.

use harness::{exit, output::data, project_root, record};

use super::{baselines, fail, score::What};
use crate::baseline::Baseline;

/// Make what the target scores now the baseline, of the collections given and of the fixtures, with the reason and the date.
#[derive(Debug, clap::Args)]
pub struct Bless {
    #[command(flatten)]
    what: What,
    /// Why these scores are good.
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

impl Bless {
    /// Runs the command; the exit code says how it went.
    pub(crate) fn run(&self) -> u8 {
        if self.reason.trim().is_empty() {
            return fail(exit::USAGE, "--reason: expected why these scores are good, found nothing");
        }
        if self.what.limit_queries.is_some() {
            return fail(exit::USAGE, "--limit-queries: a baseline is of all questions; leave it out");
        }
        let scored = match self.what.run(true, false) {
            Ok(scored) => scored,
            Err(code) => return code,
        };
        for outcome in &scored.outcomes {
            let evaluated = &outcome.evaluated;
            let wrong = [&evaluated.problems, &evaluated.miscounted, &evaluated.altered, &evaluated.strangers];
            if let Some(first) = wrong.into_iter().flatten().next() {
                let message = format!("{}: what is wrong cannot be blessed: {first}", evaluated.collection);
                return fail(exit::FAILED, &message);
            }
        }
        let commit = record::commit(&project_root());
        for outcome in &scored.outcomes {
            let evaluated = &outcome.evaluated;
            let baseline =
                Baseline::of(evaluated, &self.what.target, self.reason.trim(), record::now(), commit.clone());
            let file = Baseline::file(&baselines(), &self.what.target, &evaluated.collection, evaluated.mode);
            if let Err(error) = baseline.write(&file) {
                return fail(exit::HARNESS, &error.to_string());
            }
            let of = evaluated.scored().count();
            data(&format!(
                "{}: {of} questions, {} documents, {} chunks",
                file.display(),
                baseline.documents,
                baseline.chunks
            ));
        }
        exit::PASS
    }
}
