//! The committed files of the model are those that `pack.py` wrote.

use std::path::Path;

use sha2::{Digest, Sha256};

#[test]
fn holds_the_sums_of_its_files() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/all-minilm-l6-v2");
    let sums = std::fs::read_to_string(folder.join("SHA256SUMS")).unwrap();
    let mut names = Vec::new();
    for line in sums.lines() {
        let (expected, name) = line.split_once("  ").unwrap();
        let found = hex::encode(Sha256::digest(std::fs::read(folder.join(name)).unwrap()));
        assert_eq!(found, expected, "{name}");
        names.push(name);
    }
    assert_eq!(names, ["LICENSE", "minilm.bin", "vocab.txt"]);
}
