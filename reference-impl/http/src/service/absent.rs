//! Operations of features that this deployment does not have.

use contract_types::{ErrorCode, Feature};

use crate::{Problem, reply::detail};

/// The problem of a feature that is not enabled.
pub(crate) fn problem(feature: Feature) -> Problem {
    let code = if feature == Feature::Tts { ErrorCode::TtsNotEnabled } else { ErrorCode::CapabilityNotEnabled };
    let mut particular = detail("see `features` of GET /capabilities for what is enabled");
    particular.capability = Some(feature);
    Problem::new(code, format!("this deployment does not have `{feature}` enabled for the tenant")).detail(particular)
}
