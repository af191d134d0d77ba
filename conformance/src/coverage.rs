//! What of the contract a run has touched, counted from its exchanges, out of everything that applies to the target.

use std::collections::BTreeSet;

use contract_types::{CoverageExclusion, CoverageRecord, CoverageRecordDimension, Feature};
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

    /// The records, with only what applies to a target that declares `features`; what does not is told with its reason.
    ///
    /// A fault behind the service can be caused only through a control API; without one such statuses do not apply.
    pub fn records(&self, contract: &Contract, features: &BTreeSet<Feature>, control: bool) -> Vec<CoverageRecord> {
        let status = |entry: &str| status_excluded(contract, features, control, entry);
        vec![
            record(CoverageRecordDimension::Operation, OPERATIONS, &self.operations, &|_| None),
            record(CoverageRecordDimension::Status, STATUSES, &self.statuses, &status),
            record(CoverageRecordDimension::Parameter, PARAMETERS, &self.parameters, &|_| None),
            record(CoverageRecordDimension::Keyword, KEYWORDS, &self.keywords, &keyword_excluded),
        ]
    }
}

fn record(
    dimension: CoverageRecordDimension,
    all: &[&str],
    reached: &BTreeSet<String>,
    excluded: &dyn Fn(&str) -> Option<String>,
) -> CoverageRecord {
    let (mut missing, mut exclusions, mut found) = (Vec::new(), Vec::new(), 0_u64);
    for item in all {
        match excluded(item) {
            // What was reached after all needs no excuse.
            _ if reached.contains(*item) => found += 1,
            Some(reason) => exclusions.push(CoverageExclusion { item: (*item).to_owned(), reason }),
            None => missing.push((*item).to_owned()),
        }
    }
    let total = found + u64::try_from(missing.len()).unwrap_or(u64::MAX);
    let excluded = (!exclusions.is_empty()).then_some(exclusions);
    CoverageRecord { dimension, total, reached: found, missing, excluded }
}

/// Statuses of an operation that needs no feature, which only a value that needs one leads to.
const BY_VALUE: [(&str, Feature); 1] = [("search 404", Feature::Sessions)];

/// Statuses that a deployment may need and that no fault of the control API leads to where it needs none.
const NO_FAULT: [(&str, &str); 5] = [
    (
        "get_capabilities 503",
        "it needs nothing but the configuration where the limits of the rate hold without their store",
    ),
    ("list_tools 503", "the list is made of the configuration and the scopes of the credential, which no store holds"),
    ("get_tool 503", "a descriptor is part of the deployment, and no store holds it"),
    (
        "list_voices 503",
        "the list is made of what the deployment's own providers have, and none of them is asked for it",
    ),
    ("get_metrics 503", "what is counted lies in the memory of the process that answers, and no store holds it"),
];

/// Why a status cannot be reached at a target like this.
fn status_excluded(contract: &Contract, features: &BTreeSet<Feature>, control: bool, entry: &str) -> Option<String> {
    let (operation, status) = entry.rsplit_once(' ')?;
    let status: u16 = status.parse().ok()?;
    let feature = contract.operation(operation).and_then(|operation| operation.feature.as_deref());
    if let Some((_, reason)) = NO_FAULT.iter().find(|(known, _)| *known == entry) {
        return Some((*reason).to_owned());
    }
    if FAULTS.contains(&status) && !control {
        return Some("only a fault behind the service leads to it, and the target has no control API".to_owned());
    }
    let by_value = BY_VALUE.iter().find(|(known, _)| *known == entry).map(|(_, feature)| feature);
    if let Some(feature) = by_value.filter(|feature| !features.contains(feature)) {
        return Some(format!("the target does not declare the feature {feature}"));
    }
    match feature {
        Some(feature) if !features.iter().any(|declared| declared.as_str() == feature) => {
            let reason = || format!("the target does not declare the feature {feature}");
            (!WITHOUT_FEATURE.contains(&status)).then(reason)
        }
        Some(_) | None => {
            let complete = status == 501 && Feature::ALL.iter().all(|feature| features.contains(feature));
            complete.then(|| "the target declares every feature".to_owned())
        }
    }
}

/// Why a keyword cannot be broken by a request.
fn keyword_excluded(entry: &str) -> Option<String> {
    let empty_header = entry.contains(" /header/") && entry.ends_with(" minLength");
    empty_header.then(|| "an empty header is no header to many servers on the way".to_owned())
}
