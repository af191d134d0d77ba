//! What of the contract a run has touched, counted from its exchanges, out of everything that applies to the target.

use std::collections::BTreeSet;

use contract_types::{CoverageRecord, CoverageRecordDimension, Feature};
use contracts::{Contract, catalogue, model::Location};
use harness::client::Request;

use crate::generated::denominator::{KEYWORDS, OPERATIONS, PARAMETERS, STATUSES};

/// Statuses that an operation can answer while its feature is not enabled.
const WITHOUT_FEATURE: [u16; 8] = [400, 401, 403, 406, 413, 415, 429, 501];
/// Statuses that only a fault behind the service leads to.
const FAULTS: [u16; 4] = [500, 502, 503, 504];

/// What was reached.
#[derive(Debug, Clone, Default)]
pub struct Coverage {
    operations: BTreeSet<String>,
    statuses: BTreeSet<String>,
    parameters: BTreeSet<String>,
    keywords: BTreeSet<String>,
}

impl Coverage {
    /// Counts one exchange with `operation`.
    pub fn exchange(&mut self, contract: &Contract, operation: &str, request: &Request, status: u16) {
        self.operations.insert(operation.to_owned());
        self.statuses.insert(format!("{operation} {status}"));
        let Some(model) = contract.operation(operation) else { return };
        let query = request.target.split_once('?').map(|(_, query)| query).unwrap_or_default();
        for parameter in &model.parameters {
            let name = parameter.name.to_ascii_lowercase();
            let (place, sent) = match parameter.location {
                Location::Path => ("path", true),
                Location::Query => {
                    ("query", query.split('&').any(|pair| pair.split('=').next() == Some(parameter.name.as_str())))
                }
                Location::Header => ("header", request.first(&name).is_some()),
            };
            if sent {
                self.parameters.insert(format!("{operation} {place} {name}"));
            }
        }
    }

    /// Counts a keyword that a generated case broke on purpose.
    pub fn keyword(&mut self, case: &catalogue::Case) {
        let (Some(place), Some(keyword)) = (&case.place, &case.keyword) else { return };
        if !matches!(case.expect, catalogue::Expect::Error { .. }) {
            return;
        }
        // The denominator names the object that requires, a case the field that it leaves out.
        let place = match place.rsplit_once('/') {
            Some((object, _)) if keyword == "required" => object,
            _ => place,
        };
        self.keywords.insert(format!("{} {place} {keyword}", case.operation));
    }

    /// The records, with only what applies to a target that declares `features`.
    ///
    /// A fault behind the service can be caused only through a control API; without one such statuses do not apply.
    pub fn records(&self, contract: &Contract, features: &BTreeSet<Feature>, control: bool) -> Vec<CoverageRecord> {
        let declared = |name: &str| features.iter().any(|feature| feature.as_str() == name);
        let complete = Feature::ALL.iter().all(|feature| features.contains(feature));
        let status_applies = |entry: &&&str| {
            let Some((operation, status)) = entry.rsplit_once(' ') else { return true };
            let status: u16 = status.parse().unwrap_or(0);
            let feature = contract.operation(operation).and_then(|operation| operation.feature.as_deref());
            if FAULTS.contains(&status) && !control {
                return false;
            }
            match feature {
                Some(feature) if !declared(feature) => WITHOUT_FEATURE.contains(&status),
                Some(_) | None => status != 501 || !complete,
            }
        };
        let record = |dimension, total: Vec<&str>, reached: &BTreeSet<String>| {
            let missing: Vec<String> =
                total.iter().filter(|entry| !reached.contains(**entry)).map(|entry| (*entry).to_owned()).collect();
            let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
            CoverageRecord {
                dimension,
                total: count(total.len()),
                reached: count(total.len() - missing.len()),
                missing,
                excluded: None,
            }
        };
        vec![
            record(CoverageRecordDimension::Operation, OPERATIONS.to_vec(), &self.operations),
            record(
                CoverageRecordDimension::Status,
                STATUSES.iter().filter(status_applies).copied().collect(),
                &self.statuses,
            ),
            record(CoverageRecordDimension::Parameter, PARAMETERS.to_vec(), &self.parameters),
            record(CoverageRecordDimension::Keyword, KEYWORDS.to_vec(), &self.keywords),
        ]
    }
}
