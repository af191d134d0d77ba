//! Processor time of the server a request against a bare axum route that answers with the same bytes, in one run.
//!
//! `cargo bench -p reference-impl --bench platform`. Each server is a process of its own, asked by the same client over the same
//! number of connections; rounds of the two alternate, and a figure is the median of its rounds. What is counted is time on a
//! processor of all of the server's threads, so that the client and other processes of the machine do not count. Ends with exit
//! code 1 where a figure misses its bar. `-- --test` takes a few requests and holds them against no bar.
#![expect(clippy::cast_precision_loss, reason = "a bench")]
#![expect(clippy::print_stdout, reason = "a bench tells its figures")]

mod bare;
mod collector;
mod corpus;
mod load;
mod pieces;
mod process;

use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Duration;

use load::Request;
use pieces::{Pieces, Steps};
use process::Server;
use serde_json::{Value, json};

/// Tells the program to be the peer; folders of answers and of tenants follow.
const BARE: &str = "--bare";

/// How much is asked.
struct Size {
    chunks: usize,
    questions: usize,
    rounds: usize,
    /// Requests of a round.
    small: usize,
    /// Rounds of all questions that a round of `/retrieve` has.
    retrievals: usize,
}

const WHOLE: Size = Size { chunks: 10_000, questions: 60, rounds: 7, small: 8_000, retrievals: 2 };
const QUICK: Size = Size { chunks: 100, questions: 4, rounds: 1, small: 64, retrievals: 4 };

/// A figure and the bar that it is held against.
struct Finding {
    name: &'static str,
    told: String,
    figure: f64,
    bar: Bar,
}

enum Bar {
    AtLeast(f64),
    AtMost(f64),
}

impl Finding {
    fn holds(&self) -> bool {
        match self.bar {
            Bar::AtLeast(least) => self.figure >= least,
            Bar::AtMost(most) => self.figure <= most,
        }
    }

