//! The program alone, in a folder that is no checkout: it carries what it needs.

use std::{path::Path, process::Command};

use crate::suite::{Said, command, conformance, said};

/// Runs the program that was copied to `folder` there, with nothing but the copy that it carries.
fn alone(folder: &Path, arguments: &[&str]) -> Said {
    let mut command = Command::new(folder.join("conformance"));
    command
        .args(arguments)
        .current_dir(folder)
        .env("PLUMBLINE_EMBEDDED", "1")
        .env("XDG_CACHE_HOME", folder.join("cache"))
        .env_remove("PLUMBLINE_TARGETS")
        .env_remove("PLUMBLINE_STAGING_URL");
    said(&mut command)
}

#[test]
fn lists_the_same_tests_without_a_checkout() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(conformance(), folder.path().join("conformance")).unwrap();
    let there = command(&["list"], &[]);
    let here = alone(folder.path(), &["list"]);
    assert_eq!((here.code, there.code), (0, 0), "{}", here.err);
    assert!(here.out.lines().count() > 1000);
    assert_eq!(here.out, there.out);
    let copies: Vec<_> = std::fs::read_dir(folder.path().join("cache/plumbline")).unwrap().collect();
    assert_eq!(copies.len(), 1);
    // The second time nothing is unpacked, and what somebody has changed is not used.
    assert_eq!(alone(folder.path(), &["list"]).out, there.out);
    let copy = copies.into_iter().next().unwrap().unwrap().path();
    std::fs::write(copy.join("contracts/rules.yaml"), "[]").unwrap();
    let changed = alone(folder.path(), &["list"]);
    assert_eq!(changed.code, 1, "{}", changed.err);
    assert!(changed.err.contains("rules.yaml"), "{}", changed.err);
}

#[test]
fn takes_ones_own_profiles_first_and_the_carried_ones_then() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(conformance(), folder.path().join("conformance")).unwrap();
    let carried = alone(folder.path(), &["doctor", "--offline", "--target", "staging"]);
    assert_eq!(carried.code, 2, "{}", carried.out);
    assert!(carried.out.contains("PLUMBLINE_STAGING_URL is not set"), "{}", carried.out);
    for place in ["targets", "mine"] {
        std::fs::create_dir(folder.path().join(place)).unwrap();
        let text = format!(
            "name: staging\ndescription: d\nbase_url: http://127.0.0.1:1/{place}\ntenants: [a]\nfeatures: []\nseed_fixtures: false\n\
             credentials: [{{tenant: a, name: all, scopes: [admin], file: key}}]\n"
        );
        std::fs::write(folder.path().join(place).join("staging.yaml"), text).unwrap();
    }
    std::fs::write(folder.path().join("key"), "a-key\n").unwrap();
    let own = alone(folder.path(), &["doctor", "--offline", "--target", "staging"]);
    assert_eq!(own.code, 0, "{}", own.out);
    assert!(own.out.contains("http://127.0.0.1:1/targets"), "{}", own.out);
    let named = alone(folder.path(), &["doctor", "--offline", "--target", "staging", "--targets", "mine"]);
    assert!(named.out.contains("http://127.0.0.1:1/mine"), "{}", named.out);
    let run = alone(folder.path(), &["run", "--target", "staging", "get_health/example"]);
    assert_eq!(run.code, 3, "{}", run.err);
}
