//! One run at a time for each Worker, as far as one machine can see to it: a lock file beside the journals.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use crate::wanted::Wanted;

/// Why a Worker may not be worked on.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Somebody else is at it.
    #[error(
        "another run of deploy on this machine is at work on the Worker `{0}` now; wait for its end ({1} is its lock)"
    )]
    Taken(String, PathBuf),
    /// There can be no lock.
    #[error("expected a lock file that can be written, {0}")]
    File(PathBuf, #[source] std::io::Error),
}

/// A lock; it ends with this value, and with the process however that ends.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "the system holds the lock as long as the file is open")] File);

impl Lock {
    /// Takes the lock of a Worker of an account in `folder`.
    ///
    /// # Errors
    ///
    /// [`LockError`].
    pub fn take(folder: &Path, wanted: &Wanted) -> Result<Self, LockError> {
        let path = folder.join(format!("{}-{}.lock", wanted.deployment.account.id, wanted.worker()));
        let failed = |error| LockError::File(path.clone(), error);
        fs::create_dir_all(folder).map_err(failed)?;
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => Err(LockError::Taken(wanted.worker().to_owned(), path)),
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }
}
