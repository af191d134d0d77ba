//! Target profiles: what a suite must know about one deployment, read from `conformance/targets/<name>.yaml`.

mod draft;
mod find;
mod read;
mod resolve;

use std::{fmt, path::PathBuf};

use contract_types::TargetProfile;

use crate::{credential::Credential, token::TokenMaker};

pub use draft::{Draft, DraftTenant};
pub use find::{find, folders, look_first_in};
pub use read::{available, check, read};
pub(crate) use resolve::DEMO_KEYS;
pub use resolve::{Sources, resolve};

/// A profile that was read and checked, without its credentials: nothing outside its file was looked at.
#[derive(Debug, Clone)]
pub struct Profile {
    /// What the file says.
    pub spec: TargetProfile,
    /// The file.
    pub file: PathBuf,
}

/// A profile with variables put in and credentials fetched.
#[derive(Debug, Clone)]
pub struct Resolved {
    /// The profile; its addresses hold no `${NAME}` any more.
    pub spec: TargetProfile,
    /// Its file.
    pub file: PathBuf,
    /// Its credentials, in its order.
    pub credentials: Vec<Credential>,
    /// Makes tokens that the target accepts, where the profile says how.
    pub tokens: Option<TokenMaker>,
}

impl Resolved {
    /// The credential of `tenant` that cases call `name`.
    pub fn credential(&self, tenant: &str, name: &str) -> Option<&Credential> {
        self.credentials.iter().find(|credential| credential.tenant == tenant && credential.name == name)
    }

    /// Header fields that every request carries, as the profile's `headers` say.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        let fields = self.spec.headers.iter().flatten();
        fields.filter_map(|(name, value)| Some((name.as_str(), value.as_str()?)))
    }

    /// The credentials of `tenant`.
    pub fn of_tenant<'a>(&'a self, tenant: &'a str) -> impl Iterator<Item = &'a Credential> {
        self.credentials.iter().filter(move |credential| credential.tenant == tenant)
    }
}

/// One thing wrong with a profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// JSON pointer into the file; empty for the file as a whole.
    pub pointer: String,
    /// What was expected, and what to do.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = if self.pointer.is_empty() { "/" } else { &self.pointer };
        write!(f, "{place}: {}", self.message)
    }
}

/// Why a profile cannot be used. Its text is one message for a person.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// No such file.
    #[error("no target profile `{name}` in {folder}; there are: {available}", folder = folder.display())]
    Missing {
        /// What was asked for.
        name: String,
        /// Where profiles lie.
        folder: PathBuf,
        /// What there is.
        available: String,
    },
    /// No such file in any folder.
    #[error("no target profile `{name}`; looked in {folders}; there are: {available}")]
    Nowhere {
        /// What was asked for.
        name: String,
        /// Where profiles may lie.
        folders: String,
        /// What there is.
        available: String,
    },
    /// The file cannot be read.
    #[error("{file} cannot be read: {cause}", file = file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// The file is no YAML.
    #[error("{file} is not valid YAML: {message}", file = file.display())]
    Syntax {
        /// The file.
        file: PathBuf,
        /// Place and cause.
        message: String,
    },
    /// The file does not say what it must.
    #[error("{file} cannot be used:{list}", file = file.display(), list = list(problems))]
    Invalid {
        /// The file.
        file: PathBuf,
        /// Everything that is wrong.
        problems: Vec<Problem>,
    },
}

fn list(problems: &[Problem]) -> String {
    problems.iter().fold(String::new(), |text, problem| format!("{text}\n  {problem}"))
}

#[cfg(test)]
mod tests;
