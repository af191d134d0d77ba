//! House rules that a test can hold.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The only folders at the top, besides those that begin with a dot.
const TOP: [&str; 9] = [
    "contracts",
    "reference-impl",
    "conformance",
    "loadtests",
    "quality",
    "fixtures",
    "reports",
    "target",
    "workspace-hack",
];
/// Above this a file needs a reason in [`LONG`].
const MOST_LINES: usize = 600;
/// Files that are longer, each with its reason.
const LONG: [(&str, &str); 0] = [];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of the workspace").flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if path.is_dir()
            && !name.starts_with('.')
            && !["target", "node_modules", "generated", "build", "out"].contains(&name.as_str())
        {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn rust_files() -> Vec<PathBuf> {
    let mut found = Vec::new();
    sources(&crate::root(), &mut found);
    found
}

#[test]
fn keeps_files_short_or_says_why() {
    let long: Vec<String> = rust_files()
        .into_iter()
        .filter_map(|path| {
            let lines = fs::read_to_string(&path).unwrap().lines().count();
            let name = path.to_string_lossy().into_owned();
            let excused = LONG.iter().any(|(end, _)| name.ends_with(end));
            (lines > MOST_LINES && !excused).then(|| format!("{name}: {lines} lines"))
        })
        .collect();
    assert!(long.is_empty(), "find the seam in\n{}", long.join("\n"));
}

#[test]
fn opens_every_module_with_what_it_is_for() {
    let silent: Vec<String> = rust_files()
        .into_iter()
        .filter(|path| {
            let text = fs::read_to_string(path).unwrap();
            let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
            let test = path.components().any(|part| part.as_os_str() == "tests" || part.as_os_str() == "tests.rs");
            !first.starts_with("//!") && !test
        })
        .map(|path| path.to_string_lossy().into_owned())
        .collect();
    assert!(silent.is_empty(), "begin with a `//!` sentence:\n{}", silent.join("\n"));
}

#[test]
fn has_no_other_folder_at_the_top() {
    let strange: Vec<String> = fs::read_dir(crate::root())
        .unwrap()
        .map(Result::unwrap)
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| !name.starts_with('.') && !TOP.contains(&name.as_str()))
        .collect();
    assert!(strange.is_empty(), "{strange:?}");
}
