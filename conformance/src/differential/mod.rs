//! Sends the same requests to two deployments and compares what they answer: the fixtures' questions, documents and tools, and
//! every request of the generated catalogue.
//!
//! Each request is one case of a run record, so that the report shows what differs. The contract is not judged here; the suite
//! does that to each of the two.

mod alike;
mod requests;

pub use alike::{BODIES_MAY_DIFFER, MAY_DIFFER, ONE_MAY_REFUSE, difference, refused_by_one};

use std::{collections::BTreeSet, path::PathBuf, time::SystemTime};

use contract_types::{CaseRecord, CaseRecordLevel, CaseRecordOutcome, Feature, RunRecordVerdict};
use contracts::catalogue::Case;
use futures_util::{StreamExt, future::join, stream};
use harness::{client::Exchange, exit, output, prepare::PrepareError, project_root, record, seed};

use crate::{
    catalogue, engine,
    session::Session,
    suite::{Suite, SuiteError, Test},
};

/// Tenants whose questions are asked, at once.
const AT_ONCE: usize = 3;
/// Most attempts of a request that is refused for being one too many.
const ATTEMPTS: usize = 6;

/// Which two deployments.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// Profile of the one.
    #[arg(long, default_value = "local")]
    pub target: String,
    /// Profile of the other, with the same tenants and credentials.
    #[arg(long, default_value = "worker")]
    pub other: String,
    /// Folder of run records; reports/out of the project when absent.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// Why nothing could be compared.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error(transparent)]
    Suite(#[from] SuiteError),
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    #[error("no async runtime: {0}")]
    Runtime(std::io::Error),
    #[error("the run record cannot be written: {0}")]
    Record(std::io::Error),
}

/// Runs the command and gives the exit code: 100 when two answers differ that must not.
pub fn main(options: &Options, command: &str) -> u8 {
    match compare(options, command) {
        Ok(code) => code,
        Err(error) => {
            output::say(&error.to_string());
            match error {
                Broken::Suite(_) => exit::USAGE,
                Broken::Prepare(error) => error.exit_code(),
                Broken::Runtime(_) | Broken::Record(_) => exit::HARNESS,
            }
        }
    }
}

fn compare(options: &Options, command: &str) -> Result<u8, Broken> {
    let suite = Suite::load(&project_root())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Broken::Runtime)?;
    let started = SystemTime::now();
    let pair = Pair::open(options, &suite, &runtime)?;
    let cases = runtime.block_on(pair.all(&suite.tests));
    runtime.block_on(async { join(pair.one.clean_up(), pair.other.clean_up()).await });
    let differ: Vec<&CaseRecord> = cases.iter().filter(|case| case.outcome != CaseRecordOutcome::Pass).collect();
    let applicable = |case: &&&CaseRecord| case.outcome != CaseRecordOutcome::NotApplicable;
    let found: Vec<&&CaseRecord> = differ.iter().filter(applicable).collect();
    for case in &found {
        output::say(&engine::line(case));
    }
    let compared = cases.len() - (differ.len() - found.len());
    let score = format!("{compared} requests to {} and {}: {} differ", options.target, options.other, found.len());
    let verdict = match (found.is_empty(), compared) {
        (_, 0) => RunRecordVerdict::Error,
        (true, _) => RunRecordVerdict::Pass,
        (false, _) => RunRecordVerdict::Fail,
    };
    let mut notes = vec![score.clone()];
    let fields = MAY_DIFFER.iter().map(|(name, why)| format!("`{name}` may differ: {why}"));
    let bodies = BODIES_MAY_DIFFER.iter().map(|(name, why)| format!("the body of `{name}` may differ: {why}"));
    let refused = ONE_MAY_REFUSE.iter().map(|(part, why)| format!("one may refuse `{part}`: {why}"));
    notes.extend(fields.chain(bodies).chain(refused));
    let mut record = engine::Frame::new(&pair.one, started, command).record(cases, verdict, None, notes);
    record.target.name = format!("{}-and-{}", options.target, options.other);
    output::say(&score);
    let out = options.out.clone().unwrap_or_else(engine::default_out);
    let path = record::write(&record, &out).map_err(Broken::Record)?;
    output::say(&format!("run record: {}", path.display()));
    Ok(match verdict {
        RunRecordVerdict::Pass => exit::PASS,
        RunRecordVerdict::Fail => exit::FAILED,
        RunRecordVerdict::Error => exit::HARNESS,
    })
}

/// Two sessions that hold the same.
struct Pair {
    one: Session,
    other: Session,
}

impl Pair {
    fn open(options: &Options, suite: &Suite, runtime: &tokio::runtime::Runtime) -> Result<Self, Broken> {
        let mut one = Session::open(&options.target, suite.contract.clone())?;
        let mut other = Session::open(&options.other, suite.contract.clone())?;
        // What the two runs make has the same ids.
        other.run.clone_from(&one.run);
        let (first, second) = runtime.block_on(async { join(one.fill(), other.fill()).await });
        first?;
        second?;
        Ok(Self { one, other })
    }

    /// Every request, the tenants beside each other and the requests of one in order.
    async fn all(&self, tests: &[Test]) -> Vec<CaseRecord> {
        let tenants = self.one.fixtures.tenants().iter().filter(|it| !it.questions.is_empty());
        let shared: Vec<_> = tenants.filter(|it| self.tenants().contains(&it.id)).collect();
        let asked = stream::iter(shared).map(|tenant| self.of_tenant(tenant)).buffered(AT_ONCE).collect::<Vec<_>>();
        let generated = self.generated(tests);
        let (asked, generated) = join(asked, generated).await;
        asked.into_iter().flatten().chain(generated).collect()
    }

