//! Many streams at once, at a share of what the target can do: none may be cut, their order must hold, and the first event must
//! come almost as soon as that of a stream that is alone.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use clap::{Args, builder::RangedU64ValueParser};
use contract_types::CaseRecord;
use harness::{
    exit,
    output::{data, say},
    record,
};
use tokio::{sync::watch, task::JoinSet};

use super::{Operation, Yard, capacity, one, process, tally::Streams};
use crate::{
    cli::{duration, share},
    record::{Failure, Ran, gate},
};

/// Name of the scenario in records.
pub(super) const NAME: &str = "streams";
/// Name of the scenario of streams that run alone on a second target, while the many run on the first.
const BESIDE_NAME: &str = "streams-one-beside";
/// Name of the scenario of streams that run alone before and after the many.
const ALONE_NAME: &str = "streams-one-alone";
/// How long the target is warmed up.
const WARM_UP: Duration = Duration::from_secs(2);
/// Streams that run alone, one after the other: half of them before the many and half after, so that a machine which grew busier
/// or quieter meanwhile weighs on both.
const ALONE: usize = 200;
/// Pause between two streams of the second target.
const BESIDE_PAUSE: Duration = Duration::from_millis(50);
/// Most bytes that an idle stream may cost.
const IDLE_BYTES: u64 = 64 << 10;
/// Most that the first event of one among many may be later than that of one alone, as a factor.
const SLOWER: f64 = 3.0;

/// Puts paced streams on a target that a profile starts, with a stand-in for its model.
///
/// The capacity is measured first, with pauses between the pieces as the run will have them. Streams then arrive at a share of it,
/// and last as long as it takes for the stated number to be open at once.
///
/// The first event is held against that of streams alone, half of them before the run and half after it. What one stream takes at the
/// same time, on a second target of the same profile that carries nothing else, is told beside it: where that is late too, the machine is
/// busy with other things.
#[derive(Debug, Clone, Args)]
pub struct LoadArguments {
    /// Target profile that starts its target.
    #[arg(long, value_name = "NAME", default_value = "local")]
    pub target: String,
    /// What is asked.
    #[arg(long, value_enum, default_value_t = Operation::Chat)]
    pub operation: Operation,
    /// Streams that are open at once.
    #[arg(long, default_value_t = 200, value_parser = RangedU64ValueParser::<u64>::new().range(1..=5000))]
    pub streams: u64,
    /// How long streams arrive.
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = duration)]
    pub duration: Duration,
    /// Share of the capacity at which they arrive.
    #[arg(long, value_name = "SHARE", default_value = "0.3", value_parser = share)]
    pub share: f64,
    /// Pieces of each answer.
    #[arg(long, default_value_t = 20, value_parser = RangedU64ValueParser::<u32>::new().range(1..=1000))]
    pub pieces: u32,
    /// Folder that the run record is written to [default: reports/out of the workspace].
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

impl LoadArguments {
    fn command(&self) -> String {
        format!(
            "cargo run -p loadtests -- streams --target {} --operation {} --streams {} --duration {}s --share {} --pieces {}",
            self.target,
            self.operation.as_str(),
            self.streams,
            self.duration.as_secs(),
            self.share,
            self.pieces
        )
    }
}

/// What the run saw beside its streams.
#[derive(Debug, Clone, Copy)]
struct Around {
    /// The most streams at once.
    peak: u64,
    /// Memory of an idle stream.
    idle_bytes: u64,
}

