//! Reads run records: JSON, then the contract's schema, then what a schema cannot say.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    sync::LazyLock,
};

use contract_types::RunRecord;
use jiff::Timestamp;
use jsonschema::Validator;
use serde_json::{Value, json};

use crate::{check, model::Run, redact};

/// The only version of the record's format so far.
const SCHEMA_VERSION: u64 = 1;

/// What a person can do about a broken record, whatever is broken about it.
const REMEDY: &str = "run its suite again or remove the file";

/// Why a folder gave no runs.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The folder or a file in it could not be read.
    #[error("`{}` cannot be read", path.display())]
    Folder {
        /// The folder or file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// Files that are no run records.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Broken(Vec<Problem>),
}

/// What is wrong with one file: its first fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file, as it was opened.
    pub file: String,
    /// Line and column, or JSON pointer (empty for the whole document).
    pub place: String,
    /// What was found and what was expected.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, place, message } = self;
        let at = if place.is_empty() { "the whole document" } else { place };
        write!(f, "{file}: {at}: {message}; {REMEDY}")
    }
}

/// Reads every `*.json` in `folder`, in the order of the names; hidden files are skipped, a missing folder holds none.
///
/// # Errors
///
/// [`ReadError::Folder`] when something cannot be read, [`ReadError::Broken`] with one problem for each broken file.
pub fn read(folder: &Path) -> Result<Vec<Run>, ReadError> {
    let unreadable = |path: &Path, source| ReadError::Folder { path: path.to_path_buf(), source };
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unreadable(folder, error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let name = entry.map_err(|error| unreadable(folder, error))?.file_name().to_string_lossy().into_owned();
        if Path::new(&name).extension().is_some_and(|extension| extension == "json") && !name.starts_with('.') {
            names.push(name);
        }
    }
    names.sort();
    let (mut runs, mut problems) = (Vec::new(), Vec::new());
    for name in names {
        let path = folder.join(&name);
        let text = fs::read(&path).map_err(|error| unreadable(&path, error))?;
        match parse(&name, &text) {
            Ok(run) => runs.push(run),
            Err(problem) => problems.push(Problem { file: path.display().to_string(), ..problem }),
        }
    }
    if problems.is_empty() { Ok(runs) } else { Err(ReadError::Broken(problems)) }
}

/// Parses one record from the bytes of the file `name`.
///
/// # Errors
///
/// The first fault of the record.
pub fn parse(name: &str, text: &[u8]) -> Result<Run, Problem> {
    let problem = |place: String, message: &str| Problem { file: name.to_owned(), place, message: one_line(message) };
    let document: Value = serde_json::from_slice(text).map_err(|error| {
        problem(format!("line {} column {}", error.line(), error.column()), "is no JSON; expected a run record")
    })?;
    if let Some(version) =
        document.get("schema_version").and_then(Value::as_u64).filter(|found| *found > SCHEMA_VERSION)
    {
        let message = format!("format {version} is newer than {SCHEMA_VERSION}, the newest that this program reads");
        return Err(problem("/schema_version".to_owned(), &message));
    }
    if let Some(error) = VALIDATOR.iter_errors(&document).next() {
        return Err(problem(error.instance_path().to_string(), &error.masked().to_string()));
    }
    let record: RunRecord =
        serde_json::from_value(document).map_err(|error| problem(String::new(), &error.to_string()))?;
    Run::new(name, record)
}

impl Run {
    /// Takes a record that the caller has made or read; `file` is the name under which a reader finds it beside the page.
    ///
    /// # Errors
    ///
    /// The first contradiction in the record, or a time that is none.
    pub fn new(file: &str, record: RunRecord) -> Result<Self, Problem> {
        let problem =
            |place: String, message: &str| Problem { file: file.to_owned(), place, message: one_line(message) };
        if let Some((place, message)) = check::contradiction(&record) {
            return Err(problem(place, &message));
        }
        let time = |field: &str, text: &str| {
            text.parse::<Timestamp>()
                .map_err(|_| problem(format!("/{field}"), "is no moment that this program can reckon with"))
        };
        let (started, finished) = (time("started_at", &record.started_at)?, time("finished_at", &record.finished_at)?);
        Ok(Self { file: file.to_owned(), record, started, finished })
    }
}

static VALIDATOR: LazyLock<Validator> = LazyLock::new(|| {
    let mut root = contract_types::schemas().clone();
    root["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    root["$ref"] = json!("#/components/schemas/RunRecord");
    jsonschema::options().should_validate_formats(true).build(&root).expect("the contract's schemas are valid")
});

/// A message for a terminal: no line breaks, no control characters, no secrets, 300 characters at most.
fn one_line(text: &str) -> String {
    redact(text).chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect()
}
