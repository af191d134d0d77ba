//! The contract and the house rules, held by tests.

mod broken;
mod catalogue;
mod foreign;
mod generated;
mod house;
mod layers;

use std::path::{Path, PathBuf};

use contracts::{Contract, Sources};

/// The workspace's root.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The contract of this workspace.
fn contract() -> (Sources, Contract) {
    let sources = Sources::read(Path::new(env!("CARGO_MANIFEST_DIR"))).expect("the contract can be read");
    let contract = Contract::from_sources(&sources).expect("the contract is whole");
    (sources, contract)
}
