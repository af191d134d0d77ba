//! Probes can see: each of them tells when answers of its kind come late.

use crate::suite::command;

#[test]
fn every_probe_tells_what_is_slow_in_its_way() {
    let out = tempfile::tempdir().unwrap();
    let folder = out.path().to_string_lossy().into_owned();
    let said = command(&["saboteurs", "--probes", "--out", &folder], &[]);
    assert_eq!(said.code, 0, "{}", said.err);
    let files = std::fs::read_dir(out.path()).unwrap().map(|entry| entry.unwrap().path());
    let record: String = files.map(|file| std::fs::read_to_string(file).unwrap()).collect();
    for probe in ["foreign-or-missing", "asked-by-another", "stored-answer", "tenant-check", "shares-under-a-flood"] {
        assert!(record.contains(&format!("/{probe}: ")), "{probe} has seen nothing");
    }
}
