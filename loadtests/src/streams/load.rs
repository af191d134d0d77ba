//! Many streams at once, at a share of what the target can do: none may be cut, their order must hold, and the first event must
//! come almost as soon as that of a stream that is alone.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use clap::{Args, builder::RangedU64ValueParser};
use harness::{
    exit,
    output::{data, say},
};
use hdrhistogram::Histogram;
use tokio::task::JoinSet;

use super::{End, Failure, Operation, Seen, Yard, one};
use crate::cli::{duration, share};

/// Clients that measure the capacity.
const PRESSING: usize = 32;
/// How long the capacity is measured.
const PRESS_FOR: Duration = Duration::from_secs(5);
/// How long the target is warmed up.
const WARM_UP: Duration = Duration::from_secs(2);
/// Streams that run alone, one after the other.
const ALONE: usize = 300;
/// Most bytes that an idle stream may cost.
const IDLE_BYTES: u64 = 64 << 10;
/// Most that the first event of one among many may be later than that of one alone, as a factor.
const SLOWER: f64 = 3.0;

/// Puts paced streams on a target that a profile starts, with a stand-in for its model.
///
/// The capacity is measured first: streams a second without pauses, as fast as clients can open them. Streams then arrive at a
/// share of it, and last as long as it takes for the stated number to be open at once.
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
}

/// Times and ends of many streams.
#[derive(Debug)]
struct Tally {
    first_event: Histogram<u64>,
    first_token: Histogram<u64>,
    streams: u64,
    cut: u64,
    failed: u64,
    disordered: u64,
    told: Vec<String>,
}

impl Tally {
    fn new() -> Self {
        let histogram = || Histogram::new_with_bounds(1, 600_000_000, 3).expect("the bounds are constants that fit");
        Self {
            first_event: histogram(),
            first_token: histogram(),
            streams: 0,
            cut: 0,
            failed: 0,
            disordered: 0,
            told: Vec::new(),
        }
    }

    fn add(&mut self, seen: &Seen, text: Option<&str>) {
        let micros = |after: Duration| u64::try_from(after.as_micros()).unwrap_or(u64::MAX).max(1);
        self.streams += 1;
        seen.first_event.map(micros).into_iter().for_each(|it| self.first_event.saturating_record(it));
        seen.first_token.map(micros).into_iter().for_each(|it| self.first_token.saturating_record(it));
        match &seen.end {
            End::Done => {
                let wrong = text.filter(|text| text.trim_end() != seen.text.trim_end());
                if !seen.disorder.is_empty() || wrong.is_some() {
                    self.disordered += 1;
                    self.tell(format!("{:?}, text {:?}", seen.disorder, seen.text));
                }
            }
            End::Cut => self.cut += 1,
            End::Error(_) | End::Refused(_) => {
                self.failed += 1;
                self.tell(format!("{:?}", seen.end));
            }
        }
    }

    fn tell(&mut self, what: String) {
        if self.told.len() < 5 {
            self.told.push(what);
        }
    }

    fn row(&self, name: &str) -> String {
        format!(
            "{name:22} {:>8} {:>6} {:>7} {:>9} {:>11.2} {:>11.2} {:>11.2} {:>11.2}",
            self.streams,
            self.cut,
            self.failed,
            self.disordered,
            ms(&self.first_event, 0.5),
            ms(&self.first_event, 0.99),
            ms(&self.first_token, 0.5),
            ms(&self.first_token, 0.99),
        )
    }
}

#[expect(clippy::cast_precision_loss, reason = "microseconds below 2^52")]
fn ms(histogram: &Histogram<u64>, quantile: f64) -> f64 {
    histogram.value_at_quantile(quantile) as f64 / 1000.0
}

