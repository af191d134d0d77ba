//! `reports gate` as a person meets it: exit codes, JSON, the comment, and suites that it runs itself.
#![cfg(unix)]

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::{Value, json};

use crate::gate::records;

fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("gate").join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(folder.join("out")).unwrap();
    fs::create_dir_all(folder.join("bin")).unwrap();
    folder
}

/// The exit code, standard output, and the verdict as JSON where it was written.
fn gate(folder: &Path, flags: &[&str]) -> (Option<i32>, String, Option<Value>) {
    let json = folder.join("gate.json");
    let output = Command::new(env!("CARGO_BIN_EXE_reports"))
        .args(["gate", "--out"])
        .arg(folder.join("out"))
        .arg("--json")
        .arg(&json)
        .args(flags)
        .env("PLUMBLINE_BIN", folder.join("bin"))
        .output()
        .unwrap();
    let value = fs::read(&json).ok().map(|text| serde_json::from_slice(&text).unwrap());
    (output.status.code(), String::from_utf8(output.stdout).unwrap(), value)
}

/// Writes a program that copies `record` into the folder of `--out` and ends with `code`.
fn program(folder: &Path, name: &str, record: Option<&[u8]>, code: u8) {
    let kept = folder.join("bin").join(format!("{name}.record"));
    let mut script =
        "#!/bin/sh\necho noise\nwhile [ $# -gt 1 ]; do [ \"$1\" = --out ] && out=\"$2\"; shift; done\n".to_owned();
    if let Some(record) = record {
        fs::write(&kept, record).unwrap();
        // The record is of now, as that of a real run is.
        let change = r#"s/"20[0-9-]*T[0-9:.]*Z"/"$now"/g"#.replace('"', "\\\"");
        let (kept, out) = (kept.display(), format!("\"$out/{name}.json\""));
        script = format!("{script}now=$(date -u +%Y-%m-%dT%H:%M:%S.%3NZ)\nsed \"{change}\" '{kept}' > {out}\n");
    }
    let path = folder.join("bin").join(name);
    fs::write(&path, format!("{script}exit {code}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

const RUN: [&str; 3] = ["--run", "--part", "quality,load"];

#[test]
fn runs_the_suites_and_ends_with_0() {
    let folder = folder("pass");
    let all = records(|_, _| ());
    program(&folder, "quality", Some(&all[2]), 0);
    program(&folder, "loadtests", Some(&all[3]), 0);
    let comment = folder.join("comment.md");
    let (code, out, json) = gate(&folder, &[&RUN[..], &["--comment", comment.to_str().unwrap()]].concat());
    assert_eq!(code, Some(0), "{out}");
    assert!(out.starts_with("gate on local: pass\n") && !out.contains("noise"), "{out}");
    assert_eq!(json.unwrap()["verdict"], json!("pass"));
    assert!(fs::read_to_string(comment).unwrap().starts_with("### ✅ Plumbline gate on `local`: pass"));
}

#[test]
fn a_failing_suite_ends_it_with_100() {
    let folder = folder("fail");
    let all = records(|suite, record| {
        if suite == "load" {
            (record["verdict"], record["load"][0]["p95_ms"]) = (json!("fail"), json!(51));
        }
    });
    program(&folder, "quality", Some(&all[2]), 0);
    program(&folder, "loadtests", Some(&all[3]), 100);
    let (code, out, json) = gate(&folder, &RUN);
    assert_eq!(code, Some(100));
    assert!(out.contains("latency: load/search/search: p95 is 51.0 ms, over its budget of 50.0 ms"), "{out}");
    assert_eq!(json.unwrap()["exit_code"], json!(100));
}

#[test]
fn a_target_out_of_reach_ends_it_with_3_and_a_refusal_with_2() {
    for (ended, expected) in [(3, 3), (2, 2), (1, 1), (17, 1)] {
        let folder = folder(&format!("ended-{ended}"));
        program(&folder, "quality", Some(&records(|_, _| ())[2]), 0);
        program(&folder, "loadtests", None, ended);
        let (code, out, json) = gate(&folder, &RUN);
        assert_eq!(code, Some(expected), "{out}");
        assert_eq!(json.unwrap()["verdict"], json!("error"));
    }
}

#[test]
fn an_old_record_does_not_stand_in_for_a_suite_that_wrote_none() {
    let folder = folder("old");
    let all = records(|_, _| ());
    fs::write(folder.join("out/old.json"), &all[3]).unwrap();
    program(&folder, "quality", Some(&all[2]), 0);
    program(&folder, "loadtests", None, 0);
    assert_eq!(gate(&folder, &RUN).0, Some(1));
}

#[test]
fn a_program_that_is_not_there_ends_it_with_1_and_a_broken_record_with_2() {
    let folder = folder("absent");
    assert_eq!(gate(&folder, &RUN).0, Some(1));
    fs::write(folder.join("out/broken.json"), "{}").unwrap();
    assert_eq!(gate(&folder, &[]).0, Some(2));
    for wrong in [&["--part", "x"][..], &["--max-age", "1y"], &["--filter", "x"], &["--commit", "HEAD"]] {
        assert_eq!(gate(&folder, wrong).0, Some(2), "{wrong:?}");
    }
}

#[test]
fn a_file_that_cannot_be_written_does_not_take_the_verdict_along() {
    let folder = folder("unwritable");
    for (index, record) in records(|_, _| ()).into_iter().enumerate() {
        fs::write(folder.join(format!("out/{index}.json")), record).unwrap();
    }
    let comment = folder.join("none/comment.md");
    let (code, out, json) = gate(&folder, &["--max-age", "300d", "--comment", comment.to_str().unwrap()]);
    assert_eq!(code, Some(1));
    assert!(out.starts_with("gate on local: pass\n"), "{out}");
    assert_eq!(json.unwrap()["verdict"], json!("pass"));
}

#[test]
fn the_verdict_keeps_to_its_schema() {
    let folder = folder("schema");
    for (index, record) in records(|_, _| ()).into_iter().enumerate() {
        fs::write(folder.join(format!("out/{index}.json")), record).unwrap();
    }
    let (_, _, json) = gate(&folder, &["--max-age", "300d"]);
    let report: contract_types::GateReport = serde_json::from_value(json.unwrap()).unwrap();
    assert_eq!(report.parts.len(), 4);
}
