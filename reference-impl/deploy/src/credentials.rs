//! Tokens and secrets: where they come from, and a type that never shows them.

mod check;
mod permissions;
mod sight;

use std::fmt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use contract_types::SecretSource;

pub use check::{TokenError, check, needed};
pub use permissions::{Access, PERMISSIONS, Permission, Verb};
pub(crate) use sight::redacted;

/// Longest time for a program that gives a secret: one that asks for a password has nobody to ask.
const PATIENCE: Duration = Duration::from_mins(1);

/// A value that must not be read by people: it shows as `[redacted]`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes a value out of sight: from now on this program shows it nowhere, even where somebody else says it.
    pub fn new(value: String) -> Self {
        sight::hide(&value);
        Self(value)
    }

    /// The value, for the one place that sends it.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// Why a secret cannot be had. No variant holds a value or what a command printed.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The variable is not set, or is empty.
    #[error("expected a value in the environment variable {0}, found none")]
    Variable(String),
    /// The file cannot be read.
    #[error("expected a readable file {0}")]
    File(PathBuf, #[source] std::io::Error),
    /// Others may read the file.
    #[error("expected a file that its owner alone may read, found {0} with mode {1:04o}")]
    Mode(PathBuf, u32),
    /// The file is empty, or the command printed nothing.
    #[error("expected a value from {0}, found nothing")]
    Empty(String),
    /// The program is not there.
    #[error("expected the program `{0}`, which is not found")]
    Program(String),
    /// The program failed.
    #[error("expected `{0}` to succeed, it ended with {1}")]
    Command(String, std::process::ExitStatus),
    /// The program does not end.
    #[error("expected `{0}` to end within a minute, it did not")]
    Slow(String),
}

impl SecretError {
    /// What to do about it.
    pub fn remedy(&self) -> String {
        match self {
            Self::Variable(name) => format!("export {name}=…, from your vault or the secrets of CI"),
            Self::File(path, _) => format!("write {}, with mode 0600", path.display()),
            Self::Mode(path, _) => format!("chmod 600 {}", path.display()),
            Self::Empty(_) => "put the value there".to_owned(),
            Self::Program(name) => format!("install `{name}`, or correct the command"),
            Self::Command(name, _) | Self::Slow(name) => {
                format!("run `{name}` by hand and log in where it asks for it")
            }
        }
    }
}

/// Variables and folders that secrets are looked for in.
#[derive(Debug, Clone)]
pub struct Origin {
    /// Folder that relative paths start from and commands run in.
    pub folder: PathBuf,
    variable: fn(&str) -> Option<String>,
    /// Whether it is looked for secrets before they are needed.
    looks: bool,
}

impl Origin {
    /// The environment of this process.
    pub fn of_process(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), variable: |name| std::env::var(name).ok(), looks: true }
    }

    /// An environment that `variable` describes.
    pub fn new(folder: &Path, variable: fn(&str) -> Option<String>) -> Self {
        Self { folder: folder.to_owned(), variable, looks: true }
    }

    /// The same, taking for granted that secrets are there: who reads one environment need not have the secrets of all.
    #[must_use]
    pub fn without_looking(self) -> Self {
        Self { looks: false, ..self }
    }

    fn path(&self, file: &str) -> PathBuf {
        match file.strip_prefix("~/") {
            Some(rest) => PathBuf::from((self.variable)("HOME").unwrap_or_default()).join(rest),
            None => self.folder.join(file),
        }
    }

    /// Whether a secret could be had, without reading it and without running a command.
    ///
    /// # Errors
    ///
    /// [`SecretError`], as far as it can be known beforehand.
    pub fn can_have(&self, source: &SecretSource) -> Result<(), SecretError> {
        if !self.looks {
            return Ok(());
        }
        if let Some(name) = &source.env {
            return (self.variable)(name)
                .filter(|value| !value.is_empty())
                .map(drop)
                .ok_or_else(|| SecretError::Variable(name.clone()));
        }
        if let Some(file) = &source.file {
            let path = self.path(file);
            let about = std::fs::metadata(&path).map_err(|error| SecretError::File(path.clone(), error))?;
            let mode = about.permissions().mode() & 0o777;
            if mode & 0o077 != 0 {
                return Err(SecretError::Mode(path, mode));
            }
            return if about.len() == 0 { Err(SecretError::Empty(path.display().to_string())) } else { Ok(()) };
        }
        let program = source.command.iter().flatten().next().cloned().unwrap_or_default();
        let found = if program.contains('/') {
            self.folder.join(&program).is_file()
        } else {
            let path = (self.variable)("PATH").unwrap_or_default();
            std::env::split_paths(&path).any(|folder| folder.join(&program).is_file())
        };
        if found { Ok(()) } else { Err(SecretError::Program(program)) }
    }

    /// Reads a secret.
    ///
    /// # Errors
    ///
    /// [`SecretError`]; none of them holds the value.
    pub async fn read(&self, source: &SecretSource) -> Result<Secret, SecretError> {
        self.can_have(source)?;
        let (value, from) = if let Some(name) = &source.env {
            ((self.variable)(name).unwrap_or_default(), name.clone())
        } else if let Some(file) = &source.file {
            let path = self.path(file);
            let text = tokio::fs::read_to_string(&path).await;
            (text.map_err(|error| SecretError::File(path.clone(), error))?, path.display().to_string())
        } else {
            let words: Vec<&String> = source.command.iter().flatten().collect();
            let program = words.first().map(|it| (*it).clone()).unwrap_or_default();
            // A path starts from the folder, wherever this program was started.
            let found = if program.contains('/') { self.folder.join(&program) } else { PathBuf::from(&program) };
            let found = if program.contains('/') { std::path::absolute(&found).unwrap_or(found) } else { found };
            let mut command = tokio::process::Command::new(found);
            command.args(&words[1..]).current_dir(&self.folder).stdin(Stdio::null()).kill_on_drop(true);
            let output = tokio::time::timeout(PATIENCE, command.output())
                .await
                .map_err(|_| SecretError::Slow(program.clone()))?
                .map_err(|_| SecretError::Program(program.clone()))?;
            if !output.status.success() {
                return Err(SecretError::Command(program, output.status));
            }
            (String::from_utf8_lossy(&output.stdout).into_owned(), format!("`{program}`"))
        };
        let value = value.trim_end_matches(['\r', '\n']);
        if value.is_empty() { Err(SecretError::Empty(from)) } else { Ok(Secret::new(value.to_owned())) }
    }
}