/// Runs it; the lines are what a gate found wrong.
pub(super) fn run(arguments: &LoadArguments) -> Result<Vec<String>, Failure> {
    let runtime = tokio::runtime::Runtime::new().map_err(|error| (exit::HARNESS, error.to_string()))?;
    runtime.block_on(async {
        let yard = Arc::new(Yard::open(&arguments.target, arguments.operation).await?);
        measured(arguments, &yard).await
    })
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
async fn measured(arguments: &LoadArguments, yard: &Arc<Yard>) -> Result<Vec<String>, Failure> {
    let fast = yard.script(arguments.pieces, Duration::ZERO, Duration::ZERO);
    yard.model.follow(fast.clone());
    let mut alone = Tally::new();
    press(yard, WARM_UP).await; // opens what stays open, such as the pool of databases
    let idle_bytes = idle(yard, arguments.streams).await?;
    yard.model.follow(fast);
    say("measuring one stream alone, then the capacity");
    alone_by_one(yard, ALONE, &mut alone).await;
    let capacity = press(yard, PRESS_FOR).await;
    let rate = (capacity * arguments.share).max(1.0);
    let lasts = Duration::from_secs_f64(arguments.streams as f64 / rate);
    yard.model.follow(yard.script(arguments.pieces, Duration::ZERO, lasts / arguments.pieces));
    say(&format!(
        "capacity {capacity:.1} streams/s; {rate:.1} arrive each second for {:?} and last {lasts:.2?}",
        arguments.duration
    ));
    let (many, peak) = arrive(yard, rate, arguments.duration).await;

    data(&format!(
        "{:22} {:>8} {:>6} {:>7} {:>9} {:>11} {:>11} {:>11} {:>11}",
        "", "streams", "cut", "failed", "disorder", "event p50", "event p99", "token p50", "token p99"
    ));
    data(&alone.row("one alone"));
    data(&many.row(&format!("{peak} at once at most")));
    data(&format!("memory of an idle stream: {:.1} KiB", idle_bytes as f64 / 1024.0));
    for told in alone.told.iter().chain(&many.told) {
        say(told);
    }
    Ok(gates(arguments, &alone, &many, peak, idle_bytes))
}

fn gates(arguments: &LoadArguments, alone: &Tally, many: &Tally, peak: u64, idle_bytes: u64) -> Vec<String> {
    let mut failed = Vec::new();
    let broken = many.cut + many.failed + alone.cut + alone.failed;
    if broken > 0 || many.streams == 0 {
        failed
            .push(format!("expected every one of {} streams to end well, found {broken} cut or failed", many.streams));
    }
    if many.disordered + alone.disordered > 0 {
        failed
            .push(format!("expected the order of events and the text to hold, found {} that differ", many.disordered));
    }
    // Arrivals are even and streams last alike, so a tenth is room enough for the ends of the run.
    if peak * 10 < arguments.streams * 9 {
        failed.push(format!("expected {} streams at once, found {peak}", arguments.streams));
    }
    let (one, among) = (ms(&alone.first_event, 0.99), ms(&many.first_event, 0.99));
    if among > one * SLOWER {
        failed.push(format!(
            "expected the first event within {:.2} ms (p99), {SLOWER} times one alone, found {among:.2} ms",
            one * SLOWER
        ));
    }
    if idle_bytes > IDLE_BYTES {
        failed.push(format!("expected at most {IDLE_BYTES} bytes for an idle stream, found {idle_bytes}"));
    }
    failed
}

async fn alone_by_one(yard: &Yard, count: usize, tally: &mut Tally) {
    let (client, text) = (Yard::client(4), yard.text());
    for _ in 0..count {
        let seen = one::read(yard, &client, Instant::now()).await;
        tally.add(&seen, text.as_deref());
    }
}

/// Streams a second of clients that open one as soon as the last has ended.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
async fn press(yard: &Arc<Yard>, lasts: Duration) -> f64 {
    let began = Instant::now();
    let mut clients = JoinSet::new();
    for _ in 0..PRESSING {
        let yard = Arc::clone(yard);
        clients.spawn(async move {
            let (client, mut count) = (Yard::client(1), 0_u64);
            while began.elapsed() < lasts {
                let seen = one::read(&yard, &client, Instant::now()).await;
                count += u64::from(seen.end == End::Done);
            }
            count
        });
    }
    let counts: u64 = clients.join_all().await.into_iter().sum();
    counts as f64 / began.elapsed().as_secs_f64()
}

/// Lets `rate` streams begin each second, whatever becomes of those before; gives what was seen and the most at once.
async fn arrive(yard: &Arc<Yard>, rate: f64, lasts: Duration) -> (Tally, u64) {
    let (client, text) = (Yard::client(1000), yard.text());
    let (open, peak) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let mut streams = JoinSet::new();
    let began = Instant::now();
    let mut tally = Tally::new();
    for number in 0_u32.. {
        let after = Duration::from_secs_f64(f64::from(number) / rate);
        if after >= lasts {
            break;
        }
        tokio::time::sleep_until((began + after).into()).await;
        let (yard, client) = (Arc::clone(yard), client.clone());
        let (open, peak) = (Arc::clone(&open), Arc::clone(&peak));
        streams.spawn(async move {
            peak.fetch_max(open.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            let seen = one::read(&yard, &client, Instant::now()).await;
            open.fetch_sub(1, Ordering::SeqCst);
            seen
        });
        while let Some(Ok(seen)) = streams.try_join_next() {
            tally.add(&seen, text.as_deref());
        }
    }
    for seen in streams.join_all().await {
        tally.add(&seen, text.as_deref());
    }
    (tally, peak.load(Ordering::SeqCst))
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
    use super::*;

    fn seen(end: End, after_ms: u64) -> Seen {
        let after = Some(Duration::from_millis(after_ms));
        Seen { end, first_event: after, first_token: after, text: "a ".to_owned(), disorder: Vec::new() }
    }

    fn tally(seen: &[Seen]) -> Tally {
        let mut tally = Tally::new();
        for seen in seen {
            tally.add(seen, Some("a "));
        }
        tally
    }

    fn arguments() -> LoadArguments {
        LoadArguments {
            target: "local".to_owned(),
            operation: Operation::Chat,
            streams: 10,
            duration: Duration::from_secs(1),
            share: 0.3,
            pieces: 2,
        }
    }

    #[test]
    fn each_gate_fails_for_its_own_reason() {
        let good = tally(&[seen(End::Done, 10)]);
        let failed =
            |alone: &Tally, many: &Tally, peak, bytes| gates(&arguments(), alone, many, peak, bytes).join("; ");
        assert_eq!(failed(&good, &tally(&[seen(End::Done, 29)]), 10, 65_536), "");
        assert!(failed(&good, &tally(&[seen(End::Done, 40)]), 10, 0).contains("expected the first event within"));
        assert!(failed(&good, &tally(&[seen(End::Cut, 10)]), 10, 0).contains("1 cut or failed"));
        assert!(failed(&good, &tally(&[seen(End::Refused(429), 10)]), 10, 0).contains("1 cut or failed"));
        assert!(failed(&good, &tally(&[]), 10, 0).contains("every one of 0 streams"));
        let other = Seen { text: "b".to_owned(), ..seen(End::Done, 10) };
        assert!(failed(&good, &tally(&[other]), 10, 0).contains("1 that differ"));
        let disordered = Seen { disorder: vec!["two starts".to_owned()], ..seen(End::Done, 10) };
        assert!(failed(&good, &tally(&[disordered]), 10, 0).contains("1 that differ"));
        assert!(failed(&good, &good, 8, 0).contains("expected 10 streams at once, found 8"));
        assert!(failed(&good, &good, 10, 65_537).contains("for an idle stream"));
    }
}
