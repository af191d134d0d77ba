//! Where profiles are looked for: one's own folders first, then those of the project.

use std::{
    env,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use super::{Profile, ProfileError, available, read};
use crate::root::project_root;

/// Environment variable that names the folder that is looked in first.
const TARGETS: &str = "PLUMBLINE_TARGETS";

/// The folder that the command line names.
static FIRST: OnceLock<PathBuf> = OnceLock::new();

/// Looks in `folder` before any other, for the rest of the process.
pub fn look_first_in(folder: PathBuf) {
    FIRST.get_or_init(|| folder);
}

/// The folders that profiles may lie in, in the order in which they are looked in.
pub fn folders() -> Vec<PathBuf> {
    let variable = || env::var_os(TARGETS).filter(|folder| !folder.is_empty()).map(PathBuf::from);
    let first = FIRST.get().cloned().or_else(variable);
    let here = ["conformance/targets", "targets"].map(PathBuf::from);
    once(first.into_iter().chain(here).chain([project_root().join("conformance/targets")]))
}

/// `folders` without those that are the same place as an earlier one.
fn once(folders: impl Iterator<Item = PathBuf>) -> Vec<PathBuf> {
    let place = |folder: &Path| folder.canonicalize().unwrap_or_else(|_| folder.to_path_buf());
    let mut kept: Vec<PathBuf> = Vec::new();
    for folder in folders {
        if !kept.iter().any(|known| place(known) == place(&folder)) {
            kept.push(folder);
        }
    }
    kept
}

/// Reads the profile `name` of the first folder that has one.
///
/// # Errors
///
/// [`ProfileError`].
pub fn find(name: &str) -> Result<Profile, ProfileError> {
    find_in(&folders(), name)
}

fn find_in(folders: &[PathBuf], name: &str) -> Result<Profile, ProfileError> {
    let there = |folder: &&PathBuf| !name.contains(['/', '\\']) && folder.join(format!("{name}.yaml")).is_file();
    if let Some(folder) = folders.iter().find(there) {
        return read(folder, name);
    }
    let mut names: Vec<String> = folders.iter().flat_map(|folder| available(folder)).collect();
    names.sort();
    names.dedup();
    let folders: Vec<String> = folders.iter().map(|folder| folder.display().to_string()).collect();
    Err(ProfileError::Nowhere {
        name: name.to_owned(),
        folders: folders.join(", "),
        available: if names.is_empty() { "none".to_owned() } else { names.join(", ") },
    })
}

impl Profile {
    /// What files and commands of the profile are relative to: the project where the profile is its own, the working folder where
    /// it is somebody else's.
    pub fn base(&self) -> PathBuf {
        let root = project_root();
        let place = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
        if place(&self.file).starts_with(place(&root)) { root } else { PathBuf::from(".") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(description: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let text = format!(
            "name: t\ndescription: {description}\nbase_url: http://a\ncredentials: []\ntenants: []\nfeatures: []\nseed_fixtures: false\n"
        );
        std::fs::write(folder.path().join("t.yaml"), text).unwrap();
        folder
    }

    #[test]
    fn takes_the_first_folder_that_has_the_profile() {
        let (empty, one, two) = (tempfile::tempdir().unwrap(), folder("One."), folder("Two."));
        let paths = [empty.path().join("missing"), one.path().into(), two.path().into()];
        let found = find_in(&paths, "t").unwrap();
        assert_eq!(found.spec.description, "One.");
        assert_eq!(found.base(), PathBuf::from("."));
    }

    #[test]
    fn says_where_it_looked_and_what_there_is() {
        let one = folder("One.");
        let paths = [one.path().to_path_buf(), PathBuf::from("nowhere")];
        let text = find_in(&paths, "../t").unwrap_err().to_string();
        assert!(text.contains("nowhere") && text.contains("there are: t"), "{text}");
    }

    #[test]
    fn looks_in_a_folder_once() {
        let one = folder("One.");
        let again = one.path().join(".");
        assert_eq!(once([one.path().to_path_buf(), again].into_iter()).len(), 1);
    }

    #[test]
    fn relates_the_projects_own_profiles_to_the_project() {
        let local = read(&project_root().join("conformance/targets"), "local").unwrap();
        assert_eq!(local.base(), project_root());
    }
}
