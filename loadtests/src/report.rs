//! What a run says: the table for people, and the measurements and gates of the run record.

use contract_types::{CaseRecord, LoadBudget, LoadRecord, LoadRecordPhase};

use crate::{
    inspection::Findings,
    record::gate,
    recorder::{ALL, Measured, Phase},
    scenario::{Part, Shape},
    tally::{Outcome, Tally},
};

/// Most problems that are told one by one.
const TOLD: usize = 5;
/// Fewest requests of a tenant whose 95th percentile is held against that of others.
const FAIR_REQUESTS: u64 = 100;

/// Everything that a run found.
#[derive(Debug)]
pub struct Results {
    /// Name of the scenario.
    pub scenario: &'static str,
    /// How its load ran over time.
    pub shape: Shape,
    /// The parts that are measured by themselves.
    pub parts: Vec<Part>,
    /// The tenants, in the order of the workload.
    pub tenants: Vec<String>,
    /// The tenant that flooded, where one did.
    pub noisy: Option<usize>,
    /// How long requests took.
    pub measured: Measured,
    /// What the sample showed.
    pub findings: Findings,
    /// One in how many answers was inspected.
    pub inspected_every: u64,
    /// What the scenario must keep to.
    pub budgets: Vec<LoadBudget>,
    /// Documents that could not be deleted in the end.
    pub left_behind: u64,
}

