//! The journal of a run on disk: one line for every outcome, so that a run that was cut off can be taken up again.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use contract_types::{DeployOutcome, DeployOutcomeOutcome};
use serde::{Deserialize, Serialize};

/// Why there is no journal.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// It cannot be read or written.
    #[error("expected a journal that can be read and written in {0}")]
    File(PathBuf, #[source] std::io::Error),
    /// A line in the middle cannot be read.
    #[error("expected an outcome in line {1} of {0}")]
    Line(PathBuf, usize),
}

#[derive(Serialize, Deserialize)]
struct Line {
    tag: String,
    outcome: DeployOutcome,
}

/// A journal that is open.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: Mutex<File>,
    done: BTreeSet<(String, String, String)>,
}

impl Journal {
    /// Opens the journal of `run` in `folder`, with what it says already.
    ///
    /// # Errors
    ///
    /// [`JournalError`].
    pub fn open(folder: &Path, run: &str) -> Result<Self, JournalError> {
        let path = folder.join(format!("{run}.jsonl"));
        let failed = |error| JournalError::File(path.clone(), error);
        fs::create_dir_all(folder).map_err(failed)?;
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(failed(error)),
        };
        let mut done = BTreeSet::new();
        let lines: Vec<&str> = text.lines().collect();
        for (at, line) in lines.iter().enumerate() {
            match serde_json::from_str::<Line>(line) {
                Ok(Line { tag, outcome }) => {
                    if matches!(outcome.outcome, DeployOutcomeOutcome::Changed | DeployOutcomeOutcome::Unchanged) {
                        done.insert((outcome.tenant.0.clone(), format!("{:?}", outcome.environment), tag));
                    }
                }
                // The last line may have been cut off with the run.
                Err(_) if at + 1 == lines.len() => {}
                Err(_) => return Err(JournalError::Line(path, at + 1)),
            }
        }
        let mut file = OpenOptions::new().create(true).append(true).open(&path).map_err(failed)?;
        if !text.is_empty() && !text.ends_with('\n') {
            file.write_all(b"\n").map_err(failed)?;
        }
        Ok(Self { file: Mutex::new(file), path, done })
    }

    /// Whether the run did this already, with the very same version.
    pub fn has_done(&self, outcome: &DeployOutcome, tag: &str) -> bool {
        self.done.contains(&(outcome.tenant.0.clone(), format!("{:?}", outcome.environment), tag.to_owned()))
    }

    /// Writes an outcome down.
    ///
    /// # Errors
    ///
    /// [`JournalError::File`].
    ///
    /// # Panics
    ///
    /// Never: an outcome is JSON.
    pub fn note(&self, outcome: &DeployOutcome, tag: &str) -> Result<(), JournalError> {
        let line = Line { tag: tag.to_owned(), outcome: outcome.clone() };
        let mut text = serde_json::to_string(&line).expect("an outcome is JSON");
        text.push('\n');
        let mut file = self.file.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        file.write_all(text.as_bytes())
            .and_then(|()| file.sync_data())
            .map_err(|error| JournalError::File(self.path.clone(), error))
    }
}
