//! The audio of speech jobs in an R2 bucket.
//!
//! An object's key names tenant and job, and its metadata the tenant once more and when it may go. Whoever keeps audio removes some
//! of the tenant's that is past its time, so that what is there does not grow for ever; a rule of the bucket may do so as well.

use std::collections::HashMap;
use std::sync::Arc;

use reference_core::{
    ports::{AudioError, AudioStore, BoxFuture, Clock, UnixMillis},
    tenancy::TenantContext,
};
use worker::{Bucket, Include, send::SendFuture};

/// Names of what the metadata of an object says.
const TENANT: &str = "tenant";
const EXPIRES_AT: &str = "expires_at";
/// Objects that one sweep looks at.
const SWEPT: u32 = 100;

/// Audio of all tenants in one bucket, under keys that begin with the tenant's id.
pub(crate) struct R2Audio {
    bucket: Bucket,
    clock: Arc<dyn Clock>,
}

impl R2Audio {
    pub(crate) fn new(bucket: Bucket, clock: Arc<dyn Clock>) -> Self {
        Self { bucket, clock }
    }

    async fn write(&self, tenant: &TenantContext, job: &str, audio: &[u8], until: UnixMillis) -> worker::Result<()> {
        let metadata = HashMap::from([
            (TENANT.to_owned(), tenant.id().as_str().to_owned()),
            (EXPIRES_AT.to_owned(), until.to_string()),
        ]);
        self.bucket.put(key(tenant, job), audio.to_vec()).custom_metadata(metadata).execute().await?;
        if let Err(error) = self.sweep(tenant).await {
            worker::console_error!("{}: old audio is not removed: {error}", tenant.id().as_str());
        }
        Ok(())
    }

    async fn read(&self, tenant: &TenantContext, job: &str) -> worker::Result<Option<Vec<u8>>> {
        let Some(object) = self.bucket.get(key(tenant, job)).execute().await? else { return Ok(None) };
        let owner = object.custom_metadata()?.remove(TENANT);
        match object.body() {
            Some(body) if owner.as_deref() == Some(tenant.id().as_str()) => body.bytes().await.map(Some),
            Some(_) | None => Ok(None),
        }
    }

    /// Removes audio of the tenant that is past its time.
    async fn sweep(&self, tenant: &TenantContext) -> worker::Result<()> {
        let now = self.clock.now(tenant.id());
        let prefix = key(tenant, "");
        let listed = self.bucket.list().prefix(prefix).limit(SWEPT).include(vec![Include::CustomMetadata]);
        let mut past = Vec::new();
        for object in listed.execute().await?.objects() {
            let until = object.custom_metadata()?.remove(EXPIRES_AT).and_then(|until| until.parse::<UnixMillis>().ok());
            if until.is_some_and(|until| until < now) {
                past.push(object.key());
            }
        }
        if past.is_empty() { Ok(()) } else { self.bucket.delete_multiple(past).await }
    }
}

/// Key of a job's audio. No tenant's id holds a slash.
fn key(tenant: &TenantContext, job: &str) -> String {
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
        let kept = async move { self.write(tenant, job, audio, expires_at).await.map_err(|error| unavailable(&error)) };
        Box::pin(SendFuture::new(kept))
    }

    fn get<'a>(
        &'a self,
        tenant: &'a TenantContext,
        job: &'a str,
    ) -> BoxFuture<'a, Result<Option<Vec<u8>>, AudioError>> {
        Box::pin(SendFuture::new(async move { self.read(tenant, job).await.map_err(|error| unavailable(&error)) }))
    }
}
