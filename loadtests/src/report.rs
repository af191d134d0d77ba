//! What a run says: the table for people, and the measurements and gates of the run record.

use contract_types::{CaseRecord, CaseRecordLevel, CaseRecordOutcome, LoadRecord};

use crate::{
    generated::operations::SEARCH,
    inspection::Findings,
    recorder::{Measured, Outcome, Tally},
    search::NAME,
};

/// Most problems that are told one by one.
const TOLD: usize = 5;

/// Everything that a run found.
#[derive(Debug)]
pub struct Results {
    /// The tenants, in the order of the measurements.
    pub tenants: Vec<String>,
    /// How long requests took.
    pub measured: Measured,
    /// What the sample showed.
    pub findings: Findings,
    /// One in how many answers was inspected.
    pub inspected_every: u64,
    /// Longest 95th percentile that passes, where there is one.
    pub budget_p95_ms: Option<f64>,
}

impl Results {
    /// The table, line by line.
    pub fn table(&self) -> Vec<String> {
        let width = self.tenants.iter().map(String::len).max().unwrap_or(0).max("tenant".len());
        let mut lines = vec![format!(
            "{:width$}  {:>9} {:>7} {:>9} {:>9} {:>9} {:>9} {:>9}",
            "tenant", "requests", "errors", "req/s", "p50 ms", "p95 ms", "p99 ms", "max ms"
        )];
        lines.extend(self.rows().map(|(tenant, tally)| {
            format!(
                "{:width$}  {:>9} {:>7} {:>9.1} {:>9.2} {:>9.2} {:>9.2} {:>9.2}",
                tenant.unwrap_or("all"),
                tally.requests(),
                tally.errors(),
                self.measured.rate(tally),
                tally.quantile_ms(0.50),
                tally.quantile_ms(0.95),
                tally.quantile_ms(0.99),
                tally.max_ms(),
            )
        }));
        lines.push(self.sample());
        lines
    }

    /// One sentence about the inspected answers.
    pub fn sample(&self) -> String {
        let Findings { inspected, cached, violating, leaking, problems: _ } = &self.findings;
        format!(
            "inspected one answer in {} of each user: {inspected}, of which {cached} came from the cache, {violating} \
             depart from the contract, {leaking} hold a canary of another tenant",
            self.inspected_every
        )
    }

    /// Whether not one request got a response.
    pub fn is_unreachable(&self) -> bool {
        self.measured.all.outcomes().keys().all(|outcome| *outcome == Outcome::Transport)
    }

    /// The measurements: every tenant, then all together.
    pub fn records(&self) -> Vec<LoadRecord> {
        let record = |(tenant, tally): (Option<&str>, &Tally)| {
            let mut record = self.measured.record(NAME, SEARCH.id, tenant, tally);
            record.budget_p95_ms = self.budget_p95_ms.filter(|_| tenant.is_none());
            record
        };
        self.rows().map(record).collect()
    }

    fn rows(&self) -> impl Iterator<Item = (Option<&str>, &Tally)> {
        let tenants = self.tenants.iter().map(|tenant| Some(tenant.as_str())).zip(&self.measured.tenants);
        tenants.chain([(None, &self.measured.all)])
    }

    /// The gates of the run as cases, by id.
    pub fn gates(&self) -> Vec<CaseRecord> {
        let mut cases = vec![
            gate("contract", (self.findings.violating > 0).then(|| self.told("depart from the contract"))),
            gate("isolation", (self.findings.leaking > 0).then(|| self.told("hold a canary of another tenant"))),
        ];
        cases.extend(self.budget_p95_ms.map(|budget| {
            let p95 = self.measured.all.quantile_ms(0.95);
            gate("p95", (p95 > budget).then(|| format!("expected p95 within {budget} ms, found {p95:.2} ms")))
        }));
        cases.push(gate("statuses", (self.measured.all.errors() > 0).then(|| self.errors())));
        cases
    }

    fn told(&self, what: &str) -> String {
        let problems =
            self.findings.problems.iter().take(TOLD).map(|(problem, count)| format!("{problem} ({count} times)"));
        format!("expected no answer to {what}; first problems: {}", problems.collect::<Vec<_>>().join("; "))
    }

    fn errors(&self) -> String {
        let others = self.measured.all.outcomes().iter().filter_map(|(outcome, count)| match outcome {
            Outcome::Answered => None,
            Outcome::Status(status) => Some(format!("{count} of status {status}")),
            Outcome::Transport => Some(format!("{count} without a complete answer")),
        });
        format!("expected status 200 for every request, found {}", others.collect::<Vec<_>>().join(", "))
    }
}

fn gate(name: &str, problem: Option<String>) -> CaseRecord {
    let outcome = if problem.is_none() { CaseRecordOutcome::Pass } else { CaseRecordOutcome::Fail };
    CaseRecord {
        id: format!("load/{NAME}/{name}"),
        kind: "gate".to_owned(),
        operation: Some(SEARCH.id.to_owned()),
        rule: None,
        level: CaseRecordLevel::Must,
        outcome,
        duration_ms: 0.0,
        message: problem.map(|text| harness::record::cut(&text, 8192).0),
        curl: None,
        request: None,
        response: None,
        reason: None,
        attempts: None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::recorder::Recorder;

    fn results(outcomes: &[Outcome], findings: Findings, budget_p95_ms: Option<f64>) -> Results {
        let recorder = Recorder::new(1, 1);
        let start = Instant::now().checked_sub(Duration::from_millis(20)).expect("the machine is up for longer");
        for outcome in outcomes {
            recorder.record(0, 0, start, *outcome);
        }
        let measured = recorder.measured();
        Results { tenants: vec!["aurora-bikes".to_owned()], measured, findings, inspected_every: 20, budget_p95_ms }
    }

    fn failed(results: &Results) -> Vec<String> {
        let gates = results.gates().into_iter().filter(|gate| gate.outcome == CaseRecordOutcome::Fail);
        gates.map(|gate| gate.id).collect()
    }

    #[test]
    fn passes_a_clean_run_and_lines_the_table_up() {
        let results = results(&[Outcome::Answered; 3], Findings::default(), Some(600_000.0));
        assert_eq!(failed(&results), Vec::<String>::new());
        assert_eq!(results.gates().len(), 4);
        let table = results.table();
        assert!(table[1].starts_with("aurora-bikes          3       0"), "{table:?}");
        assert!(table[2].starts_with("all          "), "{table:?}");
        assert_eq!(table[0].len(), table[1].len());
    }

    #[test]
    fn fails_each_gate_for_its_own_reason() {
        let other = [Outcome::Answered, Outcome::Status(503)];
        assert_eq!(failed(&results(&other, Findings::default(), None)), ["load/search/statuses"]);
        let violating = Findings { violating: 1, ..Findings::default() };
        assert_eq!(failed(&results(&[Outcome::Answered], violating, None)), ["load/search/contract"]);
        let leaking = Findings { leaking: 1, ..Findings::default() };
        assert_eq!(failed(&results(&[Outcome::Answered], leaking, None)), ["load/search/isolation"]);
        assert_eq!(failed(&results(&[Outcome::Answered], Findings::default(), Some(5.0))), ["load/search/p95"]);
    }

    #[test]
    fn tells_an_absent_target_from_a_failing_one() {
        assert!(results(&[Outcome::Transport; 2], Findings::default(), None).is_unreachable());
        assert!(!results(&[Outcome::Transport, Outcome::Status(500)], Findings::default(), None).is_unreachable());
    }
}
