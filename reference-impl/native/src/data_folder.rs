//! The folder that everything durable lies in, held by one server at a time.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use reference_core::ports::Ids;

use crate::ids::OsIds;

const LOCK_FILE: &str = ".lock";
const SECRET_FILE: &str = ".secret";
const SECRET_BYTES: usize = 32;

/// A data folder, locked while this lives.
#[derive(Debug)]
pub struct DataFolder {
    path: PathBuf,
    temporary: bool,
    _lock: File,
}

/// Why a folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataFolderError {
    /// Two servers would run the same jobs.
    #[error("data folder `{}` is in use by another server; stop it or choose another with --data", path.display())]
    InUse {
        /// The folder.
        path: PathBuf,
    },
    /// The folder cannot be made, read or written.
    #[error("data folder `{}` cannot be used; expected a folder that can be written", path.display())]
    Unusable {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl DataFolder {
    /// Opens or makes the folder and locks it.
    ///
    /// # Errors
    ///
    /// [`DataFolderError`].
    pub fn open(path: &Path) -> Result<Self, DataFolderError> {
        Self::take(path, false)
    }

    /// Makes an empty folder below the system's temporary one; it is removed when this is dropped.
    ///
    /// # Errors
    ///
    /// [`DataFolderError`].
    pub fn temporary() -> Result<Self, DataFolderError> {
        let mut bytes = [0; 8];
        OsIds.fill(&mut bytes);
        let name = bytes.iter().fold("plumbline-demo-".to_owned(), |name, byte| name + &format!("{byte:02x}"));
        Self::take(&std::env::temp_dir().join(name), true)
    }

    fn take(path: &Path, temporary: bool) -> Result<Self, DataFolderError> {
        let unusable = |source| DataFolderError::Unusable { path: path.to_owned(), source };
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(path).map_err(unusable)?;
        let options = OpenOptions::new().create(true).truncate(false).write(true).open(path.join(LOCK_FILE));
        let lock = options.map_err(unusable)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), temporary, _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(DataFolderError::InUse { path: path.to_owned() }),
            Err(TryLockError::Error(source)) => Err(unusable(source)),
        }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The secret that cursors are made with: read, or made when the folder is new.
    ///
    /// # Errors
    ///
    /// [`DataFolderError::Unusable`].
    pub fn secret(&self) -> Result<Vec<u8>, DataFolderError> {
        let file = self.path.join(SECRET_FILE);
        let unusable = |source| DataFolderError::Unusable { path: file.clone(), source };
        match fs::read(&file) {
            Ok(secret) if secret.len() == SECRET_BYTES => return Ok(secret),
            Ok(_) => return Err(unusable(io::Error::other("expected 32 bytes"))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(unusable(error)),
        }
        let mut secret = vec![0; SECRET_BYTES];
        OsIds.fill(&mut secret);
        // Written beside and renamed, so that a crash leaves a whole secret or none.
        let beside = self.path.join(".secret.new");
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let written = options.open(&beside).and_then(|mut new| {
            new.write_all(&secret)?;
            new.sync_all()?;
            fs::rename(&beside, &file)?;
            File::open(&self.path)?.sync_all()
        });
        written.map_err(unusable).map(|()| secret)
    }
}

impl Drop for DataFolder {
    fn drop(&mut self) {
        if self.temporary {
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn belongs_to_one_server_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/data");
        let held = DataFolder::open(&path).unwrap();
        assert!(matches!(DataFolder::open(&path), Err(DataFolderError::InUse { .. })));
        drop(held);
        assert!(DataFolder::open(&path).is_ok());
    }

    #[test]
    fn keeps_its_secret() {
        let folder = tempfile::tempdir().unwrap();
        let first = DataFolder::open(folder.path()).unwrap().secret().unwrap();
        assert_eq!(DataFolder::open(folder.path()).unwrap().secret().unwrap(), first);
        let other = DataFolder::temporary().unwrap();
        assert_ne!(other.secret().unwrap(), first);
        fs::write(folder.path().join(SECRET_FILE), "short").unwrap();
        assert!(DataFolder::open(folder.path()).unwrap().secret().is_err());
    }

    #[test]
    fn leaves_nothing_of_a_temporary_folder() {
        let data = DataFolder::temporary().unwrap();
        let path = data.path().to_owned();
        assert!(path.is_dir());
        drop(data);
        assert!(!path.exists());
    }
}
