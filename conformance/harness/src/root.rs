//! Where the project's files are: a folder that the environment names, the checkout that the program was built in, or a copy
//! that the program carries and unpacks once into the user's cache.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use sha2::{Digest, Sha256};

/// Environment variable that names another root than the workspace that this crate was built in.
pub const ROOT: &str = "PLUMBLINE_ROOT";
/// Environment variable; when it is `1`, the copy that the program carries is used, whatever else there is.
pub const EMBEDDED: &str = "PLUMBLINE_EMBEDDED";
/// Folder of run records where there is no checkout.
const OUT_ELSEWHERE: &str = "plumbline-out";

/// Where the carried copy lies, once it is the one in use.
static UNPACKED: OnceLock<PathBuf> = OnceLock::new();

/// A file that a program carries: its path under the root, with slashes, and its bytes.
pub type Carried = (String, &'static [u8]);

/// Why the carried copy cannot be used. Its text is one message for a person.
#[derive(Debug, thiserror::Error)]
pub enum RootError {
    /// The environment does not tell where a cache may be.
    #[error("no folder for the files that this program carries: set XDG_CACHE_HOME or HOME, or {ROOT} to a checkout")]
    NoCache,
    /// A file or folder cannot be written.
    #[error("{path}: the files that this program carries cannot be unpacked: {cause}; set XDG_CACHE_HOME to a folder that can be written", path = path.display())]
    Write {
        /// Where.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// The copy was changed.
    #[error("{path}: differs from what this program carries; delete {folder}", path = path.display(), folder = folder.display())]
    Changed {
        /// The file.
        path: PathBuf,
        /// The copy's folder.
        folder: PathBuf,
    },
}

/// The root of the project: the carried copy where [`settle`] chose it, what [`ROOT`] names, or the workspace that this crate was
/// built in.
pub fn project_root() -> PathBuf {
    if let Some(copy) = UNPACKED.get() {
        return copy.clone();
    }
    named().unwrap_or_else(checkout)
}

/// The folder of the fixtures.
pub fn fixtures_root() -> PathBuf {
    project_root().join("fixtures")
}

/// Whether the project's files are the carried copy: there is no checkout, and no cargo to build anything with.
pub fn is_carried() -> bool {
    UNPACKED.get().is_some()
}

/// Where run records lie unless it is said otherwise: `reports/out` of a checkout, `plumbline-out` here where there is none.
pub fn default_out() -> PathBuf {
    if is_carried() { PathBuf::from(OUT_ELSEWHERE) } else { project_root().join("reports/out") }
}

/// Decides where the project's files are, and unpacks `carried` where that is the answer. To be called once, before anything
/// reads a file of the project.
///
/// # Errors
///
/// [`RootError`] when the copy is needed and cannot be made.
pub fn settle(carried: impl FnOnce() -> Vec<Carried>) -> Result<(), RootError> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let forced = variable(EMBEDDED).is_some_and(|value| value == "1");
    if !forced && (named().is_some() || is_checkout(&checkout())) {
        return Ok(());
    }
    let cache = cache(|name| variable(name).map(PathBuf::from)).ok_or(RootError::NoCache)?;
    let folder = unpack(&carried(), &cache.join("plumbline"), env!("CARGO_PKG_VERSION"))?;
    UNPACKED.get_or_init(|| folder);
    Ok(())
}

fn named() -> Option<PathBuf> {
    std::env::var_os(ROOT).filter(|root| !root.is_empty()).map(PathBuf::from)
}

fn checkout() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_path_buf()
}

fn is_checkout(root: &Path) -> bool {
    ["contracts/rules.yaml", "conformance/cases", "fixtures/tenants"].iter().all(|part| root.join(part).exists())
}

/// The user's cache folder.
fn cache(variable: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    let home = || variable("HOME");
    let own = match std::env::consts::OS {
        "macos" => home().map(|home| home.join("Library/Caches")),
        "windows" => variable("LOCALAPPDATA"),
        _ => home().map(|home| home.join(".cache")),
    };
    variable("XDG_CACHE_HOME").or(own)
}

