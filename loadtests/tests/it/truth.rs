//! Whether our percentiles are true: against theory where a target stalls, and against another program on the same server.

use std::{process::Command, sync::Arc, time::Duration};

use loadtests::{
    ask::Shared,
    attack::{self, Plan},
    open,
    pacing::Pace,
    schedule::Segment,
    tally::Tally,
};
use serde_json::Value;

use crate::{
    scripted::{Script, serve},
    shared,
};

async fn arrivals(base_url: &str, rate: f64, lasts: Duration) -> Tally {
    let shared = shared(base_url.to_owned(), None, lasts, u64::MAX);
    let segments = vec![Segment { part: 0, rate, lasts, flood: false }];
    let plan = open::Plan { segments, open: 1000, flood: 0, flood_rate: None, noisy: None, until_behind: false };
    open::run(plan, &shared).await.unwrap();
    shared.recorder.measured().all()
}

async fn users(shared: &Arc<Shared>, users: usize, duration: Duration) -> Tally {
    attack::run(Plan { users, duration }, Pace::Free, shared).await.unwrap();
    shared.recorder.measured().all()
}

/// A target that answers nothing for one second in ten. A tenth of the arrivals falls into a stall and waits for the rest of it, so
/// that 5 % wait longer than half a second and 1 % longer than nine tenths of one.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes a minute, and a machine that is not too busy"]
async fn a_stall_shows_in_open_percentiles_and_hides_in_closed_ones() {
    let stall = Some((Duration::from_secs(1), Duration::from_secs(10)));
    let script = Script { least: Duration::from_millis(2), spread: Duration::from_millis(2), stall };
    let lasts = Duration::from_secs(30);
    let open = arrivals(&serve(script).await, 200.0, lasts).await;
    let closed = users(&shared(serve(script).await, None, lasts, u64::MAX), 8, lasts).await;
    let told =
        |tally: &Tally| (tally.requests(), tally.quantile_ms(0.5), tally.quantile_ms(0.95), tally.quantile_ms(0.99));
    println!("open {:?}, closed {:?}", told(&open), told(&closed));
    for (quantile, theory) in [(0.95, 500.0), (0.99, 900.0)] {
        let found = open.quantile_ms(quantile);
        assert!((found - theory).abs() <= theory * 0.1, "p{quantile}: expected {theory} ms, found {found} ms");
    }
    assert!(closed.quantile_ms(0.95) < 50.0 && closed.quantile_ms(0.99) < 50.0, "{:?}", told(&closed));
}

/// `cargo install oha`, then `cargo test -p loadtests --test it -- --ignored --nocapture agree`.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the program oha"]
async fn percentiles_agree_with_those_of_oha() {
    let script = Script { least: Duration::from_millis(20), spread: Duration::from_millis(60), stall: None };
    let base_url = serve(script).await;
    let ours = arrivals(&base_url, 100.0, Duration::from_secs(20)).await;
    let program = std::env::var("OHA").unwrap_or_else(|_| "oha".to_owned());
    let url = format!("{base_url}/search");
    let theirs = tokio::task::spawn_blocking(move || {
        let arguments = ["-z", "20s", "-q", "100", "--latency-correction", "-c", "100", "--no-tui", "-m", "POST"];
        let more = ["-d", "{}", "--output-format", "json", &url];
        Command::new(program).args(arguments).args(more).output().unwrap()
    });
    let output = theirs.await.unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    let theirs: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {told}"));
    for (name, quantile, most) in [("p50", 0.5, 0.05), ("p95", 0.95, 0.05), ("p99", 0.99, 0.15)] {
        let (own, other) = (ours.quantile_ms(quantile), theirs["latencyPercentiles"][name].as_f64().unwrap() * 1000.0);
        println!("{name}: ours {own:.2} ms, oha {other:.2} ms");
        assert!((own - other).abs() <= other * most, "{name}: ours {own:.2} ms, oha {other:.2} ms");
    }
}
