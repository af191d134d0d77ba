//! Looks closely at a sample of the answers under load: each is held against the contract and searched for the canaries
//! of other tenants.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use harness::{audio, canary::Scanner, client::Exchange, judge::Judge};

/// Most different problems that are kept one by one.
const KEPT: usize = 50;

/// What the sample showed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    /// Answers that were looked at.
    pub inspected: u64,
    /// Answers among them that came from the target's cache.
    pub cached: u64,
    /// Answers that depart from the contract.
    pub violating: u64,
    /// Answers that hold another tenant's canary.
    pub leaking: u64,
    /// Different problems, each with how often it was met.
    pub problems: BTreeMap<String, u64>,
}

/// Inspects every n-th answer.
#[derive(Debug)]
pub struct Inspector {
    judge: Arc<Judge>,
    scanner: Scanner,
    every: u64,
    findings: Mutex<Findings>,
}

impl Inspector {
    /// An inspector of every `every`-th answer of each user, its first among them; 1 means all.
    pub fn new(judge: impl Into<Arc<Judge>>, scanner: Scanner, every: u64) -> Self {
        Self { judge: judge.into(), scanner, every: every.max(1), findings: Mutex::default() }
    }

    /// Whether the answer number `index` of a user belongs to the sample.
    pub fn wants(&self, index: u64) -> bool {
        index.is_multiple_of(self.every)
    }

    /// One in how many answers is inspected.
    pub fn every(&self) -> u64 {
        self.every
    }

    /// Inspects an answer to `tenant`.
    pub fn inspect(&self, tenant: &str, exchange: &Exchange) {
        let violations = self.judge.violations(exchange);
        let leaks = self.scanner.leaks(Some(tenant), exchange);
        // Its schema says of audio no more than that it is bytes; whether they are what the content type says is read here.
        let sounds = exchange.response.header("content-type").is_some_and(|it| it.starts_with("audio/"));
        let unsound = sounds.then(|| audio::read(&exchange.response).err()).flatten();
        let unsound = unsound.map(|problem| format!("{}: {problem}", exchange.request.target));
        let cached = exchange.response.json().is_some_and(|body| body["cache"]["hit"] == true);
        let mut findings = self.findings.lock().unwrap_or_else(PoisonError::into_inner);
        findings.inspected += 1;
        findings.cached += u64::from(cached);
        findings.violating += u64::from(!violations.is_empty() || unsound.is_some());
        findings.leaking += u64::from(!leaks.is_empty());
        let leaks = leaks.iter().map(|leak| format!("answer to {tenant}: {leak}"));
        for problem in leaks.chain(violations.iter().map(ToString::to_string)).chain(unsound) {
            if findings.problems.len() < KEPT || findings.problems.contains_key(&problem) {
                *findings.problems.entry(problem).or_default() += 1;
            }
        }
    }

    /// What was found so far.
    pub fn findings(&self) -> Findings {
        self.findings.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
