//! The console's assets against their folder, and what no asset may hold.

use std::{collections::BTreeSet, fs, path::Path as FilePath};

use super::*;

fn files(folder: &FilePath, below: &str, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{below}{}", entry.file_name().into_string().unwrap());
        if entry.file_type().unwrap().is_dir() {
            files(&entry.path(), &format!("{name}/"), found);
        } else {
            found.insert(name);
        }
    }
}

#[test]
fn serves_every_file_of_its_folder() {
    let mut found = BTreeSet::new();
    files(&FilePath::new(env!("CARGO_MANIFEST_DIR")).join("console"), "", &mut found);
    assert!(found.remove("index.html"));
    assert_eq!(found, ASSETS.iter().map(|(name, _)| (*name).to_owned()).collect());
}

#[test]
fn the_page_names_its_assets_by_their_hash_and_no_other_host() {
    assert_eq!(VERSION.len(), 16);
    assert!(COMPLETED.contains(&format!("/console/{}/app.js", VERSION.as_str())) && !COMPLETED.contains(FOLDER_MARK));
    for (name, text) in ASSETS.iter().copied().chain([("index.html", PAGE)]) {
        let elsewhere = text.replace("http://www.w3.org/2000/svg", "");
        assert!(!elsewhere.contains("http://") && !elsewhere.contains("https://"), "{name} names a host");
    }
}

#[test]
fn no_asset_makes_markup_of_text_or_keeps_anything() {
    let refused = [
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "DOMParser",
        "eval(",
        "Function(",
        "localStorage",
        "sessionStorage",
        "indexedDB",
        "document.cookie",
        "style=",
        "onclick",
    ];
    for (name, text) in ASSETS.iter().copied().chain([("index.html", PAGE)]) {
        for word in refused {
            assert!(!text.contains(word), "{name} holds `{word}`");
        }
    }
    assert!(!PAGE.contains("<style") && !PAGE.replace("<script type=\"module\" src=", "").contains("<script"));
}

#[test]
fn a_browser_may_run_only_what_came_from_here() {
    for part in
        ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "form-action 'none'", "base-uri 'none'"]
    {
        assert!(POLICY.split("; ").any(|it| it == part), "{part}");
    }
    assert!(!POLICY.contains("unsafe"));
}
