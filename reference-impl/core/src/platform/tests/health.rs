//! Health of ports that do not answer.

use super::*;
use crate::ports::{DatabaseError, Databases};

/// Databases that never answer.
struct Hanging;

impl Databases for Hanging {
    fn open<'a>(&'a self, _tenant: &'a TenantContext) -> BoxFuture<'a, Result<Arc<dyn Database>, DatabaseError>> {
        Box::pin(std::future::pending())
    }

    fn destroy<'a>(&'a self, _tenant: &'a TenantContext) -> BoxFuture<'a, Result<(), DatabaseError>> {
        Box::pin(std::future::pending())
    }
}

#[tokio::test]
async fn a_port_that_never_answers_is_down_and_the_others_are_told_all_the_same() {
    let house = house();
    let ports = Ports { databases: Arc::new(Hanging), ..house.platform.ports().clone() };
    let health = ports.health(&house.tenants.owner(), || Box::pin(std::future::ready(()))).await;
    let told: Vec<_> = health.iter().map(|it| (it.name, it.state)).collect();
    let (down, up) = (DependencyState::Down, DependencyState::Up);
    assert_eq!(told, [("database", down), ("cache", up), ("embedder", up)]);
}
