//! `quality nightly`: fixtures, collections and answers in one run, and the page of it with history and changes.

use std::{fs, path::PathBuf};

use harness::{exit, output::say, project_root, record};

use super::{
    fail,
    score::{What, finish, names, read_all},
};
use crate::collection::FIXTURES;

/// The page, beside the records that it was drawn from.
const PAGE: &str = "index.html";

/// Run the fixtures, the collections given and answers of all of them, and draw the page: figures, what got better and worse
/// with both rankings, and the runs before.
#[derive(Debug, clap::Args)]
pub struct Nightly {
    #[command(flatten)]
    what: What,
    /// Folder with the records of earlier runs, which gets the record and the page [default: reports/out of the workspace].
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

impl Nightly {
    /// Runs the command; the exit code says how it went.
    pub(crate) fn run(&self) -> u8 {
        let started_at = record::now();
        let baselines = || {
            let mut all = vec![FIXTURES.to_owned()];
            all.extend(names(&self.what.read()?));
            read_all(&all, None, &self.what)
        };
        let baselines = match baselines() {
            Ok(baselines) => baselines,
            Err(code) => return code,
        };
        let scored = match self.what.run(true, true) {
            Ok(scored) => scored,
            Err(code) => return code,
        };
        let command = format!("cargo run -p quality -- nightly{}", self.what.arguments());
        let out = self.out.clone().unwrap_or_else(|| project_root().join("reports/out"));
        let finished = finish(&scored, baselines, &self.what, started_at, command);
        let code = finished.write(&scored.session.prepared, Some(out.clone()));
        if code == exit::HARNESS {
            return code;
        }
        let runs = match reports::read(&out) {
            Ok(runs) => runs,
            Err(error) => return fail(exit::USAGE, &error.to_string()),
        };
        let page = out.join(PAGE);
        if let Err(error) = fs::write(&page, reports::page(&reports::Report::new(runs))) {
            return fail(exit::HARNESS, &format!("{} cannot be written: {error}", page.display()));
        }
        say(&format!("drew {}", page.display()));
        code
    }
}