    fn print(&self) {
        let bar = match self.bar {
            Bar::AtLeast(least) => format!("≥ {least}"),
            Bar::AtMost(most) => format!("≤ {most}"),
        };
        let holds = if self.holds() { "yes" } else { "no" };
        println!("| {} | {} | {:.3} | {bar} | {holds} |", self.name, self.told, self.figure);
    }
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// Microseconds of `server`'s processor time a request.
fn cost(server: &Server, requests: &[Request], count: usize) -> (f64, Duration) {
    let before = server.cpu();
    let took = load::run(&server.address, requests, count);
    (server.cpu().since(&before) as f64 / 1000.0 / count as f64, took)
}

/// The same of both servers, round by round.
fn pair(ours: &Server, bare: &Server, request: &Request, size: &Size) -> (f64, f64) {
    let requests = std::slice::from_ref(request);
    let once = |server: &Server| cost(server, requests, size.small).0;
    // To warm both.
    let _ = (once(ours), once(bare));
    let rounds: Vec<(f64, f64)> = (0..size.rounds).map(|_| (once(ours), once(bare))).collect();
    (median(rounds.iter().map(|it| it.0).collect()), median(rounds.iter().map(|it| it.1).collect()))
}

fn serve(folder: &Path, tenants: &Path, name: &str, flags: &[&str]) -> Server {
    let mut command = Command::new(env!("CARGO_BIN_EXE_reference-impl"));
    command.args(["serve", "--demo", "--addr", "127.0.0.1:0"]).args(flags);
    command.arg("--tenants").arg(tenants).arg("--data").arg(folder.join(name));
    Server::start(command, &folder.join(format!("{name}.log")))
}

fn peer(folder: &Path, tenants: &Path, answers: &[(&str, Vec<u8>)]) -> Server {
    let kept = folder.join("answers");
    std::fs::create_dir_all(&kept).expect("the folder of this run is writable");
    for (path, answer) in answers {
        std::fs::write(kept.join(path), answer).expect("the folder of this run is writable");
    }
    let mut command = Command::new(std::env::current_exe().expect("this program has a path"));
    command.arg(BARE).arg(kept).arg(tenants);
    Server::start(command, &folder.join("bare.log"))
}

fn measure(size: &Size) -> Vec<Finding> {
    let folder = tempfile::tempdir().expect("a folder for this run");
    let folder = folder.path();
    let tenants = corpus::tenants(folder);
    let key = corpus::key(&tenants);
    let collector = collector::listen();
    let traced = |name, ratio| serve(folder, &tenants, name, &["--otlp", &collector, "--trace-ratio", ratio]);
    let ours = serve(folder, &tenants, WAYS[0].0, &[]);
    let (tenth, every) = (traced(WAYS[1].0, "0.1"), traced(WAYS[2].0, "1"));
    let unseen = serve(folder, &tenants, "unseen", &["--without-logs", "--without-metrics"]);
    for server in [&ours, &tenth, &every, &unseen] {
        corpus::ingest(&server.address, &key, size.chunks);
    }
    let questions = corpus::questions(size.questions);
    let health = Request::get("/health");
    let search = Request::post("/search", &key, &json!({"query": questions[0]}));
    let ping = Request::post("/mcp", &key, &json!({"jsonrpc": "2.0", "id": 1, "method": "ping"}));
    load::once(&ours.address, &search);
    let hit = load::once(&ours.address, &search);
    let told: Value = serde_json::from_slice(&hit).expect("JSON");
    assert_eq!(told["cache"]["hit"], true, "{told}");
    let answers =
        [("health", load::once(&ours.address, &health)), ("search", hit), ("mcp", load::once(&ours.address, &ping))];
    let bare = peer(folder, &tenants, &answers);

    let ratio = |name, bar, (ours, bare): (f64, f64)| Finding {
        name,
        told: format!("{ours:.1} µs, bare {bare:.1} µs"),
        figure: bare / ours,
        bar: Bar::AtLeast(bar),
    };
    let mut findings = vec![
        ratio("`/health`: bare / ours", 0.6, pair(&ours, &bare, &health, size)),
        ratio("`/search` from the cache: bare / ours", 0.2, pair(&ours, &bare, &search, size)),
    ];
    let (whole, floor) = pair(&ours, &bare, &ping, size);
    findings.push(Finding {
        name: "the edge: `ping` over `/mcp` less bare, µs",
        told: format!("{whole:.1} µs, bare {floor:.1} µs"),
        figure: whole - floor,
        bar: Bar::AtMost(25.0),
    });
    let data = folder.join(WAYS[0].0);
    findings.extend(retrievals(&[&ours, &tenth, &every], &unseen, &data, &key, (&questions, size)));
    assert!(size.chunks < WHOLE.chunks || collector::taken() > 0, "traces reach the collector");
    findings
}

/// What a server tells of itself while `/retrieve` is measured.
const WAYS: [(&str, &str); 3] = [
    ("observed", "logs and metrics: share of `/retrieve`'s throughput"),
    ("tenth", "and traces of one request in ten, by OTLP"),
    ("every", "and traces of every request, by OTLP"),
];

/// What one round found: of each server the processor time a request in microseconds and the seconds in all; the steps.
struct Round {
    observed: [(f64, f64); WAYS.len()],
    unseen: f64,
    steps: Steps,
}

fn retrievals(
    servers: &[&Server; WAYS.len()],
    unseen: &Server,
    data: &Path,
    key: &str,
    (questions, size): (&[String], &Size),
) -> Vec<Finding> {
    let asked = |query: &String| {
        Request::post("/retrieve", key, &json!({"query": query, "mode": "hybrid", "top_k": 10, "rerank": false}))
    };
    let requests: Vec<Request> = questions.iter().map(asked).collect();
    let pieces = Pieces::new(&data.join(corpus::TENANT).join("tenant.sqlite3"), questions);
    // Once for the vectors of the questions, and once for what the system keeps of the files.
    for server in servers.iter().copied().chain([unseen]) {
        load::run(&server.address, &requests, 2 * requests.len());
    }
    pieces.take(1);
    let count = size.retrievals * requests.len();
    let rounds: Vec<Round> = (0..size.rounds)
        .map(|round| {
            let mut found =
                Round { observed: [(0.0, 0.0); WAYS.len()], unseen: 0.0, steps: pieces.take(size.retrievals) };
            // The order alternates, so that no server always runs on a processor that another has warmed.
            for turn in 0..=WAYS.len() {
                let at = (turn + round) % (WAYS.len() + 1);
                let (spent, took) = cost(servers.get(at).copied().unwrap_or(unseen), &requests, count);
                match found.observed.get_mut(at) {
                    Some(server) => *server = (spent, took.as_secs_f64()),
                    None => found.unseen = took.as_secs_f64(),
                }
            }
            found
        })
        .collect();
    let spent = median(rounds.iter().map(|it| it.observed[0].0).collect());
    let sum = median(rounds.iter().map(|it| it.steps.sum()).collect());
    let step = |of: fn(&Steps) -> f64| median(rounds.iter().map(|it| of(&it.steps)).collect());
    let rate = |of: &dyn Fn(&Round) -> f64| count as f64 / median(rounds.iter().map(of).collect());
    let mut findings = vec![Finding {
        name: "`/retrieve`, hybrid: ours / steps in process",
        told: format!(
            "{spent:.0} µs; full text {:.0}, scan {:.0}, fusion {:.0} µs",
            step(|it| it.full_text),
            step(|it| it.scan),
            step(|it| it.fusion)
        ),
        figure: spent / sum,
        bar: Bar::AtMost(1.2),
    }];
    findings.extend(WAYS.iter().enumerate().map(|(at, (_, name))| Finding {
        name,
        told: format!(
            "{:.0} a second with, {:.0} without; {:.0} µs of the processor",
            rate(&|it| it.observed[at].1),
            rate(&|it| it.unseen),
            median(rounds.iter().map(|it| it.observed[at].0).collect())
        ),
        figure: median(rounds.iter().map(|it| it.observed[at].1 / it.unseen - 1.0).collect()),
        bar: Bar::AtMost(0.05),
    }));
    findings
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [first, answers, tenants] = arguments.as_slice()
        && first == BARE
    {
        bare::serve(Path::new(answers), Path::new(tenants));
        return ExitCode::SUCCESS;
    }
    // `cargo bench` says so; `cargo test` does not.
    let given = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let quick = given("--test") || !given("--bench");
    let findings = measure(if quick { &QUICK } else { &WHOLE });
    println!("| what | measured | figure | bar | holds |\n|---|---|---|---|---|");
    findings.iter().for_each(Finding::print);
    if quick || findings.iter().all(Finding::holds) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
