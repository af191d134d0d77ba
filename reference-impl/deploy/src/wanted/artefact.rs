//! The built Worker: a folder of modules, known by a hash of all of them.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::api::Module;

/// Module that the platform calls.
pub(crate) const MAIN: &str = "index.js";

/// A built Worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artefact {
    /// Folder that it was read from.
    pub folder: PathBuf,
    /// Its modules, the main one first, the others by name.
    pub modules: Vec<Module>,
    /// SHA-256 over names and contents, in hex.
    pub hash: String,
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub enum ArtefactError {
    /// The folder cannot be read.
    #[error(
        "expected a built Worker in {0}; `reference-impl/worker/build.sh` makes it, `--artefact DIR` names another folder"
    )]
    Folder(PathBuf, #[source] std::io::Error),
    /// There is no main module.
    #[error("expected the module index.js in {0}")]
    Main(PathBuf),
    /// A file that a Worker cannot carry.
    #[error("expected only modules (.js, .mjs, .wasm, .txt, .html, .bin), found {0}")]
    Strange(PathBuf),
}

impl Artefact {
    /// None at all, for what uploads nothing: an incident is no time to build a Worker in.
    pub(crate) fn absent() -> Self {
        Self { folder: PathBuf::new(), modules: Vec::new(), hash: String::new() }
    }

    /// Reads `folder`.
    ///
    /// # Errors
    ///
    /// [`ArtefactError`].
    pub fn read(folder: &Path) -> Result<Self, ArtefactError> {
        let failed = |error| ArtefactError::Folder(folder.to_owned(), error);
        let mut modules = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let media_type = match path.extension().and_then(|it| it.to_str()) {
                Some("js" | "mjs") => "application/javascript+module",
                Some("wasm") => "application/wasm",
                Some("txt" | "html") => "text/plain",
                Some("bin") => "application/octet-stream",
                Some(_) | None => return Err(ArtefactError::Strange(path)),
            };
            let bytes = Bytes::from(std::fs::read(&path).map_err(failed)?);
            modules.push(Module { name, media_type, bytes });
        }
        modules.sort_by(|a, b| (a.name != MAIN, &a.name).cmp(&(b.name != MAIN, &b.name)));
        if modules.first().is_none_or(|module| module.name != MAIN) {
            return Err(ArtefactError::Main(folder.to_owned()));
        }
        let mut hash = Sha256::new();
        for module in &modules {
            hash.update((module.name.len() as u64).to_be_bytes());
            hash.update(&module.name);
            hash.update((module.bytes.len() as u64).to_be_bytes());
            hash.update(&module.bytes);
        }
        let hash = hex::encode(hash.finalize());
        Ok(Self { folder: folder.to_owned(), modules, hash })
    }
}
