//! The audio of speech jobs in an R2 bucket.
//!
//! An object's key names tenant and job, and its metadata the tenant once more and when it may go. Whoever keeps audio looks through
//! what the tenant has there: what is past its time goes, and the rest counts towards the tenant's bound.

use std::collections::HashMap;
use std::sync::Arc;

use reference_core::{
    ports::{AudioError, AudioStore, BoxFuture, Clock, MOST_AUDIO_BYTES, UnixMillis},
    sabotage::{self, Sabotage},
    tenancy::TenantContext,
};
use worker::{Bucket, Include, send::SendFuture};

/// Names of what the metadata of an object says.
const TENANT: &str = "tenant";
const EXPIRES_AT: &str = "expires_at";
/// Objects of one listing, and of one deletion.
const LISTED: u32 = 1000;

/// Audio of all tenants in one bucket, under keys that begin with the tenant's id.
pub(crate) struct R2Audio {
    bucket: Bucket,
    clock: Arc<dyn Clock>,
    /// Most bytes of a tenant.
    most_bytes: u64,
}

/// What lies in the bucket of a tenant.
#[derive(Default)]
struct Held {
    /// Bytes of what may still be asked for, without the object that is written anew.
    bytes: u64,
    /// Keys of what is past its time.
    past: Vec<String>,
}

impl R2Audio {
    pub(crate) fn new(bucket: Bucket, clock: Arc<dyn Clock>) -> Self {
        Self { bucket, clock, most_bytes: MOST_AUDIO_BYTES }
    }

    /// The same with a lower bound for each tenant.
    #[cfg(feature = "control")]
    pub(crate) fn bounded(self, most_bytes: u64) -> Self {
        Self { most_bytes, ..self }
    }

    async fn write(
        &self,
        tenant: &TenantContext,
        job: &str,
        audio: &[u8],
        until: UnixMillis,
    ) -> Result<(), AudioError> {
        let key = key(tenant, job);
        let held = self.held(tenant, &key).await.map_err(|error| unavailable(&error))?;
        // What cannot be removed now is found again by the next who keeps something.
        if !held.past.is_empty()
            && let Err(error) = self.bucket.delete_multiple(held.past).await
        {
            worker::console_error!("{}: old audio is not removed: {error}", tenant.id().as_str());
        }
        if held.bytes.saturating_add(audio.len() as u64) > self.most_bytes {
            return Err(AudioError::Full);
        }
        let metadata = HashMap::from([
            (TENANT.to_owned(), tenant.id().as_str().to_owned()),
            (EXPIRES_AT.to_owned(), until.to_string()),
        ]);
        let put = self.bucket.put(key, audio.to_vec()).custom_metadata(metadata).execute().await;
        put.map(drop).map_err(|error| unavailable(&error))
    }

    async fn read(&self, tenant: &TenantContext, job: &str) -> worker::Result<Option<Vec<u8>>> {
        let Some(object) = self.bucket.get(key(tenant, job)).execute().await? else { return Ok(None) };
        let owner = object.custom_metadata()?.remove(TENANT);
        let shared = sabotage::on(Sabotage::BindingAudioShared);
        match object.body() {
            Some(body) if shared || owner.as_deref() == Some(tenant.id().as_str()) => body.bytes().await.map(Some),
            Some(_) | None => Ok(None),
        }
    }

    async fn held(&self, tenant: &TenantContext, without: &str) -> worker::Result<Held> {
        let now = self.clock.now(tenant.id());
        let (mut held, mut cursor) = (Held::default(), None);
        loop {
            let mut asked = self.bucket.list().prefix(key(tenant, "")).limit(LISTED);
            asked = asked.include(vec![Include::CustomMetadata]);
            if let Some(cursor) = cursor {
                asked = asked.cursor(cursor);
            }
            let page = asked.execute().await?;
            for object in page.objects() {
                let until = object.custom_metadata()?.remove(EXPIRES_AT).and_then(|it| it.parse::<UnixMillis>().ok());
                if until.is_some_and(|until| until < now) && held.past.len() < LISTED as usize {
                    held.past.push(object.key());
                } else if object.key() != without {
                    held.bytes = held.bytes.saturating_add(object.size());
                }
            }
            cursor = page.cursor();
            if !page.truncated() || cursor.is_none() {
                return Ok(held);
            }
        }
    }

    /// Removes until a listing names nothing more.
    async fn remove_all(&self, tenant: &TenantContext) -> worker::Result<usize> {
        let mut removed = 0;
        if sabotage::on(Sabotage::BindingAudioStays) {
            return Ok(removed);
        }
        loop {
            let page = self.bucket.list().prefix(key(tenant, "")).limit(LISTED).execute().await?;
            let keys: Vec<String> = page.objects().iter().map(worker::Object::key).collect();
            if keys.is_empty() {
                return Ok(removed);
            }
            removed += keys.len();
            self.bucket.delete_multiple(keys).await?;
        }
    }
}

/// Key of a job's audio. No tenant's id holds a slash.
fn key(tenant: &TenantContext, job: &str) -> String {
    if sabotage::on(Sabotage::BindingAudioShared) {
        return format!("all/{job}");
    }
    format!("{}/{job}", tenant.id().as_str())
}

fn unavailable(error: &worker::Error) -> AudioError {
    AudioError::Unavailable { reason: error.to_string() }
}

impl AudioStore for R2Audio {
    fn put<'a>(
        &'a self,
        tenant: &'a TenantContext,
        job: &'a str,
        audio: &'a [u8],
        expires_at: UnixMillis,
    ) -> BoxFuture<'a, Result<(), AudioError>> {
        Box::pin(SendFuture::new(self.write(tenant, job, audio, expires_at)))
    }

    fn get<'a>(
        &'a self,
        tenant: &'a TenantContext,
        job: &'a str,
    ) -> BoxFuture<'a, Result<Option<Vec<u8>>, AudioError>> {
        Box::pin(SendFuture::new(async move { self.read(tenant, job).await.map_err(|error| unavailable(&error)) }))
    }

    fn remove<'a>(&'a self, tenant: &'a TenantContext, job: &'a str) -> BoxFuture<'a, Result<(), AudioError>> {
        let removed = async move { self.bucket.delete(key(tenant, job)).await.map_err(|error| unavailable(&error)) };
        Box::pin(SendFuture::new(removed))
    }

    fn clear<'a>(&'a self, tenant: &'a TenantContext) -> BoxFuture<'a, Result<usize, AudioError>> {
        Box::pin(SendFuture::new(async move { self.remove_all(tenant).await.map_err(|error| unavailable(&error)) }))
    }
}
