//! Tables, generated files and operators' pages, held against each other, the contract and the platform.

mod pages;
mod tables;

use std::path::{Path, PathBuf};

use observability::Tables;

/// The workspace's root.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A file of the workspace.
fn read(name: &str) -> String {
    std::fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn table() -> Tables {
    Tables::read().expect("the tables are whole")
}
