//! Builds a target, once in a process: a second server runs the program of the first.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Mutex, PoisonError},
};

use serde_json::Value;

use super::TargetError;

/// What a command in a folder has built.
type Built = BTreeMap<(Vec<String>, PathBuf), Option<PathBuf>>;

static BUILT: Mutex<Built> = Mutex::new(BTreeMap::new());

/// As [`run`], for the first server of this process; later ones get what that gave. Two at once wait for one build.
pub(super) fn build(command: &[String], folder: &Path) -> Result<Option<PathBuf>, TargetError> {
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    let key = (command.to_vec(), folder.to_path_buf());
    if let Some(known) = built.get(&key) {
        return Ok(known.clone());
    }
    let binary = run(command, folder)?;
    built.insert(key, binary.clone());
    Ok(binary)
}

/// Runs the build; gives the program that cargo's JSON messages name, if any. `{target}` is the folder that cargo builds into,
/// so that a build of its own within it is kept where every other one is; `{release}` is what a suite that is itself a release
/// build adds, so that figures are of a target like it.
fn run(command: &[String], folder: &Path) -> Result<Option<PathBuf>, TargetError> {
    let own = std::env::var("CARGO_TARGET_DIR").ok().filter(|own| !own.is_empty());
    let own = own.unwrap_or_else(|| "target".to_owned());
    let command = resolved(command, &own, !cfg!(debug_assertions));
    let Some((program, arguments)) = command.split_first() else { return Ok(None) };
    let mut build = Command::new(program);
    build.args(arguments).current_dir(folder).stderr(Stdio::inherit());
    std::env::vars_os().map(|(name, _)| name).filter(|name| name.to_str().is_some_and(is_ours)).for_each(|name| {
        build.env_remove(name);
    });
    let output = build.output().map_err(|cause| TargetError::Run { program: program.clone(), cause })?;
    if !output.status.success() {
        return Err(TargetError::Build { command: command.join(" ") });
    }
    Ok(executable(&String::from_utf8_lossy(&output.stdout)))
}

fn resolved(command: &[String], target: &str, release: bool) -> Vec<String> {
    let kept = command.iter().filter(|argument| release || *argument != "{release}");
    kept.map(|argument| argument.replace("{release}", "--release").replace("{target}", target)).collect()
}

/// Whether cargo set this variable to tell a program that it runs about its own package. Build scripts of dependencies look at
/// these too: a build that inherits them builds such dependencies again, and so does the next one that does not.
fn is_ours(variable: &str) -> bool {
    const ABOUT_PACKAGES: [&str; 3] = ["CARGO_PKG_", "CARGO_MANIFEST_", "OUT_DIR"];
    ABOUT_PACKAGES.iter().any(|begins| variable.starts_with(begins))
}

/// The last executable in cargo's JSON messages.
fn executable(messages: &str) -> Option<PathBuf> {
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let artifacts = messages.filter(|message| message["reason"] == "compiler-artifact");
    artifacts.filter_map(|message| message["executable"].as_str().map(PathBuf::from)).next_back()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_program_in_cargos_messages() {
        let messages = "{\"reason\":\"compiler-artifact\",\"executable\":null}\nnoise\n\
                        {\"reason\":\"compiler-artifact\",\"executable\":\"/t/debug/a\"}\n{\"reason\":\"build-finished\"}";
        assert_eq!(executable(messages), Some(PathBuf::from("/t/debug/a")));
    }

    #[test]
    fn builds_as_if_no_package_of_ours_asked_for_it() {
        // Cargo runs this test and tells it about its package.
        assert!(std::env::var_os("CARGO_PKG_NAME").is_some() && std::env::var_os("CARGO_MANIFEST_DIR").is_some());
        let folder = tempfile::tempdir().unwrap();
        let command = ["sh", "-c", "env | grep -E '^(CARGO_(PKG|MANIFEST)_|OUT_DIR=)' > seen; test -n \"$PATH\""]
            .map(str::to_owned);
        build(&command, folder.path()).unwrap();
        assert_eq!(std::fs::read_to_string(folder.path().join("seen")).unwrap(), "");
    }

    #[test]
    fn a_release_of_the_suite_asks_for_a_release_of_the_target() {
        let command = ["cargo", "build", "{release}", "--target-dir={target}/x"].map(str::to_owned);
        assert_eq!(resolved(&command, "t", true), ["cargo", "build", "--release", "--target-dir=t/x"]);
        assert_eq!(resolved(&command, "t", false), ["cargo", "build", "--target-dir=t/x"]);
    }

    #[test]
    fn builds_once() {
        let folder = tempfile::tempdir().unwrap();
        let command = ["sh", "-c", "echo x >> log"].map(str::to_owned);
        for _ in 0..2 {
            assert_eq!(build(&command, folder.path()).unwrap(), None);
        }
        assert_eq!(std::fs::read_to_string(folder.path().join("log")).unwrap(), "x\n");
    }
}