/// Unpacks `carried` into a folder of `cache` whose name holds the version and a hash of all of it, whole or not at all. What is
/// there already must be the same.
fn unpack(carried: &[Carried], cache: &Path, version: &str) -> Result<PathBuf, RootError> {
    let folder = cache.join(format!("{version}-{}", hash(carried)));
    if !folder.exists() {
        let fault = |path: &Path| {
            let path = path.to_path_buf();
            move |cause| RootError::Write { path, cause }
        };
        fs::create_dir_all(cache).map_err(fault(cache))?;
        let fresh = tempfile::Builder::new().prefix(".unpack-").tempdir_in(cache).map_err(fault(cache))?;
        for (name, bytes) in carried {
            let path = fresh.path().join(name);
            let parent = path.parent().unwrap_or(cache);
            fs::create_dir_all(parent).and_then(|()| fs::write(&path, bytes)).map_err(fault(&path))?;
        }
        // Two programs may unpack at once: the one that comes second finds the same folder there.
        if let Err(cause) = fs::rename(fresh.path(), &folder)
            && !folder.exists()
        {
            return Err(fault(&folder)(cause));
        }
    }
    for (name, bytes) in carried {
        let path = folder.join(name);
        if fs::read(&path).ok().as_deref() != Some(*bytes) {
            return Err(RootError::Changed { path, folder });
        }
    }
    Ok(folder)
}

fn hash(carried: &[Carried]) -> String {
    let mut hasher = Sha256::new();
    for (name, bytes) in carried {
        hasher.update(name.len().to_le_bytes());
        hasher.update(name);
        hasher.update(bytes.len().to_le_bytes());
        hasher.update(bytes);
    }
    hex::encode(&hasher.finalize()[..8])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn carried(text: &'static str) -> Vec<Carried> {
        vec![("contracts/rules.yaml".to_owned(), text.as_bytes()), ("a/b/c.txt".to_owned(), b"\xff\x00")]
    }

    #[test]
    fn unpacks_whole_once_and_by_content() {
        let cache = tempfile::tempdir().unwrap();
        let first = unpack(&carried("one"), cache.path(), "1.0.0").unwrap();
        assert_eq!(fs::read(first.join("a/b/c.txt")).unwrap(), b"\xff\x00");
        assert_eq!(unpack(&carried("one"), cache.path(), "1.0.0").unwrap(), first);
        let other = unpack(&carried("two"), cache.path(), "1.0.0").unwrap();
        assert_ne!(other, first);
        let names: Vec<_> = fs::read_dir(cache.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names.len(), 2, "something was left behind: {names:?}");
    }

    #[test]
    fn refuses_a_copy_that_was_changed() {
        let cache = tempfile::tempdir().unwrap();
        let folder = unpack(&carried("one"), cache.path(), "1.0.0").unwrap();
        fs::write(folder.join("contracts/rules.yaml"), "other").unwrap();
        let text = unpack(&carried("one"), cache.path(), "1.0.0").unwrap_err().to_string();
        assert!(text.contains("contracts/rules.yaml") && text.contains("delete"), "{text}");
    }

    #[test]
    fn says_which_folder_cannot_be_written() {
        let cache = tempfile::tempdir().unwrap();
        let file = cache.path().join("file");
        fs::write(&file, "").unwrap();
        let text = unpack(&carried("one"), &file, "1.0.0").unwrap_err().to_string();
        assert!(text.contains(&file.display().to_string()), "{text}");
    }

    #[test]
    fn prefers_the_cache_that_the_user_names() {
        let both = |name: &str| Some(PathBuf::from(format!("/{name}")));
        assert_eq!(cache(both), Some(PathBuf::from("/XDG_CACHE_HOME")));
        assert_eq!(cache(|_| None), None);
    }

    #[test]
    fn knows_the_checkout_that_it_was_built_in() {
        assert!(is_checkout(&checkout()));
        assert!(!is_checkout(Path::new("/nowhere")));
    }
}