    fn tenants(&self) -> BTreeSet<String> {
        self.one.tenants().intersection(&self.other.tenants()).cloned().collect()
    }

    async fn of_tenant(&self, tenant: &fixtures::TenantFixture) -> Vec<CaseRecord> {
        let mut cases = Vec::new();
        for (at, asked) in requests::of_tenant(tenant).into_iter().enumerate() {
            let id = format!("differential/{}/{:03}-{}", tenant.id, at + 1, asked.operation);
            if let Some(reason) = self.lacking(&tenant.id, asked.operation) {
                cases.push(case(id, asked.operation, CaseRecordOutcome::NotApplicable, reason));
                continue;
            }
            let send = |session| patiently(session, asked.of(session, &tenant.id));
            let (one, other) = join(send(&self.one), send(&self.other)).await;
            cases.push(self.judged(id, asked.operation, (one, other)));
        }
        cases
    }

    async fn generated(&self, tests: &[Test]) -> Vec<CaseRecord> {
        let mut cases = Vec::new();
        for test in tests {
            let Test::Generated(generated) = test else { continue };
            let (id, operation) = (format!("differential/{}", test.id()), &generated.operation);
            let bench = self.one.bench();
            if let Some(reason) = self.lacking(bench, operation) {
                cases.push(case(id, operation, CaseRecordOutcome::NotApplicable, reason));
                continue;
            }
            let send = |session| exchange(session, generated);
            let (one, other) = join(send(&self.one), send(&self.other)).await;
            cases.push(self.judged(id, operation, (one, other)));
        }
        cases
    }

    /// Why the two cannot be compared in `operation`: one of them alone has its feature.
    fn lacking(&self, tenant: &str, operation: &str) -> Option<String> {
        let guard = self.one.contract.operation(operation)?.feature.as_deref()?;
        let has = |features: BTreeSet<Feature>| features.iter().any(|feature| feature.as_str() == guard);
        let has = [&self.one, &self.other].map(|session| has(session.features(tenant)));
        (has[0] != has[1]).then(|| format!("one of the two alone has the feature `{guard}`"))
    }

    fn judged(&self, id: String, operation: &str, answers: (Answer, Answer)) -> CaseRecord {
        match answers {
            (Answer::Lacks(reason), _) | (_, Answer::Lacks(reason)) => {
                case(id, operation, CaseRecordOutcome::NotApplicable, reason)
            }
            (Answer::None(message), _) | (_, Answer::None(message)) => {
                case(id, operation, CaseRecordOutcome::Error, message)
            }
            (Answer::Came(one), Answer::Came(other)) => {
                if let Some(why) = refused_by_one(&id, &one.response, &other.response) {
                    return case(id, operation, CaseRecordOutcome::NotApplicable, why.to_owned());
                }
                let found = difference(operation, &one.response, &other.response);
                let outcome = if found.is_some() { CaseRecordOutcome::Fail } else { CaseRecordOutcome::Pass };
                let mut record = case(id, operation, outcome, String::new());
                record.message = found.map(|it| record::cut(&self.one.redactor.clean(&it), 2000).0);
                if record.message.is_some() {
                    let (request, response) = record::exchange(&one, &self.one.redactor);
                    (record.request, record.response) = (Some(request), Some(response));
                }
                record
            }
        }
    }
}

/// What became of a request.
enum Answer {
    Came(Box<Exchange>),
    /// The target or its profile lacks what the request needs.
    Lacks(String),
    None(String),
}

async fn exchange(session: &Session, generated: &Case) -> Answer {
    match catalogue::answer(session, generated).await {
        Ok(Ok(exchange)) => Answer::Came(Box::new(exchange)),
        Ok(Err(error)) => Answer::None(error.to_string()),
        Err(reason) => Answer::Lacks(reason),
    }
}

async fn patiently(session: &Session, request: Option<harness::client::Request>) -> Answer {
    let Some(request) = request else { return Answer::Lacks("the profile has no credential of the tenant".to_owned()) };
    for _ in 1..ATTEMPTS {
        match session.client.send_within(&request, session.bounds).await {
            Err(error) => return Answer::None(error.to_string()),
            Ok(exchange) => match seed::retry_after(&exchange) {
                Some(wait) => tokio::time::sleep(wait).await,
                None => return Answer::Came(Box::new(exchange)),
            },
        }
    }
    match session.client.send_within(&request, session.bounds).await {
        Ok(exchange) => Answer::Came(Box::new(exchange)),
        Err(error) => Answer::None(error.to_string()),
    }
}

fn case(id: String, operation: &str, outcome: CaseRecordOutcome, text: String) -> CaseRecord {
    let (message, reason) = match outcome {
        CaseRecordOutcome::NotApplicable => (None, Some(text)),
        CaseRecordOutcome::Pass | CaseRecordOutcome::Fail => (None, None),
        CaseRecordOutcome::Error | CaseRecordOutcome::KnownFailure => (Some(text), None),
    };
    CaseRecord {
        id,
        kind: "differential".to_owned(),
        operation: Some(operation.to_owned()),
        rule: None,
        level: CaseRecordLevel::Must,
        outcome,
        duration_ms: 0.0,
        message,
        curl: None,
        request: None,
        response: None,
        reason,
        attempts: None,
    }
}
