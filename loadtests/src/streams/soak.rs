//! Streams that their clients cut at random: what they held must come back, to the last task and descriptor.

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use clap::{Args, builder::RangedU64ValueParser};
use contract_types::CaseRecord;
use harness::{exit, output::data, record};
use stand_in::Draw;
use tokio::task::JoinSet;

use super::{Operation, Yard, memory::Memory, one, tally::Streams};
use crate::{
    cli::duration,
    record::{Failure, Ran, gate},
};

/// Name of the scenario in records.
pub(super) const NAME: &str = "soak";

/// Time in which everything must have come back.
const RETURN: Duration = Duration::from_secs(10);
/// How long clients warm the target up before the first count: they open what stays open, such as its pool of databases.
const WARM_UP: Duration = Duration::from_secs(3);

/// Cuts streams at random and sees that places, tasks and descriptors of the target return to their starting count.
#[derive(Debug, Clone, Args)]
pub struct SoakArguments {
    /// Target profile that starts its target.
    #[arg(long, value_name = "NAME", default_value = "local")]
    pub target: String,
    /// What is asked.
    #[arg(long, value_enum, default_value_t = Operation::Chat)]
    pub operation: Operation,
    /// Clients at once.
    #[arg(long, default_value_t = 64, value_parser = RangedU64ValueParser::<u64>::new().range(1..=2000))]
    pub clients: u64,
    /// How long.
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = duration)]
    pub duration: Duration,
    /// Seed of when each stream is cut.
    #[arg(long, default_value_t = 1, value_parser = RangedU64ValueParser::<u64>::new().range(0..=9_007_199_254_740_991))]
    pub seed: u64,
    /// Folder that the run record is written to [default: reports/out of the workspace].
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// What a target holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Event streams that are open.
    pub open_streams: u64,
    /// Tasks of its runtime.
    pub tasks: u64,
    /// Descriptors of its process.
    pub descriptors: u64,
    /// Streams that it reads from its model.
    pub upstream_streams: u64,
}

impl Counts {
    /// Whether nothing is more than it was in `before`, and no stream is open.
    pub fn returned_to(&self, before: &Self) -> bool {
        let free = self.open_streams == 0 && self.upstream_streams == 0;
        free && self.tasks <= before.tasks && self.descriptors <= before.descriptors
    }

    fn row(&self, name: &str) -> String {
        format!(
            "{name:10} {:>13} {:>13} {:>8} {:>12}",
            self.open_streams, self.upstream_streams, self.tasks, self.descriptors
        )
    }
}

/// What a soak came to.
#[derive(Debug)]
pub struct Soaked {
    /// Before it.
    pub before: Counts,
    /// The most at once of each, as far as it was looked at.
    pub during: Counts,
    /// When everything had come back, or in the end.
    pub after: Counts,
    /// Streams that were cut.
    pub cut: u64,
    /// Streams that were read to their end.
    pub(super) whole: Streams,
    /// Memory of the target over time.
    pub(super) memory: Memory,
}

impl Soaked {
    /// Streams that were read to their end.
    pub fn whole(&self) -> u64 {
        self.whole.count
    }
}

impl SoakArguments {
    fn command(&self) -> String {
        format!(
            "cargo run -p loadtests -- soak --target {} --operation {} --clients {} --duration {}s --seed {}",
            self.target,
            self.operation.as_str(),
            self.clients,
            self.duration.as_secs(),
            self.seed
        )
    }
}

/// Runs it and gives the exit code.
pub(super) fn run(arguments: &SoakArguments) -> Result<u8, Failure> {
    let runtime = crate::threads::runtime().map_err(|error| (exit::HARNESS, error.to_string()))?;
    let ran = runtime.block_on(async {
        let started_at = record::now();
        let yard = Arc::new(Yard::open(&arguments.target, arguments.operation).await?);
        let soaked = soak(&yard, arguments).await?;
        let heading =
            format!("{:10} {:>13} {:>13} {:>8} {:>12}", "", "streams", "of the model", "tasks", "descriptors");
        let mut notes = vec![heading];
        for (name, counts) in [("before", soaked.before), ("during", soaked.during), ("after", soaked.after)] {
            notes.push(counts.row(name));
        }
        notes.push(format!("{} streams were cut, {} read to their end", soaked.cut, soaked.whole.count));
        notes.push(soaked.memory.told());
        for line in &notes {
            data(line);
        }
        Ok(Ran {
            target: yard.run_target(),
            started_at,
            seed: arguments.seed,
            command: arguments.command(),
            cases: gates(arguments, &soaked),
            load: soaked.whole.records(NAME, arguments.operation, arguments.duration),
            notes,
            unreachable: false,
        })
    })?;
    ran.finish(arguments.out.as_deref())
}

