//! Generated files: formatting, writing, and finding the stale ones.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// Why code could not be generated.
#[derive(Debug, thiserror::Error)]
pub enum GenerateError {
    /// `rustfmt` could not be run.
    #[error("cannot run `rustfmt`; install it with `rustup component add rustfmt`")]
    Formatter(#[source] io::Error),
    /// `rustfmt` refused the code: a bug of the generator.
    #[error("rustfmt refused `{path}`: {reason}")]
    Refused {
        /// The file.
        path: PathBuf,
        /// First lines of what rustfmt said.
        reason: String,
    },
    /// A file could not be written.
    #[error("cannot write `{path}`")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        cause: io::Error,
    },
}

/// One generated file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generated {
    /// Path relative to the workspace's root.
    pub path: PathBuf,
    /// Whole text.
    pub text: String,
}

impl Generated {
    /// A file of any other kind than Rust.
    pub(super) fn text(path: &str, text: String) -> Self {
        Self { path: PathBuf::from(path), text }
    }

    /// A Rust file, formatted.
    pub(super) fn rust(path: &str, header: &str, code: &str) -> Result<Self, GenerateError> {
        let path = PathBuf::from(path);
        let mut child = Command::new("rustfmt")
            .args(["--edition", "2024", "--emit", "stdout", "--config", "max_width=120,use_small_heuristics=Max"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(GenerateError::Formatter)?;
        let mut input = child.stdin.take().ok_or_else(|| GenerateError::Formatter(io::ErrorKind::BrokenPipe.into()))?;
        let source = format!("{header}{code}");
        let feeder = std::thread::spawn(move || input.write_all(source.as_bytes()));
        let output = child.wait_with_output().map_err(GenerateError::Formatter)?;
        let _fed = feeder.join();
        if !output.status.success() {
            let reason = String::from_utf8_lossy(&output.stderr).lines().take(12).collect::<Vec<_>>().join("\n");
            return Err(GenerateError::Refused { path, reason });
        }
        Ok(Self { path, text: String::from_utf8_lossy(&output.stdout).into_owned() })
    }
}

/// The files whose text in `root` differs from what would be generated now, missing ones included.
pub fn stale(root: &Path, files: &[Generated]) -> Vec<PathBuf> {
    let differs =
        |file: &&Generated| fs::read_to_string(root.join(&file.path)).ok().as_deref() != Some(file.text.as_str());
    files.iter().filter(differs).map(|file| file.path.clone()).collect()
}

/// Writes what changed: each file first beside its place, then renamed, so that none is ever half-written.
///
/// # Errors
///
/// [`GenerateError::Write`] names the file.
pub fn write(root: &Path, files: &[Generated]) -> Result<Vec<PathBuf>, GenerateError> {
    let stale = stale(root, files);
    for file in files.iter().filter(|file| stale.contains(&file.path)) {
        let path = root.join(&file.path);
        let fault = |cause| GenerateError::Write { path: path.clone(), cause };
        let folder = path.parent().unwrap_or(root);
        fs::create_dir_all(folder).map_err(fault)?;
        let draft = path.with_extension("draft");
        fs::write(&draft, &file.text).map_err(fault)?;
        fs::rename(&draft, &path).map_err(fault)?;
    }
    Ok(stale)
}
