//! Baselines: what a collection scored on a target when somebody last said that it was good, question by question.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use contract_types::RetrievalMode;
use serde::{Deserialize, Serialize};

use crate::{evaluate::Evaluated, measure::Measure};

/// The format that is read and written.
const FORMAT: &str = "plumbline-baseline/1";
/// Places of a ranking that are kept.
pub const PLACES: usize = 10;

/// A baseline file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    /// It cannot be read or written.
    #[error("{file}: {cause}", file = file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// It is no baseline.
    #[error("{file}:{line}: expected a baseline of the format {FORMAT}: {message}; `quality bless` writes one", file = file.display())]
    Format {
        /// The file.
        file: PathBuf,
        /// The line.
        line: usize,
        /// What is wrong.
        message: String,
    },
    /// It is of something else.
    #[error("{file}: is the baseline of {found}, not of {expected}", file = file.display())]
    Other {
        /// The file.
        file: PathBuf,
        /// What it is of.
        found: String,
        /// What was wanted.
        expected: String,
    },
}

/// One question of a baseline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kept {
    /// Its nDCG@10, to six places.
    pub score: f64,
    /// The first ten documents.
    pub ranking: Vec<String>,
}

/// A baseline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    /// Its format.
    pub format: String,
    /// Name of the target's profile.
    pub target: String,
    /// Name of the collection.
    pub collection: String,
    /// The mode that was asked for; `default` for the tenant's own.
    pub mode: String,
    /// Why it was blessed.
    pub reason: String,
    /// When, in RFC 3339.
    pub blessed_at: String,
    /// Commit of the project, where it was known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Documents of the collection at the target.
    pub documents: u64,
    /// Their chunks.
    pub chunks: u64,
    /// The questions by id, those without a relevant document among them with score 0.
    pub queries: BTreeMap<String, Kept>,
}

/// `default`, or the mode's name.
pub fn mode_name(mode: Option<RetrievalMode>) -> String {
    mode.map_or_else(|| "default".to_owned(), |mode| mode.as_str().to_owned())
}

