//! Requirement sets: the rules that a deployment of one contract version is held to, frozen once that version is out.
//!
//! A deployment says in `/capabilities` which version it serves. A rule that came later binds it only when it moves on, so a
//! suite of today gives a deployment of yesterday the verdict that it had.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{
    Contract, SourceError,
    model::rule::{FIRST, Level},
};

/// A frozen set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Requirements {
    /// The contract version that it belongs to.
    pub contract: String,
    /// Rule id to level.
    pub rules: BTreeMap<String, Level>,
}

/// Why a set cannot be frozen.
#[derive(Debug, thiserror::Error)]
pub enum FreezeError {
    /// It is frozen already, and was another.
    #[error("`{0}` is frozen and differs: a rule that is new or binds harder gets `since` with a new contract version")]
    Differs(PathBuf),
    /// The file cannot be written.
    #[error("cannot write `{0}`")]
    Write(PathBuf, #[source] std::io::Error),
}

/// Major, minor and patch, for comparing; zeros where a text is no version.
pub fn version(text: &str) -> (u64, u64, u64) {
    let plain = text.split('-').next().unwrap_or_default();
    let mut parts = plain.split('.').map(|part| part.parse().unwrap_or(0));
    let mut next = || parts.next().unwrap_or(0);
    (next(), next(), next())
}

impl Requirements {
    /// The rules of `contract` that bind a deployment of `version`.
    pub fn of(contract: &Contract, version: &str) -> Self {
        let binds = contract.rules.iter().filter(|rule| rule.binds(version));
        Self { contract: version.to_owned(), rules: binds.map(|rule| (rule.id.clone(), rule.level)).collect() }
    }

    /// Every frozen set in `contracts/blessed` of the workspace at `root`, oldest first.
    ///
    /// # Errors
    ///
    /// [`SourceError`] names the file that cannot be read.
    pub fn frozen(root: &Path) -> Result<Vec<Self>, SourceError> {
        let folder = root.join("contracts/blessed");
        let entries = fs::read_dir(&folder).map_err(|cause| SourceError::Read { path: folder, cause })?;
        let named = |path: &PathBuf| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with("requirements-") && name.ends_with(".json")
        };
        let mut sets = Vec::new();
        for path in entries.flatten().map(|entry| entry.path()).filter(named) {
            let text = fs::read_to_string(&path).map_err(|cause| SourceError::Read { path: path.clone(), cause })?;
            sets.push(serde_json::from_str(&text).map_err(|cause| SourceError::Json { path, cause })?);
        }
        sets.sort_by_key(|set: &Self| version(&set.contract));
        Ok(sets)
    }

    /// How the rules of `contract` depart from this set, one line each.
    pub fn departures(&self, contract: &Contract) -> Vec<String> {
        let now = Self::of(contract, &self.contract).rules;
        let frozen = &self.contract;
        let mut lines = Vec::new();
        for (id, level) in &now {
            match self.rules.get(id) {
                None => lines.push(format!("{id} is not of {frozen}: expected `since` with a later version")),
                Some(known) if known != level => {
                    lines.push(format!(
                        "{id} was {known:?} in {frozen} and is {level:?}: expected a new rule with `since`"
                    ));
                }
                Some(_) => {}
            }
        }
        let gone = self.rules.keys().filter(|id| !now.contains_key(*id));
        lines.extend(
            gone.map(|id| format!("{id} of {frozen} is gone: expected it to stay for deployments of {frozen}")),
        );
        lines
    }

    /// Writes the set into `contracts/blessed` of the workspace at `root`, unless another is there.
    ///
    /// # Errors
    ///
    /// [`FreezeError`].
    pub fn freeze(&self, root: &Path) -> Result<PathBuf, FreezeError> {
        let path = root.join(format!("contracts/blessed/requirements-{}.json", self.contract));
        let text = serde_json::to_string_pretty(self).unwrap_or_default() + "\n";
        match fs::read_to_string(&path) {
            Ok(held) if held != text => return Err(FreezeError::Differs(path)),
            Ok(_) => return Ok(path),
            Err(_) => {}
        }
        let draft = path.with_extension("draft");
        fs::write(&draft, text)
            .and_then(|()| fs::rename(&draft, &path))
            .map_err(|cause| FreezeError::Write(path.clone(), cause))?;
        Ok(path)
    }
}

impl crate::model::Rule {
    /// Whether the rule binds a deployment of contract `version`.
    pub fn binds(&self, version: &str) -> bool {
        self::version(self.since.as_deref().unwrap_or(FIRST)) <= self::version(version)
    }
}
