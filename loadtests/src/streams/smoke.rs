//! Streams in a smoke: a few whole ones and a few cut ones, each on a target of its own.

use std::{sync::Arc, time::Duration};

use contract_types::{CaseRecord, LoadRecord};

use super::{Operation, SoakArguments, Yard, load, soak};
use crate::record::{Failure, gate};

/// Streams that arrive a second.
const RATE: f64 = 4.0;
/// Pieces of each, and the pause between two.
const PIECES: u32 = 20;
const GAP: Duration = Duration::from_millis(50);
/// Clients who cut theirs.
const CLIENTS: u64 = 4;

/// Gates, measurements, and a line for people.
pub(crate) type Smoked = (Vec<CaseRecord>, Vec<LoadRecord>, String);

/// Streams that are read to their end: none is cut, each has one end, and all say what the model said.
pub(crate) async fn smoke_whole(yard: &Arc<Yard>, lasts: Duration) -> Result<Smoked, Failure> {
    yard.model.follow(yard.script(PIECES, Duration::ZERO, GAP));
    let (streams, peak) = load::arrive(yard, RATE, lasts).await;
    let one = |name: &str, wrong: bool, told: String| {
        gate(load::NAME, Some(Operation::Chat.id()), name, wrong.then_some(told))
    };
    let broken = streams.cut + streams.failed;
    let first = streams.told.first().cloned().unwrap_or_default();
    let cases = vec![
        one(
            "whole",
            broken > 0 || streams.count == 0,
            format!(
                "expected every one of {} streams to end well, found {broken} cut or failed; {first}",
                streams.count
            ),
        ),
        one(
            "order",
            streams.disordered > 0,
            format!(
                "expected the order of events and the text to hold, found {} that differ; {first}",
                streams.disordered
            ),
        ),
    ];
    let told = format!(
        "{:16} {:>6} streams, {:>4} cut or failed, {peak} at once, first event p50 {:.2} ms",
        load::NAME,
        streams.count,
        broken,
        streams.first_event.quantile_ms(0.5)
    );
    Ok((cases, streams.records(load::NAME, Operation::Chat, lasts), told))
}

/// Streams that their clients cut: what they held comes back.
pub(crate) async fn smoke_cut(yard: &Arc<Yard>, lasts: Duration, seed: u64) -> Result<Smoked, Failure> {
    let arguments = SoakArguments {
        target: yard.run_target().name,
        operation: Operation::Chat,
        clients: CLIENTS,
        duration: lasts,
        seed,
        out: None,
    };
    let soaked = soak::soak(yard, &arguments).await?;
    let told = format!("{:16} {:>6} streams were cut, {} read to their end", soak::NAME, soaked.cut, soaked.whole());
    let load = soaked.whole.records(soak::NAME, Operation::Chat, lasts);
    Ok((soak::gates(&arguments, &soaked), load, told))
}
