//! A crowd: as many tenants as a run wants, made up for it. Each has the documents and questions of one tenant of the fixtures, so that
//! all are alike and what differs is how the target treats them, and canaries of its own, so that what leaks is seen.

use std::{
    fs, io,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use fixtures::{FixtureError, Fixtures};
use harness::root::fixtures_root;
use serde_json::{Value, json};
use stand_in::Draw;

/// The tenant that all are made after.
const MODEL: &str = "aurora-bikes";
/// The credential that a made-up tenant has.
const CREDENTIAL: &str = "all";
/// Parts of the fixtures that a crowd takes as they are.
const AS_THEY_ARE: [&str; 5] = ["MANIFEST.yaml", "deploy.yaml", "hostile", "tools", "understanding"];

/// Why a crowd cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum CrowdError {
    /// A file cannot be read or written.
    #[error("{path}: {cause}; a crowd is made from the fixtures in a folder for temporary files", path = path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// The fixtures are not as they must be.
    #[error("{0}")]
    Fixtures(#[from] FixtureError),
}

/// A crowd and the folder that it lies in, which is gone when this is dropped.
#[derive(Debug)]
pub struct Crowd {
    /// Fixtures whose tenants are the crowd.
    pub fixtures: Fixtures,
    _folder: tempfile::TempDir,
}

impl Crowd {
    /// Makes `count` tenants.
    ///
    /// # Errors
    ///
    /// [`CrowdError`].
    pub fn make(count: u32) -> Result<Self, CrowdError> {
        let folder = tempfile::tempdir().map_err(|cause| CrowdError::File { path: std::env::temp_dir(), cause })?;
        let (from, to) = (fixtures_root(), folder.path());
        for name in AS_THEY_ARE {
            let target = from.join(name);
            symlink(&target, to.join(name)).map_err(|cause| CrowdError::File { path: target, cause })?;
        }
        copy(&from.join("credentials"), &to.join("credentials"), &[])?;
        write(&to.join("tenants/platform.yaml"), &read(&from.join("tenants/platform.yaml"))?)?;
        let whole = Fixtures::load(&from)?;
        let marks = whole.tenant(MODEL).map(|tenant| tenant.canaries.clone()).unwrap_or_default();
        let file = from.join("tenants").join(MODEL).join("tenant.yaml");
        let model: Value = serde_yaml::from_str(&read(&file)?)
            .map_err(|error| CrowdError::File { path: file, cause: io::Error::other(error) })?;
        for number in 0..count {
            let id = format!("crowd-{number:03}");
            let mut draw = Draw::new(u64::from(number));
            let own: Vec<(&str, String)> = marks
                .values()
                .map(|mark| (mark.as_str(), format!("{:016x}{:016x}", draw.next_u64(), draw.next_u64())))
                .collect();
            copy(&from.join("corpora").join(MODEL), &to.join("corpora").join(&id), &own)?;
            let config = replaced(&configured(&model, &id).to_string(), &own);
            let path = to.join("tenants").join(&id).join("tenant.yaml");
            let config: Value = serde_json::from_str(&config)
                .map_err(|error| CrowdError::File { path: path.clone(), cause: error.into() })?;
            let text = serde_yaml::to_string(&config);
            write(
                &path,
                &text.map_err(|error| CrowdError::File { path: path.clone(), cause: io::Error::other(error) })?,
            )?;
        }
        for (path, text) in Fixtures::render_keys(to)? {
            write(&to.join(path), &text)?;
        }
        Ok(Self { fixtures: Fixtures::load(to)?, _folder: folder })
    }

    /// Ids of the tenants.
    pub fn tenants(&self) -> Vec<String> {
        self.fixtures.tenants().iter().map(|tenant| tenant.id.clone()).collect()
    }
}

/// The configuration of the model as that of `id`, without what may be one tenant's alone, and with one credential.
fn configured(model: &Value, id: &str) -> Value {
    let mut config = model.clone();
    config["tenant"] = json!(id);
    if let Some(fields) = config.as_object_mut() {
        for name in ["hostnames", "cors_origins", "link_hosts"] {
            fields.remove(name);
        }
    }
    if let Some(credentials) = config["credentials"].as_array_mut() {
        credentials.retain(|credential| credential["name"] == CREDENTIAL);
    }
    config
}

/// Copies the files under `from`, with each mark replaced by the one beside it.
fn copy(from: &Path, to: &Path, marks: &[(&str, String)]) -> Result<(), CrowdError> {
    let told = |cause| CrowdError::File { path: from.to_path_buf(), cause };
    for entry in fs::read_dir(from).map_err(told)? {
        let entry = entry.map_err(told)?;
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target, marks)?;
        } else {
            write(&target, &replaced(&read(&entry.path())?, marks))?;
        }
    }
    Ok(())
}

fn replaced(text: &str, marks: &[(&str, String)]) -> String {
    marks.iter().fold(text.to_owned(), |text, (mark, own)| text.replace(mark, own))
}

fn read(path: &Path) -> Result<String, CrowdError> {
    fs::read_to_string(path).map_err(|cause| CrowdError::File { path: path.to_path_buf(), cause })
}

fn write(path: &Path, text: &str) -> Result<(), CrowdError> {
    let written = fs::create_dir_all(path.parent().unwrap_or(path)).and_then(|()| fs::write(path, text));
    written.map_err(|cause| CrowdError::File { path: path.to_path_buf(), cause })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn tenants_are_alike_save_for_their_marks_and_keys() {
        let crowd = Crowd::make(3).expect("a crowd can be made");
        assert_eq!(crowd.tenants(), ["crowd-000", "crowd-001", "crowd-002"]);
        let tenants = crowd.fixtures.tenants();
        let marks: BTreeSet<&String> = tenants.iter().flat_map(|tenant| tenant.canaries.values()).collect();
        assert_eq!(marks.len(), 3 * tenants[0].canaries.len(), "no mark is shared");
        let model = Fixtures::load(&fixtures_root()).expect("the fixtures are whole");
        let model = model.tenant(MODEL).expect("it is among them");
        assert!(model.canaries.values().all(|mark| !marks.contains(mark)));
        for tenant in tenants {
            assert_eq!(
                (tenant.documents.len(), tenant.questions.len()),
                (model.documents.len(), model.questions.len())
            );
            let own = &tenant.canaries["document_text"];
            assert!(tenant.documents.iter().any(|document| document.content.contains(own)), "{}", tenant.id);
            let key = crowd.fixtures.key(&tenant.id, CREDENTIAL).expect("it has a key");
            assert_eq!(key.key, fixtures::demo_key(&tenant.id, CREDENTIAL));
        }
    }
}
