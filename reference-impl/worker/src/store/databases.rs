//! The port's side: one handle a tenant, one call of its object a batch.

use std::sync::Arc;

#[cfg(feature = "sabotage")]
use reference_core::sabotage::{self, Sabotage};
use reference_core::{
    ids::JobId,
    ports::{BoxFuture, Database, DatabaseError, Databases, Row, Statement},
    tenancy::TenantContext,
};
use worker::{
    Method, ObjectNamespace, Request, RequestInit, js_sys,
    send::SendFuture,
    wasm_bindgen::{JsValue, prelude::wasm_bindgen},
    wasm_bindgen_futures::JsFuture,
};

use super::message::{Cell, LONGEST_CALL, Order, Outcome, SentStatement, Work, received};

#[wasm_bindgen(wasm_bindgen = worker::wasm_bindgen)]
extern "C" {
    type StoreStub;

    /// The method `order` of `TenantStore`, in the module around this one.
    #[wasm_bindgen(method, catch)]
    fn order(this: &StoreStub, order: &str) -> Result<js_sys::Promise, JsValue>;
}

/// Databases in the objects of one namespace.
pub(crate) struct ObjectDatabases {
    namespace: ObjectNamespace,
    /// Tenants whose object was emptied and not written to since, as far as this isolate knows.
    #[cfg(feature = "control")]
    emptied: Arc<Emptied>,
}

#[cfg(feature = "control")]
type Emptied = std::sync::Mutex<std::collections::HashSet<String>>;

struct ObjectDatabase {
    namespace: ObjectNamespace,
    /// The tenant whose orders these are.
    tenant: String,
    /// Name of its object: the tenant's id.
    object: String,
    #[cfg(feature = "control")]
    emptied: Arc<Emptied>,
}

impl ObjectDatabases {
    pub(crate) fn new(namespace: ObjectNamespace) -> Self {
        Self {
            namespace,
            #[cfg(feature = "control")]
            emptied: Arc::default(),
        }
    }

    /// Whether the tenant may have something stored. An object cannot be asked whether it exists, so every one may that was not
    /// emptied.
    #[cfg(feature = "control")]
    pub(crate) fn holds(&self, tenant: &reference_core::tenancy::TenantId) -> bool {
        !self.emptied.lock().unwrap_or_else(std::sync::PoisonError::into_inner).contains(tenant.as_str())
    }

    /// Has the tenant's object run its jobs after a while. Jobs that it cannot be told of are run with the next request.
    pub(crate) async fn wake_later(&self, tenant: &TenantContext) {
        if let Err(error) = self.of(tenant).ask(Work::WakeLater).await {
            worker::console_error!("{}: no alarm is set for waiting jobs: {error}", tenant.id().as_str());
        }
    }

    /// Tells the tenant's object that a job is being worked on. What it is not told may have the job done twice, and no harm else.
    pub(crate) async fn at_work(&self, tenant: &TenantContext, job: &JobId) {
        if let Err(error) = self.of(tenant).ask(Work::AtWork { job: job.as_str().to_owned() }).await {
            worker::console_error!("{}: a job at work is not watched: {error}", tenant.id().as_str());
        }
    }

    fn of(&self, tenant: &TenantContext) -> ObjectDatabase {
        ObjectDatabase {
            namespace: self.namespace.clone(),
            tenant: tenant.id().as_str().to_owned(),
            object: object_of(tenant),
            #[cfg(feature = "control")]
            emptied: Arc::clone(&self.emptied),
        }
    }
}

/// Name of the tenant's object.
fn object_of(tenant: &TenantContext) -> String {
    #[cfg(feature = "sabotage")]
    if sabotage::on(Sabotage::WorkerObjectsConfused)
        && let Some(other) = sabotage::others(tenant).first()
    {
        return other.id().as_str().to_owned();
    }
    tenant.id().as_str().to_owned()
}

impl Databases for ObjectDatabases {
    /// Asks nothing of the host: the object is made and migrated by the first batch that reaches it.
    fn open<'a>(&'a self, tenant: &'a TenantContext) -> BoxFuture<'a, Result<Arc<dyn Database>, DatabaseError>> {
        Box::pin(async move { Ok(Arc::new(self.of(tenant)) as Arc<dyn Database>) })
    }

    fn destroy<'a>(&'a self, tenant: &'a TenantContext) -> BoxFuture<'a, Result<(), DatabaseError>> {
        Box::pin(SendFuture::new(async move { self.of(tenant).ask(Work::Destroy).await.map(drop) }))
    }
}

