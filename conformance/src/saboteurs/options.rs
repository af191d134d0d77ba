//! The options of `conformance saboteurs`.

use std::path::PathBuf;

/// What to try, against what.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// Profile of a good target, in front of which the proxies stand.
    #[arg(long, default_value = "local")]
    pub target: String,
    /// Profile that starts a build of the reference with switches for its flaws. `none` leaves the switches out.
    #[arg(long, default_value = "sabotage")]
    pub switches: String,
    /// Only saboteurs whose id holds one of these texts.
    #[arg(value_name = "TEXT")]
    pub texts: Vec<String>,
    /// Print the ids of all saboteurs that a proxy plays, and touch no target.
    #[arg(long)]
    pub list: bool,
    /// Instead, slow some answers down and see that each probe of time tells it. Apart from the others, since a probe needs the
    /// machine to itself.
    #[arg(long)]
    pub probes: bool,
    /// Servers with switches that run at once.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=8))]
    pub servers: u8,
    /// Instead of trying saboteurs, run the whole suite this many times against the good target: nothing may fail.
    #[arg(long, value_name = "N")]
    pub clean_runs: Option<u32>,
    /// Folder of run records; reports/out of the project when absent.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

impl Options {
    /// The note of a run that tries some of the saboteurs alone, which opens no gate; nothing where it tries all.
    pub(super) fn part(&self) -> Option<String> {
        let narrowed =
            [("TEXT", !self.texts.is_empty()), ("--switches none", self.switches == "none"), ("--probes", self.probes)];
        let by: Vec<&str> = narrowed.into_iter().filter(|(_, narrows)| *narrows).map(|(name, _)| name).collect();
        (!by.is_empty()).then(|| format!("part of the suite: chosen by {}", by.join(", ")))
    }
}
