//! Two targets in turns: both are asked the same in every pair, in an order that is drawn, so that whatever else the machine does
//! weighs on both.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use harness::{exit, output::say, prepare::Prepared};
use reqwest::Client;
use serde_json::json;

use super::{CompareArguments, interval::Ratio};
use crate::{
    action::Action,
    ask::{self, Sender, Shared, Turn},
    record::Failure,
    recorder::Phase,
    workload::Stream,
};

/// Pairs of one slice of time, whose middle ratio is one observation.
pub(super) const SLICE: usize = 10;
/// Pairs before the first that counts.
const WARM_UP: usize = 30;

/// What the turns came to.
#[derive(Debug)]
pub(super) struct Compared {
    /// The ratio of the other's median to the target's; `None` with too few pairs.
    pub(super) ratio: Option<Ratio>,
    /// Answers that were none.
    pub(super) errors: u64,
    /// Remarks for people.
    pub(super) notes: Vec<String>,
}

/// One of the two.
pub(super) struct Side {
    pub(super) name: &'static str,
    pub(super) shared: Arc<Shared>,
}

/// Asks both sides `pairs` times, drawing from `seed`; the second is made late by `slow` percent where that is stated.
pub(super) async fn compare(
    arguments: &CompareArguments,
    action: Action,
    sides: &[Side; 2],
    seed: u64,
    slow: Option<(u32, &Prepared)>,
) -> Result<Compared, Failure> {
    let client = ask::client().build().map_err(|error| (exit::HARNESS, error.to_string()))?;
    let mut stream = Stream::new(seed, 0);
    let mut warm = Vec::new();
    for number in 0..WARM_UP {
        warm.push(pair(sides, &client, &mut stream, number, 1).await[0]);
    }
    let mut notes = Vec::new();
    if let Some((percent, prepared)) = slow {
        notes.push(seed_slowdown(prepared, action, percent, median(&mut warm)).await?);
    }
    let mut logs = Vec::new();
    for slice in 0..arguments.pairs as usize / SLICE {
        let mut ratios = Vec::new();
        for number in 0..SLICE {
            let [first, second] = pair(sides, &client, &mut stream, WARM_UP + slice * SLICE + number, 0).await;
            ratios.push((second.as_secs_f64() / first.as_secs_f64().max(1e-6)).ln());
        }
        // Both of a pair answered the same question at the same time, so pairs are compared and not sides.
        ratios.sort_unstable_by(f64::total_cmp);
        logs.push(f64::midpoint(ratios[(SLICE - 1) / 2], ratios[SLICE / 2]));
    }
    if let Some((_, prepared)) = slow {
        mend(prepared).await?;
    }
    let mut errors = 0;
    for side in sides {
        let measured = side.shared.recorder.measured();
        errors += measured.sum(|key| key.phase == Phase::Response).errors();
    }
    Ok(Compared { ratio: Ratio::of_slices(&logs, seed), errors, notes })
}

/// Both sides' latencies for one question.
async fn pair(sides: &[Side; 2], client: &Client, stream: &mut Stream, number: usize, part: usize) -> [Duration; 2] {
    let mut took = [Duration::ZERO; 2];
    let first = stream.below(2);
    let before = stream.clone();
    for side in [first, 1 - first] {
        // The same draws for both.
        *stream = before.clone();
        let index = number as u64;
        let turn = Turn { worker: 0, index, part, start: Instant::now() };
        sides[side].shared.ask(Sender::Plain(client), stream, turn).await;
        took[side] = turn.start.elapsed();
    }
    took
}

/// Address of the handler's fault in the control API of a target.
fn fault(prepared: &Prepared) -> Result<String, Failure> {
    let control = prepared.target.control.as_deref().ok_or_else(|| {
        (exit::USAGE, "--slow-other: expected a target with a control API; its profile names none".to_owned())
    })?;
    Ok(format!("{control}/faults/handler"))
}

/// Sends what sets or clears the fault.
async fn send(request: reqwest::RequestBuilder) -> Result<(), Failure> {
    match request.send().await.map(|answer| answer.status().as_u16()) {
        Ok(200 | 204) => Ok(()),
        Ok(status) => {
            Err((exit::USAGE, format!("control API: expected status 200 or 204 for a fault, found {status}")))
        }
        Err(error) => Err((exit::UNREACHABLE, format!("control API: {error}"))),
    }
}

/// Takes the slowdown back.
async fn mend(prepared: &Prepared) -> Result<(), Failure> {
    send(Client::new().delete(fault(prepared)?)).await
}

/// Makes the other target late by a share of the target's median.
async fn seed_slowdown(prepared: &Prepared, action: Action, percent: u32, median: Duration) -> Result<String, Failure> {
    let wanted = median.as_secs_f64() * 1000.0 * f64::from(percent) / 100.0;
    let fault = json!({"kind": "slow", "operation": action.operation().id, "delay_ms": wanted});
    send(Client::new().put(self::fault(prepared)?).body(fault.to_string())).await?;
    let told = format!("the other target is made {wanted:.2} ms late: {percent} % of a median of {median:.2?}");
    say(&told);
    Ok(told)
}

fn median(values: &mut [Duration]) -> Duration {
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or_default().max(Duration::from_micros(1))
}
