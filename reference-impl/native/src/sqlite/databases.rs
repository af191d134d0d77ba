//! Every tenant's database in one folder: `<data>/<tenant>/tenant.sqlite3`.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use reference_core::ports::{BoxFuture, Database, DatabaseError, Databases};
use reference_core::tenancy::{TenantContext, TenantId};
use tokio::sync::Mutex as AsyncMutex;

use super::connection::unavailable;
use super::database::{Plans, SqliteDatabase};

const FILE: &str = "tenant.sqlite3";

/// One SQLite file for each tenant. A tenant's id holds no separator and no dot, so its folder is its own.
pub struct SqliteDatabases {
    folder: PathBuf,
    plans: Arc<Plans>,
    tenants: Mutex<HashMap<TenantId, Arc<Slot>>>,
}

/// Held while the tenant's database is opened or destroyed, so that neither meets the other halfway.
type Slot = AsyncMutex<Option<Arc<SqliteDatabase>>>;

impl SqliteDatabases {
    /// Databases below `folder`, which is made when the first tenant is opened.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), plans: Arc::default(), tenants: Mutex::default() }
    }

    /// Whether anything of the tenant lies in the folder.
    pub fn holds(&self, tenant: &TenantId) -> bool {
        self.folder_of(tenant).exists()
    }

    fn folder_of(&self, tenant: &TenantId) -> PathBuf {
        self.folder.join(tenant.as_str())
    }

    fn slot(&self, tenant: &TenantId) -> Arc<Slot> {
        let mut tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(tenants.entry(tenant.clone()).or_default())
    }
}

impl Databases for SqliteDatabases {
    fn open<'a>(&'a self, tenant: &'a TenantContext) -> BoxFuture<'a, Result<Arc<dyn Database>, DatabaseError>> {
        Box::pin(async move {
            let slot = self.slot(tenant.id());
            let mut slot = slot.lock().await;
            if let Some(database) = &*slot {
                return Ok(Arc::clone(database) as Arc<dyn Database>);
            }
            let (folder, plans) = (self.folder_of(tenant.id()), Arc::clone(&self.plans));
            let opened = blocking(move || {
                make_folder(&folder).map_err(|error| unavailable(&format!("`{}`: {error}", folder.display())))?;
                SqliteDatabase::open(folder.join(FILE), plans)
            });
            let database = Arc::new(opened.await?);
            *slot = Some(Arc::clone(&database));
            Ok(database as Arc<dyn Database>)
        })
    }

    fn destroy<'a>(&'a self, tenant: &'a TenantContext) -> BoxFuture<'a, Result<(), DatabaseError>> {
        Box::pin(async move {
            let slot = self.slot(tenant.id());
            let mut slot = slot.lock().await;
            if let Some(database) = slot.take() {
                database.close().await;
            }
            let folder = self.folder_of(tenant.id());
            blocking(move || {
                let removed = remove_folder(&folder);
                removed.map_err(|error| unavailable(&format!("`{}`: {error}", folder.display())))
            })
            .await
        })
    }
}

/// Makes the folder, readable by its owner alone, and lets the disk know before anything is stored in it.
fn make_folder(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)?;
    sync_parent(folder)
}

fn remove_folder(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Ok(()) => sync_parent(folder),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

fn sync_parent(folder: &Path) -> io::Result<()> {
    folder.parent().map_or(Ok(()), |parent| File::open(parent)?.sync_all())
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, DatabaseError> + Send + 'static,
) -> Result<T, DatabaseError> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(unavailable(&error.to_string())))
}

#[cfg(test)]
mod tests;
