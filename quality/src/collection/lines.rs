//! Files of one thing a line, read so that every complaint names its line.

use std::{
    collections::HashMap,
    fs::File,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
};

use serde::de::DeserializeOwned;

use super::CollectionError;

/// A complaint about one line.
pub(super) fn wrong(file: &Path, line: usize, message: impl Into<String>) -> CollectionError {
    CollectionError::Line { file: file.to_path_buf(), line, message: message.into() }
}

/// The lines of `file` with their numbers, from 1.
pub(super) fn lines(file: &Path) -> Result<Vec<(usize, String)>, CollectionError> {
    let unreadable = |cause| CollectionError::Unreadable { file: file.to_path_buf(), cause };
    let reader = BufReader::new(File::open(file).map_err(unreadable)?);
    let mut found = Vec::new();
    for (index, line) in reader.split(b'\n').enumerate() {
        let text = String::from_utf8(line.map_err(unreadable)?)
            .map_err(|_| wrong(file, index + 1, "expected UTF-8; convert the file"))?;
        found.push((index + 1, text));
    }
    Ok(found)
}

/// The JSON objects of `file`, each with its line. A blank line is refused as any other line that is no object.
pub(super) fn json<T: DeserializeOwned>(file: &Path) -> Result<Vec<(usize, T)>, CollectionError> {
    let mut found = Vec::new();
    for (line, text) in lines(file)? {
        let value = serde_json::from_str(&text).map_err(|error| {
            wrong(file, line, format!("expected one JSON object with the keys of this file: {error}"))
        })?;
        found.push((line, value));
    }
    Ok(found)
}

/// Ids that may occur once.
pub(super) struct Once {
    file: PathBuf,
    what: &'static str,
    seen: HashMap<String, usize>,
}

impl Once {
    pub(super) fn new(file: &Path, what: &'static str) -> Self {
        Self { file: file.to_path_buf(), what, seen: HashMap::new() }
    }

    pub(super) fn add(&mut self, id: &str, line: usize) -> Result<(), CollectionError> {
        if id.is_empty() {
            return Err(wrong(&self.file, line, format!("expected a {} id, found an empty one", self.what)));
        }
        match self.seen.insert(id.to_owned(), line) {
            None => Ok(()),
            Some(before) => {
                let message = format!("{} `{id}` is there already, in line {before}; ids are unique", self.what);
                Err(wrong(&self.file, line, message))
            }
        }
    }
}