impl Results {
    /// The table, line by line.
    pub fn table(&self) -> Vec<String> {
        let records = self.records();
        let name = |record: &LoadRecord| {
            let phase = record.phase.map(|phase| phase.to_string()).filter(|phase| phase != "response");
            let words = [
                (record.scenario != self.scenario || self.parts.len() > 1).then(|| record.scenario.clone()),
                Some(record.operation.clone()),
                phase,
                record.cache.map(|cache| format!("cache {cache}")),
                record.tenant.as_ref().map(|tenant| tenant.as_str().to_owned()),
            ];
            words.into_iter().flatten().collect::<Vec<_>>().join(" ")
        };
        let names: Vec<String> = records.iter().map(name).collect();
        let width = names.iter().map(String::len).max().unwrap_or(0).max("what".len());
        let mut lines = vec![format!(
            "{:width$}  {:>9} {:>7} {:>9} {:>9} {:>9} {:>9} {:>9}",
            "what", "requests", "errors", "per s", "p50 ms", "p95 ms", "p99 ms", "max ms"
        )];
        lines.extend(names.iter().zip(&records).map(|(name, record)| {
            format!(
                "{name:width$}  {:>9} {:>7} {:>9.1} {:>9.2} {:>9.2} {:>9.2} {:>9.2}",
                record.requests,
                record.errors,
                record.rate_per_s,
                record.p50_ms,
                record.p95_ms,
                record.p99_ms,
                record.max_ms,
            )
        }));
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

    /// What the shape of the load has shown, where it shows anything by itself.
    pub fn notes(&self, behind: bool) -> Vec<String> {
        let mut notes = Vec::new();
        if let Some((worst, best)) = self.fairness() {
            let ratio = worst.1 / best.1.max(0.001);
            let fewest = self.measured.tenants().into_iter().filter(|tenant| Some(*tenant) != self.noisy);
            let fewest = fewest.map(|tenant| self.of_tenant(tenant).requests()).min().unwrap_or(0);
            notes.push(format!(
                "fairness: {ratio:.2} (p95 of {} to that of {}; {} tenants, each with {fewest} requests or more)",
                self.tenants[worst.0],
                self.tenants[best.0],
                self.tenants.len()
            ));
        }
        match self.shape {
            Shape::Steady => {}
            Shape::Flood => {
                notes.extend(self.isolation().map(|ratio| {
                    format!("isolation: {ratio:.2} (p99 of the quiet tenants with the flood to that without)")
                }));
                notes.extend(self.flood());
            }
            Shape::Burst => notes.extend(
                self.recovery().map(|ratio| format!("recovery: {ratio:.2} (p95 after the spike to that before)")),
            ),
            Shape::Steps => notes.push(self.knee(behind)),
        }
        notes
    }

    /// Whether not one request got a response.
    pub fn is_unreachable(&self) -> bool {
        self.measured.all().outcomes().keys().all(|outcome| *outcome == Outcome::Transport)
    }

    /// The measurements, part by part.
    pub fn records(&self) -> Vec<LoadRecord> {
        let mut records = Vec::new();
        for (index, part) in self.parts.iter().enumerate() {
            let mut made = self.measured.records(&part.name, index, &self.tenants);
            let mixed = made.iter().any(|record| record.operation == ALL);
            for record in made.iter_mut().filter(|it| part.judged && it.tenant.is_none() && it.cache.is_none()) {
                record.budget_p95_ms = self.budgets.iter().find_map(|budget| budgeted(budget, record, mixed));
            }
            records.append(&mut made);
        }
        records
    }

    /// Requests that the verdict counts: of parts that are judged, and not the flood.
    fn counted(&self) -> Tally {
        let judged = |part: usize| self.parts.get(part).is_some_and(|part| part.judged);
        self.measured.sum(|key| key.phase == Phase::Response && judged(key.part) && Some(key.tenant) != self.noisy)
    }

    /// The gates of the run as cases.
    pub fn gates(&self) -> Vec<CaseRecord> {
        let one = |name: &str, problem: Option<String>| gate(self.scenario, None, name, problem);
        let findings = &self.findings;
        let mut cases = vec![
            one("contract", (findings.violating > 0).then(|| self.told("depart from the contract"))),
            one("isolation", (findings.leaking > 0).then(|| self.told("hold a canary of another tenant"))),
            one("requests", (self.counted().requests() == 0).then(|| "expected requests, found none".to_owned())),
        ];
        if self.left_behind > 0 || self.measured.records("x", 0, &[]).iter().any(|it| it.operation == "ingest") {
            let left = self.left_behind;
            cases.push(one("clean", (left > 0).then(|| format!("expected to delete what was written, {left} failed"))));
        }
        // Without a budget of errors, each is one too many.
        if !self.budgets.iter().any(|budget| budget.errors.is_some()) {
            cases.push(one("statuses", self.errors(0.0)));
        }
        for budget in &self.budgets {
            self.judge(budget, &mut cases);
        }
        cases
    }

    fn judge(&self, budget: &LoadBudget, cases: &mut Vec<CaseRecord>) {
        let operation = budget.operation.as_deref();
        let name = |what: &str| operation.map_or_else(|| format!("budget/{what}"), |id| format!("budget/{id}/{what}"));
        let mut add = |what: &str, problem| cases.push(gate(self.scenario, operation, &name(what), problem));
        let judged = |part: usize| self.parts.get(part).is_some_and(|part| part.judged);
        let of = |phase: Phase| {
            self.measured.sum(|key| {
                key.phase == phase
                    && judged(key.part)
                    && Some(key.tenant) != self.noisy
                    && operation.is_none_or(|id| key.action.operation().id == id)
            })
        };
        let times = [
            ("p50", budget.p50_ms, 0.5, Phase::Response),
            ("p95", budget.p95_ms, 0.95, Phase::Response),
            ("p99", budget.p99_ms, 0.99, Phase::Response),
            ("first-event-p95", budget.first_event_p95_ms, 0.95, Phase::FirstEvent),
        ];
        for (what, most, quantile, phase) in times {
            let Some(most) = most else { continue };
            let tally = of(phase);
            let found = tally.quantile_ms(quantile);
            let wrong = found > most || tally.requests() == 0;
            add(
                what,
                wrong.then(|| {
                    format!("expected {what} within {most} ms, found {found:.2} ms of {} requests", tally.requests())
                }),
            );
        }
        if let Some(most) = budget.errors {
            add("errors", self.errors(most));
        }
        let ratios = [
            ("fairness", budget.fairness, self.fairness().map(|(worst, best)| worst.1 / best.1.max(0.001))),
            ("isolation", budget.isolation, self.isolation()),
            ("recovery", budget.recovery, self.recovery()),
        ];
        for (what, most, found) in ratios {
            let Some(most) = most else { continue };
            let problem = match found {
                None => Some(format!("expected {what} within {most}, found too few requests to tell")),
                Some(found) if found > most => Some(format!("expected {what} within {most}, found {found:.2}")),
                Some(_) => None,
            };
            add(what, problem);
        }
    }

    /// The tenants with the worst and the best 95th percentile, of those with requests enough.
    fn fairness(&self) -> Option<((usize, f64), (usize, f64))> {
        let all = self.measured.tenants().into_iter().filter(|tenant| Some(*tenant) != self.noisy);
        let each: Vec<(usize, f64)> = all
            .filter_map(|tenant| {
                let tally = self.of_tenant(tenant);
                (tally.requests() >= FAIR_REQUESTS).then(|| (tenant, tally.quantile_ms(0.95)))
            })
            .collect();
        let worst = each.iter().copied().max_by(|a, b| a.1.total_cmp(&b.1))?;
        let best = each.iter().copied().min_by(|a, b| a.1.total_cmp(&b.1))?;
        (each.len() > 1).then_some((worst, best))
    }

    fn of_tenant(&self, tenant: usize) -> Tally {
        self.measured.sum(|key| key.phase == Phase::Response && key.tenant == tenant)
    }

    fn quiet(&self, part: usize) -> Tally {
        self.measured.sum(|key| key.phase == Phase::Response && key.part == part && Some(key.tenant) != self.noisy)
    }

    /// The quiet tenants' 99th percentile with the flood, to that without.
    fn isolation(&self) -> Option<f64> {
        let (without, with) = (self.quiet(0), self.quiet(1));
        let enough = self.shape == Shape::Flood && without.requests() > 0 && with.requests() > 0;
        enough.then(|| with.quantile_ms(0.99) / without.quantile_ms(0.99).max(0.001))
    }

    fn flood(&self) -> Option<String> {
        let noisy = self.noisy?;
        let tally = self.measured.sum(|key| key.phase == Phase::Response && key.tenant == noisy);
        let name = self.tenants.get(noisy)?;
        Some(format!(
            "{name} flooded with {} requests, {} of which were not answered with 200",
            tally.requests(),
            tally.errors()
        ))
    }

    /// The 95th percentile after the spike, to that before.
    fn recovery(&self) -> Option<f64> {
        let (before, after) = (self.measured.responses(0), self.measured.responses(3));
        let enough = self.shape == Shape::Burst && before.requests() > 0 && after.requests() > 0;
        enough.then(|| after.quantile_ms(0.95) / before.quantile_ms(0.95).max(0.001))
    }

    fn knee(&self, behind: bool) -> String {
        let steps: Vec<&Part> = self
            .parts
            .iter()
            .enumerate()
            .filter(|(index, _)| self.measured.responses(*index).requests() > 0)
            .map(|it| it.1)
            .collect();
        let rate = |part: &Part| part.name.rsplit_once('-').map_or_else(String::new, |it| it.1.to_owned());
        match (behind, &steps[..]) {
            (true, [.., knee, over]) => {
                format!("knee: {} requests a second were kept up with, {} were not", rate(knee), rate(over))
            }
            (true, [only]) => format!("knee: below {} requests a second", rate(only)),
            (false, [.., last]) => format!("knee: above {} requests a second", rate(last)),
            (_, []) => "knee: nothing was asked".to_owned(),
        }
    }

    fn told(&self, what: &str) -> String {
        let problems =
            self.findings.problems.iter().take(TOLD).map(|(problem, count)| format!("{problem} ({count} times)"));
        format!("expected no answer to {what}; first problems: {}", problems.collect::<Vec<_>>().join("; "))
    }

    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    fn errors(&self, most: f64) -> Option<String> {
        let counted = self.counted();
        let found = counted.errors() as f64 / counted.requests().max(1) as f64;
        (found > most).then(|| {
            let others = counted.outcomes().iter().filter_map(|(outcome, count)| match outcome {
                Outcome::Answered => None,
                Outcome::Status(status) => Some(format!("{count} of status {status}")),
                Outcome::StreamError => Some(format!("{count} with an error event")),
                Outcome::Cut => Some(format!("{count} without a good end")),
                Outcome::Transport => Some(format!("{count} without a complete answer")),
            });
            let others = others.collect::<Vec<_>>().join(", ");
            format!(
                "expected status 200 and a good end for all but {:.2} % of {} requests, found {others}",
                most * 100.0,
                counted.requests()
            )
        })
    }
}

/// The budget of the 95th percentile that `record` is held to. In a mixed scenario, a budget of no operation is that of all together.
fn budgeted(budget: &LoadBudget, record: &LoadRecord, mixed: bool) -> Option<f64> {
    let meant = match budget.operation.as_deref() {
        Some(id) => id == record.operation,
        None => !mixed || record.operation == ALL,
    };
    match record.phase {
        Some(LoadRecordPhase::FirstEvent) => budget.first_event_p95_ms.filter(|_| meant),
        Some(LoadRecordPhase::EventGap) => None,
        Some(LoadRecordPhase::Response) | None => budget.p95_ms.filter(|_| meant),
    }
}

#[cfg(test)]
#[path = "report_tests.rs"]
mod tests;
