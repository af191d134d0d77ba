//! Rate limits: counted in the tenant's store, and in memory while that does not answer.

use contract_types::ErrorCode;
use reference_core::{
    store::{
        StoreError,
        rate::{self, Admission, RateFigures},
    },
    tenancy::TenantContext,
};

use super::{
    Edge,
    deadline::{Deadline, before},
};
use crate::{
    operation::{Operation, RouteClass},
    reply::Problem,
};

/// A request that its limits let through.
pub(super) struct Admitted {
    /// What the headers say.
    pub(super) figures: RateFigures,
    /// Whether it was counted in memory, for want of the store.
    pub(super) without_store: bool,
}

/// A request that a limit refuses.
pub(super) struct Refused {
    pub(super) problem: Problem,
    pub(super) figures: RateFigures,
    pub(super) without_store: bool,
}

impl Edge {
    /// Counts the request, or refuses it with the figures that its headers carry. The store has a part of the deadline to
    /// answer; after that the request is counted in memory, where the limits are as wide.
    pub(super) async fn admit(
        &self,
        operation: &Operation,
        tenant: &TenantContext,
        deadline: &Deadline,
    ) -> Result<Option<Admitted>, Refused> {
        let class = match operation.route_class {
            RouteClass::Open => return Ok(None),
            RouteClass::Read => rate::RouteClass::Read,
            RouteClass::Write => rate::RouteClass::Write,
            RouteClass::Model => rate::RouteClass::Model,
        };
        let now = self.parts.clock.now(tenant.id());
        let stored = async {
            #[cfg(feature = "sabotage")]
            self.count_elsewhere(tenant, class).await;
            self.parts.limiter.admit(tenant, class).await
        };
        let stored: Option<Result<Admission, StoreError>> =
            before(self.parts.timer.sleep(deadline.patience_ms()), stored).await;
        let (admission, without_store) = match stored {
            Some(Ok(admission)) => (admission, false),
            Some(Err(_)) | None => (self.parts.local_counts.admit(tenant, class, now), true),
        };
        match admission {
            Admission::Admitted(figures) => Ok(Some(Admitted { figures, without_store })),
            Admission::Refused { figures, retry_after_s } => {
                let problem = Problem::new(ErrorCode::RateLimited, "too many requests; wait as `retry-after` says");
                let problem = problem.header("retry-after", retry_after_s.to_string());
                Err(Refused { problem, figures, without_store })
            }
        }
    }
}
