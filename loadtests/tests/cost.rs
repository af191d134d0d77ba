//! What the harness itself costs: processor time of a request beside that of bare goose, of an event of a stream, and how true the time to
//! the first event is with 500 streams. Ignored, because figures are worth something on a quiet machine and in a release build alone:
//! `cargo test -p loadtests --release --test cost -- --ignored --nocapture`.
#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

#[path = "cost/server.rs"]
mod server;

use std::{
    fs,
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use contract_types::OPENAPI;
use contracts::Contract;
use goose::{config::GooseConfiguration, prelude::*};
use harness::{canary::Scanner, credential::Secret, judge::Judge};
use loadtests::{
    action::Action,
    ask::{Caller, Shared},
    attack::{self, Plan},
    inspection::Inspector,
    open,
    pacing::Pace,
    recorder::{Phase, Recorder},
    schedule::Segment,
    workload::Workload,
};
use server::Server;

/// Users of the closed comparison, and how long each of its rounds lasts.
const USERS: usize = 8;
const ROUND: Duration = Duration::from_secs(5);
/// Rounds of each kind, in turns.
const ROUNDS: usize = 3;
/// Streams at once.
const STREAMS: f64 = 500.0;
/// Events of each, and the pause between two: a stream lasts ten seconds.
const EVENTS: u32 = 40;
const PAUSE: Duration = Duration::from_millis(250);
/// Pause before the first event.
const FIRST: Duration = Duration::from_millis(40);

/// What workers share who do `action` on `base_url`. One answer in twenty is inspected, as runs do.
fn shared(base_url: &str, action: Action) -> Arc<Shared> {
    let contract = Contract::from_document(serde_json::from_str(OPENAPI).unwrap()).unwrap();
    let questions = (0..50).map(|number| format!("Question {number}?")).collect();
    Arc::new(Shared {
        base_url: base_url.to_owned(),
        addresses: std::sync::OnceLock::new(),
        callers: vec![Caller {
            tenant: "asking".to_owned(),
            secret: Secret::new("key"),
            documents: Vec::new(),
            calls: Vec::new(),
        }],
        workload: Workload::new(vec![questions], &[(action, 1)], 1.0, 1).unwrap(),
        recorder: Recorder::new(Duration::from_secs(1)),
        inspector: Inspector::new(Judge::new(&contract), Scanner::new(), 20),
        seed: 1,
        left: AtomicU64::new(u64::MAX),
        copies: AtomicU64::new(0),
    })
}

/// Seconds of processor time that the threads of this process have used, without those of the server.
fn used(server: &Server) -> f64 {
    let seconds = |path: String| {
        let text = fs::read_to_string(path).unwrap();
        let nanoseconds: f64 = text.split_whitespace().next().unwrap().parse().unwrap();
        nanoseconds / 1e9
    };
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    let mut sum = 0.0;
    for task in tasks {
        let id = task.unwrap().file_name().to_string_lossy().into_owned();
        // A thread that ends meanwhile is one of goose's start, and has used next to nothing.
        let path = format!("/proc/self/task/{id}/schedstat");
        if id != server.thread && fs::exists(&path).unwrap() {
            sum += seconds(path);
        }
    }
    sum
}

fn told_load() -> String {
    fs::read_to_string("/proc/loadavg").unwrap().split_whitespace().take(3).collect::<Vec<_>>().join(", ")
}

/// A user of goose who does what ours does and no more: posts the question and reads the answer.
async fn bare(base_url: &str) {
    let (users, seconds) = (USERS.to_string(), ROUND.as_secs().to_string());
    let words = ["--host", base_url, "--users", &users, "--increase-rate", &users, "--run-time", &seconds];
    let more = ["--quiet", "--no-telnet", "--no-print-metrics", "--no-error-summary", "--no-gzip"];
    let words: Vec<&str> = words.into_iter().chain(more).collect();
    let configuration = GooseConfiguration::parse_args_default(&words).unwrap();
    let ask: TransactionFunction = Arc::new(|user| {
        Box::pin(async move {
            let message = user.client.post(format!("{}/search", user.base_url)).header("authorization", "Bearer key");
            let message = message.header("content-type", "application/json").body("{\"query\":\"Question 7?\"}");
            let request = GooseRequest::builder().method(GooseMethod::Post).set_request_builder(message).build();
            let answer = user.request(request).await?;
            let _ = answer.response.unwrap().bytes().await.unwrap();
            Ok(())
        })
    });
    let scenario = Scenario::new("bare").register_transaction(Transaction::new(ask).set_name("ask"));
    let attack = GooseAttack::initialize_with_config(configuration).unwrap().register_scenario(scenario);
    Box::pin(attack.execute()).await.unwrap();
}

/// One test: goose ends runs by a switch that the whole process shares.
#[test]
#[ignore = "takes a minute, and is worth something on a quiet machine and in a release build alone"]
fn the_harness_costs_little_and_tells_true_times() {
    loadtests::threads::runtime().unwrap().block_on(async {
        println!("load average before: {}", told_load());
        let server = Server::start(EVENTS, FIRST, PAUSE);
        let (mut theirs, mut ours) = ((0.0, 0), (0.0, 0));
        for _ in 0..ROUNDS {
            let (before, answered) = (used(&server), server.answered());
            bare(&server.url).await;
            theirs = (theirs.0 + used(&server) - before, theirs.1 + server.answered() - answered);
            let (before, answered) = (used(&server), server.answered());
            attack::run(Plan { users: USERS, duration: ROUND }, Pace::Free, &shared(&server.url, Action::Search))
                .await
                .unwrap();
            ours = (ours.0 + used(&server) - before, ours.1 + server.answered() - answered);
        }
        #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
        let each = |(seconds, requests): (f64, u64)| seconds * 1e6 / requests as f64;
        let ratio = each(ours) / each(theirs);
        println!(
            "a request: ours {:.1} µs of processor time ({} requests), bare goose {:.1} µs ({}): {ratio:.2} times",
            each(ours),
            ours.1,
            each(theirs),
            theirs.1
        );

        let lasts = FIRST + PAUSE * (EVENTS - 1);
        let rate = STREAMS / lasts.as_secs_f64();
        let segments = vec![Segment { part: 0, rate, lasts: lasts * 2, flood: false }];
        let plan = open::Plan { segments, open: 2000, flood: 0, flood_rate: None, noisy: None, until_behind: false };
        let streaming = shared(&server.url, Action::Chat);
        let before = used(&server);
        open::run(plan, &streaming).await.unwrap();
        let seconds = used(&server) - before;
        let measured = streaming.recorder.measured();
        let events = measured.sum(|key| key.phase == Phase::EventGap).requests();
        #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
        let event = seconds * 1e6 / events as f64;
        let first = measured.sum(|key| key.phase == Phase::FirstEvent);
        let (found, truth) = (first.quantile_ms(0.5), server.first_event_ms(0.5));
        println!(
            "an event of a stream: {event:.1} µs of processor time ({events} events, the requests counted among them)"
        );
        println!(
            "{} streams at once: first event p50 {found:.2} ms, the server's own account {truth:.2} ms",
            server.peak()
        );
        println!("load average after: {}", told_load());

        assert!(measured.all().errors() == 0, "{:?}", measured.all().outcomes());
        assert!(server.peak() >= 450, "expected about 500 streams at once, found {}", server.peak());
        assert!(ratio <= 1.3, "expected at most 1.3 times bare goose, found {ratio:.2}");
        assert!(event <= 30.0, "expected at most 30 µs an event, found {event:.1}");
        assert!((found - truth).abs() <= 2.0, "expected {truth:.2} ms within 2 ms, found {found:.2} ms");
    });
}