pub(super) fn gates(arguments: &SoakArguments, soaked: &Soaked) -> Vec<CaseRecord> {
    let one = |name: &str, problem: Option<String>| gate(NAME, Some(arguments.operation.id()), name, problem);
    let lost = (!soaked.after.returned_to(&soaked.before)).then(|| {
        format!("expected everything back within {RETURN:?}: before {:?}, after {:?}", soaked.before, soaked.after)
    });
    let kinds = (soaked.cut == 0 || soaked.whole.count == 0).then(|| {
        let (cut, whole) = (soaked.cut, soaked.whole.count);
        format!("expected streams of both kinds, found {cut} cut and {whole} read to their end")
    });
    vec![one("returned", lost), one("both-kinds", kinds), soaked.memory.gate(NAME, arguments.operation.id())]
}

/// Soaks the target of `yard`.
///
/// # Errors
///
/// Where the target does not tell its counts.
pub async fn soak(yard: &Arc<Yard>, arguments: &SoakArguments) -> Result<Soaked, Failure> {
    yard.model.follow(yard.script(20, Duration::from_millis(5), Duration::from_millis(10)));
    clients(yard, arguments, !arguments.seed, Instant::now() + WARM_UP).join_all().await;
    let before = settled(yard, None).await?;
    let until = Instant::now() + arguments.duration;
    let clients = clients(yard, arguments, arguments.seed, until);
    let (mut during, mut memory, began) = (before, Memory::default(), Instant::now());
    while Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(250)).await;
        memory.look(began.elapsed(), yard.memory()?);
        let now = yard.counts().await?;
        during = Counts {
            open_streams: during.open_streams.max(now.open_streams),
            tasks: during.tasks.max(now.tasks),
            descriptors: during.descriptors.max(now.descriptors),
            upstream_streams: during.upstream_streams.max(now.upstream_streams),
        };
    }
    let (mut cut, mut whole) = (0, Streams::default());
    for (cuts, wholes) in clients.join_all().await {
        cut += cuts;
        whole.merge(&wholes);
    }
    let after = settled(yard, Some(&before)).await?;
    Ok(Soaked { before, during, after, cut, whole, memory })
}

/// All clients, until a moment; the same seed cuts alike.
fn clients(yard: &Arc<Yard>, arguments: &SoakArguments, seed: u64, until: Instant) -> JoinSet<(u64, Streams)> {
    let mut clients = JoinSet::new();
    for number in 0..arguments.clients {
        let (yard, seed) = (Arc::clone(yard), seed.wrapping_mul(1_000_003).wrapping_add(number));
        clients.spawn(async move { one_client(&yard, seed, until).await });
    }
    clients
}

/// The counts once idle connections to the model are closed and, where `before` is known, once they have returned to it; else
/// once two looks agree.
async fn settled(yard: &Yard, before: Option<&Counts>) -> Result<Counts, Failure> {
    // A target keeps connections to its model for the next call; they are no leak, and a model that restarts ends them.
    yard.model.stop();
    let until = Instant::now() + RETURN;
    let mut last = yard.counts().await?;
    let mut alike = 0;
    while Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let now = yard.counts().await?;
        alike = if now == last { alike + 1 } else { 0 };
        last = now;
        let enough = before.map_or(alike >= 5, |before| now.returned_to(before));
        if enough {
            break;
        }
    }
    yard.model.again().await.map_err(|error| (exit::HARNESS, error.to_string()))?;
    Ok(last)
}

/// Opens stream after stream and cuts most of them: before the answer, after some of it, or after some time.
async fn one_client(yard: &Yard, seed: u64, until: Instant) -> (u64, Streams) {
    let (client, mut draw) = (Yard::client(0), Draw::new(seed));
    let (mut cut, mut whole) = (0, Streams::default());
    while Instant::now() < until {
        match draw.below(4) {
            0 => {
                whole.add(&one::read(yard, &client, Instant::now()).await, None);
                continue;
            }
            1 => {
                // Away before there is an answer, or just then.
                let patience = Duration::from_micros(draw.below(8000) as u64);
                let _ = tokio::time::timeout(patience, yard.request(&client).send()).await;
            }
            2 => {
                let pieces = draw.below(20);
                if let Ok(mut answer) = yard.request(&client).send().await {
                    for _ in 0..pieces {
                        if !matches!(answer.chunk().await, Ok(Some(_))) {
                            break;
                        }
                    }
                }
            }
            _ => {
                let patience = Duration::from_millis(draw.below(300) as u64);
                let _ = tokio::time::timeout(patience, one::read(yard, &client, Instant::now())).await;
            }
        }
        cut += 1;
    }
    (cut, whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sees_whatever_does_not_come_back() {
        let before = Counts { open_streams: 0, tasks: 7, descriptors: 40, upstream_streams: 0 };
        assert!(before.returned_to(&before));
        assert!(Counts { tasks: 6, ..before }.returned_to(&before));
        for left in [
            Counts { open_streams: 1, ..before },
            Counts { tasks: 8, ..before },
            Counts { descriptors: 41, ..before },
            Counts { upstream_streams: 1, ..before },
        ] {
            assert!(!left.returned_to(&before), "{left:?}");
        }
    }
}
