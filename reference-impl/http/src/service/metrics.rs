//! The page of metrics.

use contract_types as wire;
use reference_core::{platform::Platform, tenancy::Feature};

use super::{absent, problem};
use crate::{Call, Problem, generated::server::GetMetricsResponse};

pub(super) async fn get(platform: &Platform, call: &Call) -> Result<GetMetricsResponse, Problem> {
    if !(platform.metrics().is_on() && call.tenant.settings().has_feature(Feature::Metrics)) {
        return Err(absent::problem(wire::Feature::Metrics));
    }
    let page = platform.metrics_page(&call.tenant).await.map_err(|error| problem::store(&error))?;
    Ok(GetMetricsResponse::Ok(page.into()))
}
