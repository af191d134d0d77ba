//! The journal of a run on disk: a line for everything that is begun and for every outcome, so that a run that was cut off can be taken up
//! again, and so that what one had begun is tried by the next, whichever that is.

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
    #[error(
        "expected an outcome in line {1} of {0}; take the line out: what it told is then done again, which does no harm"
    )]
    Line(PathBuf, usize),
    /// It is no id of a run.
    #[error("expected the id of a run, such as apply-20260701t120000z-0a1b2c3d, found `{0}`")]
    Run(String),
}

/// A line; it has an outcome, or says what is begun.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    tag: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    begun: Option<Begun>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    outcome: Option<DeployOutcome>,
}

#[derive(Serialize, Deserialize)]
struct Begun {
    tenant: String,
    environment: String,
}

/// Tenant, environment and tag.
type Key = (String, String, String);

fn key(outcome: &DeployOutcome, tag: &str) -> Key {
    (outcome.tenant.0.clone(), format!("{:?}", outcome.environment).to_lowercase(), tag.to_owned())
}

fn ended_well(outcome: &DeployOutcome) -> bool {
    matches!(outcome.outcome, DeployOutcomeOutcome::Changed | DeployOutcomeOutcome::Unchanged)
}

/// Lines that are whole, and how many bytes they have; what follows them was cut off with its run.
fn whole(bytes: &[u8], path: &Path) -> Result<(Vec<Line>, usize), JournalError> {
    let mut lines = Vec::new();
    let mut read = 0;
    let parts: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
    for (at, part) in parts.iter().enumerate() {
        match serde_json::from_slice(part) {
            Ok(line) => lines.push(line),
            Err(_) if at + 1 == parts.len() => break,
            Err(_) => return Err(JournalError::Line(path.to_owned(), at + 1)),
        }
        read += part.len();
    }
    Ok((lines, read))
}

/// A journal that is open.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: Mutex<File>,
    done: BTreeSet<Key>,
    /// What a run before this one began and did not end.
    cut_off: BTreeSet<Key>,
}

impl Journal {
    /// Opens the journal of `run` in `folder`, with what it and those before it say already. A line that was cut off is taken out.
    ///
    /// # Errors
    ///
    /// [`JournalError`].
    pub fn open(folder: &Path, run: &str) -> Result<Self, JournalError> {
        let plain = |it: char| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '-';
        if run.is_empty() || run.len() > 64 || !run.chars().all(plain) {
            return Err(JournalError::Run(run.to_owned()));
        }
        let path = folder.join(format!("{run}.jsonl"));
        let failed = |error| JournalError::File(path.clone(), error);
        fs::create_dir_all(folder).map_err(failed)?;
        let mut cut_off = BTreeSet::new();
        for other in journals(folder).map_err(failed)?.iter().filter(|other| **other != path) {
            // One that cannot be read hinders nobody but who takes it up.
            let Ok((lines, _)) = fs::read(other).map_err(failed).and_then(|bytes| whole(&bytes, other)) else {
                continue;
            };
            for line in &lines {
                follow(line, &mut cut_off);
            }
        }
        let mut file = OpenOptions::new().create(true).append(true).read(true).open(&path).map_err(failed)?;
        let bytes = fs::read(&path).map_err(failed)?;
        let (lines, read) = whole(&bytes, &path)?;
        if read < bytes.len() {
            file.set_len(read as u64).map_err(failed)?;
        } else if bytes.last().is_some_and(|last| *last != b'\n') {
            file.write_all(b"\n").map_err(failed)?;
        }
        let mut done = BTreeSet::new();
        for line in &lines {
            follow(line, &mut cut_off);
            if let Some(outcome) = line.outcome.as_ref().filter(|it| ended_well(it)) {
                done.insert(key(outcome, &line.tag));
            }
        }
        Ok(Self { file: Mutex::new(file), path, done, cut_off })
    }

    /// Whether the run did this already, with the very same version.
    pub fn has_done(&self, outcome: &DeployOutcome, tag: &str) -> bool {
        self.done.contains(&key(outcome, tag))
    }

    /// Whether a run began this with the very same version, and was cut off before it ended.
    pub fn was_cut_off(&self, outcome: &DeployOutcome, tag: &str) -> bool {
        self.cut_off.contains(&key(outcome, tag))
    }

    /// Writes down that something is begun.
    ///
    /// # Errors
    ///
    /// [`JournalError::File`].
    pub fn begin(&self, outcome: &DeployOutcome, tag: &str) -> Result<(), JournalError> {
        let (tenant, environment, tag) = key(outcome, tag);
        self.write(&Line { tag, begun: Some(Begun { tenant, environment }), outcome: None })
    }

    /// Writes an outcome down.
    ///
    /// # Errors
    ///
    /// [`JournalError::File`].
    pub fn note(&self, outcome: &DeployOutcome, tag: &str) -> Result<(), JournalError> {
        self.write(&Line { tag: tag.to_owned(), begun: None, outcome: Some(outcome.clone()) })
    }

    fn write(&self, line: &Line) -> Result<(), JournalError> {
        let text = serde_json::to_string(line).expect("a line is JSON");
        let mut text = crate::credentials::redacted(&text).into_owned();
        text.push('\n');
        let mut file = self.file.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        file.write_all(text.as_bytes())
            .and_then(|()| file.sync_data())
            .map_err(|error| JournalError::File(self.path.clone(), error))
    }
}

/// The journals of a folder in the order in which they were written last: a name tells no two runs of one second apart.
fn journals(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found: Vec<PathBuf> = fs::read_dir(folder)?.flatten().map(|entry| entry.path()).collect();
    found.retain(|path| path.extension().is_some_and(|it| it == "jsonl"));
    found.sort_by_cached_key(|path| (fs::metadata(path).and_then(|it| it.modified()).ok(), path.clone()));
    Ok(found)
}

/// Begun is cut off, until a run ends well: one that failed may have left behind what nobody has tried.
fn follow(line: &Line, cut_off: &mut BTreeSet<Key>) {
    if let Some(Begun { tenant, environment }) = &line.begun {
        cut_off.insert((tenant.clone(), environment.clone(), line.tag.clone()));
    }
    if let Some(outcome) = line.outcome.as_ref().filter(|it| ended_well(it)) {
        cut_off.remove(&key(outcome, &line.tag));
    }
}
