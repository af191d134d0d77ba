//! The workflows run commands of the README and nothing else, so that each can be repeated by hand.

use std::{collections::BTreeSet, fs, path::Path};

/// What a hosted machine needs, and what only a hosted machine can do.
const OF_THE_HOST: [&str; 2] = ["sudo apt-get update && sudo apt-get install -y ", "gh pr comment "];

/// File and command of every step that runs one.
fn commands() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.github/workflows");
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        for line in fs::read_to_string(&path).unwrap().lines() {
            let line = line.trim_start().trim_start_matches("- ");
            if let Some(command) = line.strip_prefix("run:") {
                found.push((name.clone(), command.trim().to_owned()));
            }
        }
    }
    found
}

#[test]
fn workflows_run_commands_of_the_readme_alone() {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md")).unwrap();
    let listed: BTreeSet<&str> =
        readme.lines().map(|line| line.split("  #").next().unwrap_or_default().trim()).collect();
    let mut faults = Vec::new();
    for (file, command) in commands() {
        let plain = command.replace("${{ matrix.environment }}", "stage");
        if !listed.contains(plain.as_str()) && !OF_THE_HOST.iter().any(|own| plain.starts_with(own)) {
            faults.push(format!("{file}: `{plain}` is no command of the README"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_commands_that_an_empty_page_names_are_those_of_the_readme() {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md")).unwrap();
    for command in reports::HOW_TO_RUN {
        assert!(readme.lines().any(|line| line.split("  #").next().unwrap().trim() == command), "{command}");
    }
}

#[test]
fn each_job_that_a_change_must_pass_is_there() {
    let all = commands();
    for (file, command) in [
        ("pr.yml", "cargo clippy --workspace --all-targets -- -D warnings"),
        ("pr.yml", "bash .ci/secrets/run"),
        ("pr.yml", "cargo check --workspace --all-targets"),
        ("pr.yml", "cargo test --workspace"),
        ("pr.yml", "bash .ci/worker"),
        ("pr.yml", "cargo run -p reports -- gate --target local --run --comment gate.md"),
        ("nightly.yml", "cargo run -p quality -- smoke --target local"),
        ("drift.yml", "cargo run -p deploy -- drift --all --env ${{ matrix.environment }}"),
    ] {
        assert!(all.contains(&(file.to_owned(), command.to_owned())), "{file}: {command}");
    }
}