/// The score that a baseline keeps.
pub fn kept_score(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

impl Baseline {
    /// The baseline that `evaluated` makes.
    pub fn of(evaluated: &Evaluated, target: &str, reason: &str, blessed_at: String, commit: Option<String>) -> Self {
        let queries = evaluated.found.iter().map(|found| {
            let ranking = found.ranking.documents().iter().take(PLACES).cloned().collect();
            (found.asked.id.clone(), Kept { score: kept_score(found.measure(Measure::GATED)), ranking })
        });
        Self {
            format: FORMAT.to_owned(),
            target: target.to_owned(),
            collection: evaluated.collection.clone(),
            mode: mode_name(evaluated.mode),
            reason: reason.to_owned(),
            blessed_at,
            commit,
            documents: evaluated.documents,
            chunks: evaluated.chunks,
            queries: queries.collect(),
        }
    }

    /// Where the baseline of a collection lies in `folder`.
    pub fn file(folder: &Path, target: &str, collection: &str, mode: Option<RetrievalMode>) -> PathBuf {
        let mode = mode.map_or_else(String::new, |mode| format!("-{}", mode.as_str()));
        folder.join(format!("{target}-{collection}{mode}.json"))
    }

    /// Reads a baseline.
    ///
    /// # Errors
    ///
    /// [`BaselineError`] when the file is none of this format.
    pub fn read(file: &Path) -> Result<Self, BaselineError> {
        let text = fs::read_to_string(file).map_err(|cause| BaselineError::Io { file: file.to_path_buf(), cause })?;
        let format = |line: usize, message: String| BaselineError::Format { file: file.to_path_buf(), line, message };
        let value: serde_json::Value =
            serde_json::from_str(&text).map_err(|error| format(error.line(), error.to_string()))?;
        if value["format"] != FORMAT {
            let line = text.lines().position(|line| line.contains("\"format\"")).map_or(1, |line| line + 1);
            let found = value.get("format").map_or_else(|| "none".to_owned(), ToString::to_string);
            return Err(format(line, format!("its format is {found}")));
        }
        serde_json::from_str(&text).map_err(|error| format(error.line(), error.to_string()))
    }

    /// Refuses a baseline of another collection or mode.
    ///
    /// # Errors
    ///
    /// [`BaselineError::Other`].
    pub fn check(&self, file: &Path, collection: &str, mode: Option<RetrievalMode>) -> Result<(), BaselineError> {
        let (found, expected) =
            (format!("{} in mode {}", self.collection, self.mode), format!("{collection} in mode {}", mode_name(mode)));
        if found == expected {
            return Ok(());
        }
        Err(BaselineError::Other { file: file.to_path_buf(), found, expected })
    }

    /// Writes the baseline, one question a line, so that a change shows as what it is in a diff.
    ///
    /// # Errors
    ///
    /// [`BaselineError::Io`].
    pub fn write(&self, file: &Path) -> Result<(), BaselineError> {
        let failed = |cause| BaselineError::Io { file: file.to_path_buf(), cause };
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder).map_err(failed)?;
        }
        fs::write(file, self.text()).map_err(failed)
    }

    fn text(&self) -> String {
        let head = Self { queries: BTreeMap::new(), ..self.clone() };
        let head = serde_json::to_string_pretty(&head).expect("a baseline is JSON");
        let line = |(id, kept): (&String, &Kept)| {
            let kept = serde_json::to_string(kept).expect("a question is JSON");
            format!("    {}: {kept}", serde_json::Value::from(id.as_str()))
        };
        let lines: Vec<String> = self.queries.iter().map(line).collect();
        let head = head.trim_end_matches("{}\n}");
        format!("{head}{{\n{}\n  }}\n}}\n", lines.join(",\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn baseline() -> Baseline {
        let kept = |score| Kept { score, ranking: vec!["a".to_owned(), "b".to_owned()] };
        Baseline {
            format: FORMAT.to_owned(),
            target: "local".to_owned(),
            collection: "tiny".to_owned(),
            mode: "default".to_owned(),
            reason: "the first one".to_owned(),
            blessed_at: "2026-03-02T09:15:00Z".to_owned(),
            commit: None,
            documents: 2,
            chunks: 3,
            queries: BTreeMap::from([("q1".to_owned(), kept(0.5)), ("q2".to_owned(), kept(1.0))]),
        }
    }

    fn read(text: &str) -> Result<Baseline, String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("b.json");
        fs::write(&file, text).unwrap();
        Baseline::read(&file).map_err(|error| error.to_string())
    }

    #[test]
    fn comes_back_as_it_was_written_a_question_a_line() {
        let text = baseline().text();
        assert_eq!(read(&text).unwrap(), baseline());
        assert!(text.contains("\n    \"q2\": {\"score\":1.0,\"ranking\":[\"a\",\"b\"]}\n"), "{text}");
    }

    #[test]
    fn refuses_what_is_no_baseline_and_names_the_line() {
        for (text, expected) in [
            (
                "{\n \"format\": \"other/9\"}",
                "b.json:2: expected a baseline of the format plumbline-baseline/1: its format is \"other/9\"",
            ),
            ("[]", "b.json:1: expected a baseline of the format plumbline-baseline/1: its format is none"),
            ("{\n\nnonsense", "b.json:3:"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
        let unknown = baseline().text().replacen("\"reason\"", "\"raison\"", 1);
        assert!(read(&unknown).unwrap_err().contains("raison"));
    }

    #[test]
    fn refuses_a_baseline_of_something_else() {
        let file = Path::new("b.json");
        assert!(baseline().check(file, "tiny", None).is_ok());
        let error = baseline().check(file, "tiny", Some(RetrievalMode::Dense)).unwrap_err().to_string();
        assert_eq!(error, "b.json: is the baseline of tiny in mode default, not of tiny in mode dense");
    }
}
