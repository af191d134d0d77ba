//! The answer cache in a KV namespace.
//!
//! KV is eventually consistent, so that nothing it holds may be trusted to be the newest. It need not be: core's keys are
//! digests over the corpus version and the mark of the tenant's store, both read from its object, and what lies under a key is
//! the same for as long as it lies there. An old copy, or a deletion that has not arrived, can only be found by a search of that
//! very corpus.

use std::sync::Arc;

use reference_core::{
    ports::{BoxFuture, Clock, KeyValue, KeyValueError, KeyValueFigures, UnixMillis},
    sabotage::{self, Sabotage},
    tenancy::{TenantContext, TenantId},
};
use serde::{Deserialize, Serialize};
use worker::{
    KvError, KvStore, js_sys,
    send::SendFuture,
    wasm_bindgen::{JsCast as _, JsValue},
};

/// The host refuses to drop an entry sooner, in seconds. Whoever reads compares times itself.
const SHORTEST_TTL_S: u64 = 60;
/// No entry is kept for longer, in seconds: thirty days.
const LONGEST_TTL_S: u64 = 30 * 24 * 3600;
/// Longest name that the host takes, in bytes.
const NAME_BYTES: usize = 512;
/// Entries that one clearing removes, which fails where there are more: a request may make a thousand calls of bindings. What is left
/// after a change of documents can never be found again and goes when its time is over.
const CLEARED: usize = 400;
/// Pages of a thousand entries that are counted; a tenant with more is told to have so many.
const COUNTED_PAGES: usize = 10;

/// What is stored with an entry: whose it is, so that one that got under another's name is not believed.
#[derive(Serialize, Deserialize)]
struct Owner {
    tenant: String,
    /// Bytes of name and value; entries of an earlier release do not say.
    #[serde(default)]
    bytes: u64,
}

/// Entries of all tenants in one namespace, under names that begin with the tenant's id.
pub(crate) struct KvCache {
    namespace: KvStore,
    clock: Arc<dyn Clock>,
}

impl KvCache {
    pub(crate) fn new(namespace: KvStore, clock: Arc<dyn Clock>) -> Self {
        Self { namespace, clock }
    }

    async fn read(&self, tenant: &TenantId, key: &str) -> Result<Option<String>, KeyValueError> {
        let Some(name) = name(tenant, key) else { return Ok(None) };
        let found = self.namespace.get(&name).text_with_metadata::<Owner>().await;
        let (value, owner) = found.map_err(|error| unavailable(&error))?;
        let shared = sabotage::on(Sabotage::BindingCacheShared);
        Ok(value.filter(|_| shared || owner.is_some_and(|owner| owner.tenant == tenant.as_str())))
    }

    async fn write(&self, tenant: &TenantId, key: &str, value: &str, until: UnixMillis) -> Result<(), KeyValueError> {
        let Some(name) = name(tenant, key) else { return Ok(()) };
        let left_ms = until.saturating_sub(self.clock.now(tenant));
        let ttl_s = u64::try_from(left_ms).unwrap_or_default().div_ceil(1000).clamp(SHORTEST_TTL_S, LONGEST_TTL_S);
        let owner = Owner { tenant: tenant.as_str().to_owned(), bytes: (name.len() + value.len()) as u64 };
        let put = self.namespace.put(&name, value).and_then(|put| put.expiration_ttl(ttl_s).metadata(owner));
        match put.map_err(|error| unavailable(&error))?.execute().await {
            // A name may be written once a second: then another request has just written the same answer.
            Err(error) if said(&error).contains("429") => Ok(()),
            other => other.map_err(|error| unavailable(&error)),
        }
    }

    /// Counts by listing, which shows a write or a deletion as late as everything there. The host drops nothing for want of room.
    async fn count(&self, tenant: &TenantId) -> Result<KeyValueFigures, KvError> {
        let (mut figures, mut cursor) = (KeyValueFigures::default(), None);
        for _ in 0..COUNTED_PAGES {
            let mut asked = self.namespace.list().prefix(format!("{}/", tenant.as_str()));
            if let Some(cursor) = cursor {
                asked = asked.cursor(cursor);
            }
            let page = asked.execute().await?;
            figures.entries += page.keys.len() as u64;
            let owners = page.keys.into_iter().filter_map(|key| serde_json::from_value::<Owner>(key.metadata?).ok());
            figures.bytes += owners.map(|owner| owner.bytes).sum::<u64>();
            cursor = page.cursor;
            if page.list_complete || cursor.is_none() {
                break;
            }
        }
        Ok(figures)
    }

    async fn remove_all(&self, tenant: &TenantId) -> Result<(), KeyValueError> {
        let listed =
            self.namespace.list().prefix(format!("{}/", tenant.as_str())).limit(CLEARED as u64).execute().await;
        let listed = listed.map_err(|error| unavailable(&error))?;
        for key in listed.keys {
            self.namespace.delete(&key.name).await.map_err(|error| unavailable(&error))?;
        }
        if listed.list_complete {
            return Ok(());
        }
        Err(KeyValueError::Unavailable { reason: format!("{CLEARED} entries are removed, and there are more") })
    }
}

/// Name of an entry; `None` for one that is too long to be kept. No tenant's id holds a slash.
fn name(tenant: &TenantId, key: &str) -> Option<String> {
    let tenant = if sabotage::on(Sabotage::BindingCacheShared) { "all" } else { tenant.as_str() };
    let name = format!("{tenant}/{key}");
    (name.len() <= NAME_BYTES).then_some(name)
}

/// What the host said.
fn said(error: &KvError) -> String {
    match error {
        KvError::JavaScript(value) => {
            let message = value.dyn_ref::<js_sys::Error>().map(|error| String::from(error.message()));
            message.or_else(|| JsValue::as_string(value)).unwrap_or_else(|| format!("{value:?}"))
        }
        KvError::Serialization(_) | KvError::InvalidKvStore(_) => error.to_string(),
    }
}

fn unavailable(error: &KvError) -> KeyValueError {
    KeyValueError::Unavailable { reason: said(error) }
}

impl KeyValue for KvCache {
    fn get<'a>(
        &'a self,
        tenant: &'a TenantContext,
        key: &'a str,
    ) -> BoxFuture<'a, Result<Option<String>, KeyValueError>> {
        Box::pin(SendFuture::new(self.read(tenant.id(), key)))
    }

    fn put<'a>(
        &'a self,
        tenant: &'a TenantContext,
        key: &'a str,
        value: String,
        expires_at: UnixMillis,
    ) -> BoxFuture<'a, Result<(), KeyValueError>> {
        Box::pin(SendFuture::new(async move { self.write(tenant.id(), key, &value, expires_at).await }))
    }

    fn clear<'a>(&'a self, tenant: &'a TenantContext) -> BoxFuture<'a, Result<(), KeyValueError>> {
        Box::pin(SendFuture::new(self.remove_all(tenant.id())))
    }

    /// Nothing is known without asking the host.
    fn figures(&self, _tenant: &TenantContext) -> KeyValueFigures {
        KeyValueFigures::default()
    }

    fn counted<'a>(&'a self, tenant: &'a TenantContext) -> BoxFuture<'a, KeyValueFigures> {
        Box::pin(SendFuture::new(async move { self.count(tenant.id()).await.unwrap_or_default() }))
    }
}
