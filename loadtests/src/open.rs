//! The open model: requests begin when the schedule says so, whatever becomes of those before, as they do when many people who
//! know nothing of each other ask. A target that stalls meets a queue, and the queue's wait belongs to its latency.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    sync::{Semaphore, watch},
    task::JoinSet,
};

use crate::{
    ask::{Sender, Shared, Worker},
    schedule::Segment,
};

/// Numbers of workers that floods draw from begin here, so that no arrival draws the same.
const FLOOD_WORKERS: u64 = 1 << 40;
/// A start that is late by no more than this was held by the timer, whose whole milliseconds are no latency of the target.
const TIMER: Duration = Duration::from_micros(2_500);
/// A target whose open requests are worth this much of a rising run's arrivals has fallen behind.
const BEHIND: Duration = Duration::from_millis(500);

/// What an open run needs beside what is shared.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The arrivals.
    pub segments: Vec<Segment>,
    /// Most requests that are open at once. An arrival beyond waits for a place, and the wait counts.
    pub open: usize,
    /// Users of a flood.
    pub flood: usize,
    /// Requests a second of all of them together, at most; nothing where each asks as soon as its last answer is there.
    pub flood_rate: Option<f64>,
    /// The tenant that floods, who has no part in the arrivals.
    pub noisy: Option<usize>,
    /// Whether to end with the first segment that the target falls behind in.
    pub until_behind: bool,
}

/// How an open run went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Went {
    /// Segments that were begun.
    pub segments: usize,
    /// Whether the target fell behind in the last of them.
    pub behind: bool,
    /// Starts that were later than the timer explains, because every place was taken or this machine was busy.
    pub late: u64,
}

/// Makes the arrivals of `plan`; what was measured is in `shared`.
///
/// # Errors
///
/// Where a client cannot be made.
pub async fn run(plan: Plan, shared: &Arc<Shared>) -> Result<Went, reqwest::Error> {
    let client = crate::ask::client().pool_max_idle_per_host(plan.open).build()?;
    let places = Arc::new(Semaphore::new(plan.open));
    let (flooding, floods) = watch::channel(None);
    let mut flood = JoinSet::new();
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let pause = plan.flood_rate.map(|rate| Duration::from_secs_f64(plan.flood as f64 / rate));
    if let Some(tenant) = plan.noisy {
        for number in 0..plan.flood as u64 {
            let worker = Worker::new(shared, FLOOD_WORKERS + number);
            flood.spawn(flood_user(tenant, worker, Arc::clone(shared), client.clone(), pause, floods.clone()));
        }
    }
    let quiet: Vec<usize> = (0..shared.callers.len()).filter(|tenant| Some(*tenant) != plan.noisy).collect();
    let mut went = Went { segments: 0, behind: false, late: 0 };
    let (mut open, mut number, mut begins) = (JoinSet::new(), 0_u64, Instant::now());
    'run: for segment in &plan.segments {
        went.segments += 1;
        flooding.send_replace(segment.flood.then_some(segment.part));
        for after in segment.starts() {
            let intended = begins + after;
            tokio::time::sleep_until(intended.into()).await;
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { break 'run };
            if !shared.may_send() {
                break 'run;
            }
            let now = Instant::now();
            let late = now.saturating_duration_since(intended) > TIMER;
            went.late += u64::from(late);
            let start = if late { intended } else { now };
            let (shared, client, part) = (Arc::clone(shared), client.clone(), segment.part);
            // Each arrival draws for itself, so that the order of ends cannot change what is asked.
            let mut worker = Worker::new(&shared, number);
            worker.asked = number;
            let tenant = (plan.noisy.is_some() && !quiet.is_empty())
                .then(|| quiet[usize::try_from(number).unwrap_or(0) % quiet.len()]);
            number += 1;
            open.spawn(async move {
                let turn = worker.turn(part, start);
                let sender = Sender::Plain(&client);
                match tenant {
                    Some(tenant) => shared.ask_as(tenant, sender, &mut worker.stream, turn).await,
                    None => shared.ask(sender, &mut worker.stream, turn).await,
                }
                drop(place);
            });
            while open.try_join_next().is_some() {}
        }
        begins += segment.lasts;
        tokio::time::sleep_until(begins.into()).await;
        while open.try_join_next().is_some() {}
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let waiting = open.len() as f64 / segment.rate;
        let late_by = Instant::now().saturating_duration_since(begins).as_secs_f64();
        if plan.until_behind && waiting + late_by > BEHIND.as_secs_f64() {
            went.behind = true;
            break;
        }
    }
    flooding.send_replace(None);
    drop(flooding);
    while open.join_next().await.is_some() {}
    while flood.join_next().await.is_some() {}
    Ok(went)
}

/// A user of the flood: asks as soon as its last answer is there, and `pause` after its last question at the soonest, while there is a
/// flood.
async fn flood_user(
    tenant: usize,
    mut worker: Worker,
    shared: Arc<Shared>,
    client: reqwest::Client,
    pause: Option<Duration>,
    mut floods: watch::Receiver<Option<usize>>,
) {
    loop {
        let part = *floods.borrow_and_update();
        let Some(part) = part else {
            if floods.changed().await.is_err() {
                return;
            }
            continue;
        };
        if !shared.may_send() {
            return;
        }
        let began = Instant::now();
        let turn = worker.turn(part, began);
        let mut stream = worker.stream.clone();
        shared.ask_as(tenant, Sender::Plain(&client), &mut stream, turn).await;
        worker.stream = stream;
        if let Some(pause) = pause {
            tokio::time::sleep_until((began + pause).into()).await;
        }
    }
}
