//! Handlers that break when told to.

use std::sync::Arc;

use reference_core::ports::BoxFuture;
use reference_core::tenancy::TenantId;
use reference_http::BeforeCall;

use super::{Faults, Strike};

/// The faults of [`super::Port::Handler`], met before each call.
pub struct FaultyHandlers {
    faults: Arc<Faults>,
}

impl FaultyHandlers {
    /// Handlers behind `faults`.
    pub fn new(faults: Arc<Faults>) -> Self {
        Self { faults }
    }
}

impl BeforeCall for FaultyHandlers {
    fn before<'a>(&'a self, operation: &'static str, tenant: Option<&'a TenantId>) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            match self.faults.strike_handler(operation, tenant).await {
                None => {}
                // The edge must take a panic for one failed request; so the fault is a real one.
                Some(strike @ (Strike::Refused | Strike::Status(_) | Strike::Garbage)) => {
                    panic!("the handler of `{operation}` breaks: {}", strike.reason())
                }
            }
        })
    }
}