/// Runs it and gives the exit code.
pub(super) fn run(arguments: &LoadArguments) -> Result<u8, Failure> {
    let runtime = crate::threads::runtime().map_err(|error| (exit::HARNESS, error.to_string()))?;
    let ran = runtime.block_on(async {
        let yard = Arc::new(Yard::open(&arguments.target, arguments.operation).await?);
        let beside = Yard::open(&arguments.target, arguments.operation).await?;
        measured(arguments, &yard, beside).await
    })?;
    ran.finish(arguments.out.as_deref())
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
async fn measured(arguments: &LoadArguments, yard: &Arc<Yard>, beside: Yard) -> Result<Ran, Failure> {
    let started_at = record::now();
    let quick = yard.script(arguments.pieces, Duration::ZERO, Duration::from_millis(1));
    yard.model.follow(quick.clone());
    let mut alone = Streams::default();
    capacity::press(yard, 32, WARM_UP).await?; // opens what stays open, such as the pool of databases
    let idle_bytes = idle(yard, arguments.streams).await?;
    say("measuring the capacity, then one stream alone");
    let (capacity, capacities) = capacity::measure(yard, arguments.pieces, arguments.streams).await?;
    let rate = (capacity.per_second * arguments.share).max(1.0);
    let lasts = Duration::from_secs_f64(arguments.streams as f64 / rate);
    yard.model.follow(quick.clone());
    alone_by_one(yard, ALONE / 2, &mut alone).await;
    yard.model.follow(yard.script(arguments.pieces, Duration::ZERO, lasts / arguments.pieces));
    let told = format!(
        "capacity {:.1} streams/s; {rate:.1} arrive each second for {:?} and last {lasts:.2?}",
        capacity.per_second, arguments.duration
    );
    say(&told);
    let (target_before, own_before) = yard.cpu()?;
    let began = Instant::now();
    beside.model.follow(quick.clone());
    let (stop, stopped) = watch::channel(false);
    let beside = tokio::spawn(one_beside(beside, stopped));
    let (many, peak) = arrive(yard, rate, arguments.duration).await;
    let elapsed = began.elapsed();
    stop.send_replace(true);
    let beside = beside.await.map_err(|error| (exit::HARNESS, error.to_string()))?;
    let (target_after, own_after) = yard.cpu()?;
    yard.model.follow(quick);
    let alone_began = Instant::now();
    alone_by_one(yard, ALONE / 2, &mut alone).await;

    let busy = |seconds: f64| 100.0 * seconds / elapsed.as_secs_f64();
    let notes = vec![
        told,
        capacities,
        format!("memory of an idle stream: {:.1} KiB", idle_bytes as f64 / 1024.0),
        format!(
            "processors: the target used {:.0} % of one, clients and model {:.0} %; load average of the machine {}",
            busy(target_after - target_before),
            busy(own_after - own_before),
            process::load_average()
        ),
        format!(
            "first event p99: {:.2} times that of one beside them, {:.2} times that of one alone before and after",
            many.first_event.quantile_ms(0.99) / beside.first_event.quantile_ms(0.99).max(0.001),
            many.first_event.quantile_ms(0.99) / alone.first_event.quantile_ms(0.99).max(0.001)
        ),
    ];
    data(&Streams::heading());
    data(&alone.row("one alone"));
    data(&beside.row("one beside the many"));
    data(&many.row(&format!("{peak} at once at most")));
    notes.iter().skip(1).for_each(|note| data(note));
    for told in alone.told.iter().chain(&beside.told).chain(&many.told) {
        say(told);
    }
    let mut load = many.records(NAME, arguments.operation, elapsed);
    load.extend(beside.records(BESIDE_NAME, arguments.operation, elapsed));
    load.extend(alone.records(ALONE_NAME, arguments.operation, alone_began.elapsed() * 2));
    Ok(Ran {
        target: yard.run_target(),
        started_at,
        seed: 0,
        command: arguments.command(),
        cases: gates(arguments, [&alone, &beside], &many, Around { peak, idle_bytes }),
        load,
        notes,
        unreachable: false,
    })
}

fn gates(arguments: &LoadArguments, [alone, beside]: [&Streams; 2], many: &Streams, around: Around) -> Vec<CaseRecord> {
    let Around { peak, idle_bytes } = around;
    let one =
        |name: &str, wrong: bool, told: String| gate(NAME, Some(arguments.operation.id()), name, wrong.then_some(told));
    let broken = [alone, beside, many].iter().map(|streams| streams.cut + streams.failed).sum::<u64>();
    let disordered = [alone, beside, many].iter().map(|streams| streams.disordered).sum::<u64>();
    let (first, among) = (alone.first_event.quantile_ms(0.99), many.first_event.quantile_ms(0.99));
    vec![
        one(
            "whole",
            broken > 0 || many.count == 0,
            format!("expected every one of {} streams to end well, found {broken} cut or failed", many.count),
        ),
        one(
            "order",
            disordered > 0,
            format!("expected the order of events and the text to hold, found {disordered} that differ"),
        ),
        // Arrivals are even and streams last alike, so a tenth is room enough for the ends of the run.
        one(
            "at-once",
            peak * 10 < arguments.streams * 9,
            format!("expected {} streams at once, found {peak}", arguments.streams),
        ),
        one(
            "first-event",
            among > first * SLOWER,
            format!(
                "expected the first event within {:.2} ms (p99), {SLOWER} times one alone, found {among:.2} ms",
                first * SLOWER
            ),
        ),
        one(
            "idle-memory",
            idle_bytes > IDLE_BYTES,
            format!("expected at most {IDLE_BYTES} bytes for an idle stream, found {idle_bytes}"),
        ),
    ]
}

/// Streams one after the other on a target that carries nothing else, until told to stop.
async fn one_beside(yard: Yard, stopped: watch::Receiver<bool>) -> Streams {
    let (client, text, mut streams) = (Yard::client(4), yard.text(), Streams::default());
    while !*stopped.borrow() {
        let seen = one::read(&yard, &client, Instant::now()).await;
        streams.add(&seen, text.as_deref());
        tokio::time::sleep(BESIDE_PAUSE).await;
    }
    streams
}

async fn alone_by_one(yard: &Yard, count: usize, streams: &mut Streams) {
    let (client, text) = (Yard::client(4), yard.text());
    for _ in 0..count {
        let seen = one::read(yard, &client, Instant::now()).await;
        streams.add(&seen, text.as_deref());
    }
}

/// Lets `rate` streams begin each second, whatever becomes of those before; gives what was seen and the most at once.
pub(super) async fn arrive(yard: &Arc<Yard>, rate: f64, lasts: Duration) -> (Streams, u64) {
    let (client, text) = (Yard::client(5000), yard.text());
    let (open, peak) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let mut running = JoinSet::new();
    let began = Instant::now();
    let mut streams = Streams::default();
    for number in 0_u32.. {
        let after = Duration::from_secs_f64(f64::from(number) / rate);
        if after >= lasts {
            break;
        }
        tokio::time::sleep_until((began + after).into()).await;
        let (yard, client) = (Arc::clone(yard), client.clone());
        let (open, peak) = (Arc::clone(&open), Arc::clone(&peak));
        running.spawn(async move {
            peak.fetch_max(open.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            let seen = one::read(&yard, &client, Instant::now()).await;
            open.fetch_sub(1, Ordering::SeqCst);
            seen
        });
        while let Some(Ok(seen)) = running.try_join_next() {
            streams.add(&seen, text.as_deref());
        }
    }
    for seen in running.join_all().await {
        streams.add(&seen, text.as_deref());
    }
    (streams, peak.load(Ordering::SeqCst))
}

/// Bytes that the target holds more for each of `count` streams that have begun and wait for their model.
async fn idle(yard: &Arc<Yard>, count: u64) -> Result<u64, Failure> {
    let before = yard.memory()?;
    yard.model.follow(yard.script(1, Duration::from_mins(10), Duration::ZERO));
    let client = Yard::client(0);
    let mut open = Vec::new();
    for _ in 0..count {
        let mut answer = yard.request(&client).send().await.map_err(|error| (exit::UNREACHABLE, error.to_string()))?;
        let _start = answer.chunk().await;
        open.push(answer);
    }
    let after = yard.memory()?;
    drop(open);
    Ok(after.saturating_sub(before) / count.max(1))
}

#[cfg(test)]
mod tests {
    use contract_types::CaseRecordOutcome;

    use super::*;
    use crate::streams::{End, Seen};

    fn seen(end: End, after_ms: u64) -> Seen {
        let after = Some(Duration::from_millis(after_ms));
        let gaps = vec![Duration::from_millis(1)];
        Seen { end, first_event: after, first_token: after, gaps, text: "a ".to_owned(), disorder: Vec::new() }
    }

    fn streams(seen: &[Seen]) -> Streams {
        let mut streams = Streams::default();
        for seen in seen {
            streams.add(seen, Some("a "));
        }
        streams
    }

    fn arguments() -> LoadArguments {
        LoadArguments {
            target: "local".to_owned(),
            operation: Operation::Chat,
            streams: 10,
            duration: Duration::from_secs(1),
            share: 0.3,
            pieces: 2,
            out: None,
        }
    }

    #[test]
    fn each_gate_fails_for_its_own_reason() {
        let good = || streams(&[seen(End::Done, 10)]);
        let failed = |many: &Streams, peak, idle_bytes| {
            let gates =
                gates(&arguments(), [&good(), &streams(&[seen(End::Done, 40)])], many, Around { peak, idle_bytes });
            let failed = gates.iter().filter(|gate| gate.outcome == CaseRecordOutcome::Fail);
            failed.map(|gate| gate.message.clone().unwrap_or_default()).collect::<Vec<_>>().join("; ")
        };
        assert_eq!(failed(&streams(&[seen(End::Done, 29)]), 10, 65_536), "");
        assert!(failed(&streams(&[seen(End::Done, 40)]), 10, 0).contains("expected the first event within"));
        assert!(failed(&streams(&[seen(End::Cut, 10)]), 10, 0).contains("1 cut or failed"));
        assert!(failed(&streams(&[seen(End::Refused(429), 10)]), 10, 0).contains("1 cut or failed"));
        assert!(failed(&streams(&[]), 10, 0).contains("every one of 0 streams"));
        let other = Seen { text: "b".to_owned(), ..seen(End::Done, 10) };
        assert!(failed(&streams(&[other]), 10, 0).contains("1 that differ"));
        let disordered = Seen { disorder: vec!["two starts".to_owned()], ..seen(End::Done, 10) };
        assert!(failed(&streams(&[disordered]), 10, 0).contains("1 that differ"));
        assert!(failed(&good(), 8, 0).contains("expected 10 streams at once, found 8"));
        assert!(failed(&good(), 10, 65_537).contains("for an idle stream"));
    }

    #[test]
    fn keeps_first_events_and_gaps_for_the_record() {
        let records = streams(&[seen(End::Done, 10), seen(End::Cut, 10)]).records(NAME, Operation::Chat, WARM_UP);
        let told: Vec<_> = records.iter().map(|it| (it.operation.as_str(), it.requests, it.errors)).collect();
        assert_eq!(told, [("chat", 2, 1), ("chat", 2, 1)]);
        assert!((records[0].rate_per_s - 1.0).abs() < 1e-9 && records[0].p50_ms > 9.9, "{records:?}");
    }
}
