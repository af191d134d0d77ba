//! The tenant's audit log.

use contract_types as wire;
use reference_core::{platform::Platform, tenancy::Feature};

use super::{absent, problem};
use crate::{Call, Problem, generated::server::ListAuditResponse};

pub(super) async fn list(
    platform: &Platform,
    call: &Call,
    parameters: wire::ListAuditParameters,
) -> Result<ListAuditResponse, Problem> {
    if !call.tenant.settings().has_feature(Feature::Audit) {
        return Err(absent::problem(wire::Feature::Audit));
    }
    let limit = usize::try_from(parameters.limit).unwrap_or(usize::MAX);
    let cursor = parameters.cursor.as_ref().map(|cursor| cursor.as_str());
    let page = platform.list_audit(&call.tenant, limit, cursor).await.map_err(|error| problem::list(&error))?;
    let records = page.items.into_iter().map(serde_json::from_value).collect::<Result<_, _>>();
    let mut list = wire::AuditList::new(records.map_err(|error| Problem::internal(&error))?);
    list.next_cursor = page.next_cursor.map(Into::into);
    Ok(ListAuditResponse::Ok(list.into()))
}
