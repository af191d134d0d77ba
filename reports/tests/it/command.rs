//! The command as a person meets it: what it prints, what it writes, how it ends.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Output},
};

use crate::{changed, passing};

/// A folder of its own for each test.
fn folder(name: &str, records: &[(&str, Vec<u8>)]) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("reports").join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    for (file, text) in records {
        fs::write(folder.join(file), text).unwrap();
    }
    folder
}

fn reports(folder: &PathBuf, flags: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } =
        Command::new(env!("CARGO_BIN_EXE_reports")).arg("--out").arg(folder).args(flags).output().unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

#[test]
fn an_empty_folder_says_what_to_run() {
    let folder = folder("empty", &[]);
    let (code, out, error) = reports(&folder, &[]);
    assert_eq!((code, out.as_str()), (Some(2), ""));
    let page = fs::read_to_string(folder.join("index.html")).unwrap();
    for text in [error, page] {
        for command in reports::HOW_TO_RUN {
            assert!(text.contains(command), "{text}");
        }
    }
}

#[test]
fn a_folder_that_does_not_exist_says_the_same_and_is_not_made() {
    let missing = folder("parent", &[]).join("missing");
    let (code, _, error) = reports(&missing, &[]);
    assert_eq!(code, Some(2));
    assert!(error.contains("run one of these first"), "{error}");
    assert!(!missing.exists());
}

#[test]
fn passing_runs_end_with_0_and_one_line() {
    let folder = folder("pass", &[("a.json", passing(|_| ()))]);
    let (code, out, error) = reports(&folder, &[]);
    assert_eq!((code, error.as_str()), (Some(0), ""));
    assert!(out.starts_with("pass: conformance on local pass (1 of 1 cases passed); page: "), "{out}");
    assert_eq!(out.lines().count(), 1);
}

#[test]
fn a_failing_run_ends_with_100_and_an_unfinished_one_with_1() {
    let failed = folder("fail", &[("a.json", changed(|_| ()))]);
    assert_eq!(reports(&failed, &[]).0, Some(100));
    let error = folder("error", &[("a.json", changed(|record| record["verdict"] = "error".into()))]);
    assert_eq!(reports(&error, &[]).0, Some(1));
}

#[test]
fn a_broken_record_ends_with_2_and_leaves_no_old_verdict_behind() {
    let folder = folder("broken", &[("a.json", passing(|_| ()))]);
    assert_eq!(reports(&folder, &[]).0, Some(0));
    fs::write(folder.join("b.json"), changed(|record| record["seed"] = "x".into())).unwrap();
    let (code, out, error) = reports(&folder, &[]);
    assert_eq!((code, out.as_str(), error.lines().count()), (Some(2), "", 1));
    assert!(error.contains("b.json: /seed: "), "{error}");
    let page = fs::read_to_string(folder.join("index.html")).unwrap();
    assert!(page.contains("No verdict") && !page.contains("badge pass"), "{page}");
}

#[test]
fn the_comment_goes_to_standard_output_alone() {
    let folder = folder("markdown", &[("a.json", changed(|_| ()))]);
    let (code, out, error) = reports(&folder, &["--markdown"]);
    assert_eq!(code, Some(100));
    assert!(out.starts_with("### ❌ Plumbline: fail\n"), "{out}");
    assert!(error.starts_with("fail: "), "{error}");
}

fn one(arguments: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } =
        Command::new(env!("CARGO_BIN_EXE_reports")).args(arguments).output().unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

#[test]
fn each_form_is_written_to_a_file_or_to_standard_output() {
    let folder = folder("forms", &[("a.json", changed(|_| ()))]);
    let (run, output) = (folder.join("a.json"), folder.join("written"));
    let (run, output) = (run.to_str().unwrap(), output.to_str().unwrap());
    for (form, begins) in [("junit", "<?xml"), ("sarif", "{\n"), ("markdown", "### ❌ Plumbline: fail\n")] {
        let (code, out, error) = one(&["--format", form, "--run", run]);
        assert_eq!((code, error.as_str()), (Some(100), ""));
        assert!(out.starts_with(begins), "{out}");
        assert_eq!(
            one(&["--format", form, "--run", run, "--output", output]),
            (Some(100), String::new(), String::new())
        );
        assert_eq!(fs::read_to_string(output).unwrap(), out);
    }
    assert!(!folder.join("index.html").exists());
}

#[test]
fn a_form_ends_with_the_exit_code_of_its_record() {
    let broken = changed(|record| record["seed"] = "x".into());
    let error = changed(|record| record["verdict"] = "error".into());
    let folder = folder("codes", &[("pass.json", passing(|_| ())), ("error.json", error), ("broken.json", broken)]);
    for (file, expected) in [("pass.json", 0), ("error.json", 1), ("broken.json", 2), ("missing.json", 2)] {
        let path = folder.join(file);
        let (code, out, error) = one(&["--format", "junit", "--run", path.to_str().unwrap()]);
        assert_eq!((code, out.is_empty(), error.is_empty()), (Some(expected), expected == 2, expected != 2), "{file}");
    }
}

#[test]
fn a_form_without_a_run_is_refused() {
    let (code, _, error) = one(&["--format", "junit"]);
    assert_eq!(code, Some(2));
    assert!(error.contains("--run <FILE>"), "{error}");
}

#[test]
fn the_comment_of_one_record_compares_with_the_one_that_is_named() {
    let before = passing(|record| record["started_at"] = "2026-03-01T09:15:00Z".into());
    let other = passing(|record| record["target"]["name"] = "other".into());
    let folder = folder("previous", &[("a.json", changed(|_| ())), ("b.json", before), ("c.json", other)]);
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let compared = |before: &str| one(&["--format", "markdown", "--run", &path("a.json"), "--previous", &path(before)]);
    let (code, out, _) = compared("b.json");
    assert_eq!(code, Some(100));
    assert!(out.contains("1 newly failing"), "{out}");
    let (code, _, error) = compared("c.json");
    assert_eq!(code, Some(2));
    assert!(error.contains("--previous wants conformance on local"), "{error}");
}

#[test]
fn load_records_merge_into_one_that_draws() {
    let example = contract_types::examples("RunRecord")[2].clone();
    let other = |id: &str| {
        let mut record = example.clone();
        (record["run_id"], record["verdict"]) = (id.into(), "pass".into());
        serde_json::to_vec(&record).unwrap()
    };
    let ids = ["0195f2b0-6d0a-7c3e-9b1f-2a4c6e8d0f31", "0195f2b0-6d0a-7c3e-9b1f-2a4c6e8d0f32"];
    let folder = folder("merge", &[("a.json", other(ids[0])), ("b.json", other(ids[1]))]);
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let (code, out, error) = one(&["merge", &path("a.json"), &path("b.json"), "--output", &path("c.json")]);
    assert_eq!((code, out.as_str(), error.as_str()), (Some(0), "", ""));
    fs::remove_file(path("a.json")).unwrap();
    assert_eq!(reports(&folder, &[]).0, Some(0));
    assert_eq!(one(&["merge", &path("b.json")]).0, Some(2));
    assert_eq!(one(&["merge", &path("b.json"), &path("b.json")]).0, Some(2));
}

#[test]
fn help_teaches_with_examples() {
    let (code, out, _) = one(&["--help"]);
    assert_eq!(code, Some(0));
    for taught in ["reports --format junit --run", "reports --format sarif --run", "Exit codes: 0"] {
        assert!(out.contains(taught), "{out}");
    }
}