impl Database for ObjectDatabase {
    fn batch(&self, statements: Vec<Statement>) -> BoxFuture<'_, Result<Vec<Vec<Row>>, DatabaseError>> {
        let send = |it: Statement| SentStatement {
            sql: it.sql.to_owned(),
            params: it.params.into_iter().map(Cell).collect(),
            guard: it.guard,
        };
        let statements = statements.into_iter().map(send);
        #[cfg(feature = "sabotage")]
        if sabotage::on(Sabotage::WorkerBatchInPieces) {
            let statements: Vec<SentStatement> = statements.collect();
            return Box::pin(SendFuture::new(self.in_pieces(statements)));
        }
        Box::pin(SendFuture::new(self.ask(Work::Batch(statements.collect()))))
    }

    #[cfg(feature = "sabotage")]
    fn batch_counts(&self, statements: Vec<Statement>) -> BoxFuture<'_, Result<Vec<Vec<Row>>, DatabaseError>> {
        if !sabotage::on(Sabotage::WorkerCountsShared) {
            return self.batch(statements);
        }
        let (tenant, object) = ("all-tenants".to_owned(), "all-tenants".to_owned());
        let all = Self { namespace: self.namespace.clone(), tenant, object, emptied: Arc::clone(&self.emptied) };
        Box::pin(SendFuture::new(async move { all.batch(statements).await }))
    }
}

#[cfg(feature = "sabotage")]
impl ObjectDatabase {
    async fn in_pieces(&self, statements: Vec<SentStatement>) -> Result<Vec<Vec<Row>>, DatabaseError> {
        let mut rows = Vec::new();
        for statement in statements {
            rows.extend(self.ask(Work::Batch(vec![statement])).await?);
        }
        Ok(rows)
    }
}

impl ObjectDatabase {
    async fn ask(&self, work: Work) -> Result<Vec<Vec<Row>>, DatabaseError> {
        #[cfg(feature = "control")]
        let destroys = matches!(work, Work::Destroy);
        let order = Order { tenant: self.tenant.clone(), work };
        let answer = self.answer(&order).await;
        #[cfg(feature = "control")]
        if answer.is_ok() {
            let mut emptied = self.emptied.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            if destroys {
                emptied.insert(self.tenant.clone())
            } else {
                emptied.remove(&self.tenant)
            };
        }
        answer
    }

    async fn answer(&self, order: &Order) -> Result<Vec<Vec<Row>>, DatabaseError> {
        match self.send(order).await.map_err(|error| DatabaseError::Unavailable { reason: error.to_string() })? {
            Outcome::Rows(rows) => Ok(received(rows)),
            Outcome::GuardFailed { index } => Err(DatabaseError::GuardFailed { index }),
            Outcome::Refused { index, reason } => Err(DatabaseError::Refused { index, reason }),
            Outcome::Unavailable { reason } => Err(DatabaseError::Unavailable { reason }),
        }
    }

    /// The stub belongs to the request that is being served, so it is made for each order.
    async fn send(&self, order: &Order) -> worker::Result<Outcome> {
        let text = serde_json::to_string(order)?;
        if text.len() > LONGEST_CALL {
            return self.send_long(&text).await;
        }
        let stub: StoreStub = self.namespace.get_by_name(&self.object)?.into_rpc();
        let answer = JsFuture::from(stub.order(&text)?).await?;
        let answer =
            answer.as_string().ok_or_else(|| worker::Error::RustError("the object answered no text".to_owned()))?;
        if !answer.is_empty() {
            return Ok(serde_json::from_str(&answer)?);
        }
        let reads = |work: &Work| matches!(work, Work::Batch(all) if all.iter().all(|it| it.sql.starts_with("SELECT")));
        if reads(&order.work) {
            return self.send_long(&text).await;
        }
        Err(worker::Error::RustError("the object's answer to a write is too long".to_owned()))
    }

    /// The same as a request, for what is too long for a call.
    async fn send_long(&self, text: &str) -> worker::Result<Outcome> {
        let stub = self.namespace.get_by_name(&self.object)?;
        let mut init = RequestInit::new();
        init.with_method(Method::Post).with_body(Some(JsValue::from_str(text)));
        let mut response = stub.fetch_with_request(Request::new_with_init("https://tenant-store/", &init)?).await?;
        let text = response.text().await?;
        if response.status_code() != 200 {
            return Err(worker::Error::RustError(format!("the object answered {}", response.status_code())));
        }
        Ok(serde_json::from_str(&text)?)
    }
}
