//! Tells cargo which folders the program carries: the macro that embeds them sees changed files, and not new ones.

fn main() {
    let folders = ["cases", "targets", "../contracts/schemas", "../contracts/tools"];
    let data =
        ["tenants", "corpora", "credentials", "hostile", "understanding"].map(|name| format!("../fixtures/{name}"));
    for folder in folders.into_iter().map(str::to_owned).chain(data) {
        println!("cargo::rerun-if-changed={folder}");
    }
    println!("cargo::rerun-if-changed=build.rs");
}
