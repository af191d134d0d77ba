//! The files of the project that the program carries, so that it works where there is no checkout: contract, cases, targets and
//! the data of the fixtures.

use harness::root::Carried;
use include_dir::{Dir, include_dir};

/// Folders, each with its place under the root. `build.rs` sees to it that a new file is noticed.
static FOLDERS: [(&str, Dir<'static>); 9] = [
    ("contracts/schemas", include_dir!("$CARGO_MANIFEST_DIR/../contracts/schemas")),
    ("contracts/tools", include_dir!("$CARGO_MANIFEST_DIR/../contracts/tools")),
    ("conformance/cases", include_dir!("$CARGO_MANIFEST_DIR/cases")),
    ("conformance/targets", include_dir!("$CARGO_MANIFEST_DIR/targets")),
    ("fixtures/tenants", include_dir!("$CARGO_MANIFEST_DIR/../fixtures/tenants")),
    ("fixtures/corpora", include_dir!("$CARGO_MANIFEST_DIR/../fixtures/corpora")),
    ("fixtures/credentials", include_dir!("$CARGO_MANIFEST_DIR/../fixtures/credentials")),
    ("fixtures/hostile", include_dir!("$CARGO_MANIFEST_DIR/../fixtures/hostile")),
    ("fixtures/understanding", include_dir!("$CARGO_MANIFEST_DIR/../fixtures/understanding")),
];

/// Single files.
const FILES: [(&str, &[u8]); 4] = [
    ("contracts/openapi.yaml", include_bytes!("../../contracts/openapi.yaml")),
    ("contracts/control.yaml", include_bytes!("../../contracts/control.yaml")),
    ("contracts/rules.yaml", include_bytes!("../../contracts/rules.yaml")),
    ("fixtures/MANIFEST.yaml", include_bytes!("../../fixtures/MANIFEST.yaml")),
];

/// Every carried file, in a stable order.
pub(crate) fn files() -> Vec<Carried> {
    let mut files: Vec<Carried> = FILES.iter().map(|(name, bytes)| ((*name).to_owned(), *bytes)).collect();
    for (place, folder) in &FOLDERS {
        add(place, folder, &mut files);
    }
    files.sort_by(|a, b| a.0.cmp(&b.0));
    files
}

fn add(place: &str, folder: &Dir<'static>, files: &mut Vec<Carried>) {
    for file in folder.files() {
        // Paths under the folder, with slashes on every system.
        let parts: Vec<_> = file.path().iter().map(|part| part.to_string_lossy()).collect();
        files.push((format!("{place}/{}", parts.join("/")), file.contents()));
    }
    for inner in folder.dirs() {
        add(place, inner, files);
    }
}
