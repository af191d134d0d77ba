//! Reads the contract's files and nothing else: parsing, and naming the file when that fails.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

/// Why the contract's files could not be read.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// A file could not be opened.
    #[error("cannot read `{path}`: expected a file of the contract there")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        cause: std::io::Error,
    },
    /// A YAML file does not parse.
    #[error("`{path}` is not valid YAML")]
    Yaml {
        /// The file.
        path: PathBuf,
        /// Names line and column.
        #[source]
        cause: serde_yaml::Error,
    },
    /// A JSON file does not parse.
    #[error("`{path}` is not valid JSON")]
    Json {
        /// The file.
        path: PathBuf,
        /// Names line and column.
        #[source]
        cause: serde_json::Error,
    },
    /// A file parses but is not what its place calls for.
    #[error("`{path}` at `{pointer}`: {expected}")]
    Shape {
        /// The file.
        path: PathBuf,
        /// JSON pointer of the place.
        pointer: String,
        /// What was expected there.
        expected: String,
    },
}

/// The contract's files, parsed.
#[derive(Debug, Clone)]
pub struct Sources {
    /// Folder of the files.
    pub root: PathBuf,
    /// `openapi.yaml`.
    pub openapi: Value,
    /// `control.yaml`, the test-only control API.
    pub control: Value,
    /// `schemas/*.json` by file name.
    pub schemas: BTreeMap<String, Value>,
    /// `rules.yaml`.
    pub rules: Value,
    /// `tools/*.yaml` by file name.
    pub tools: BTreeMap<String, Value>,
}

impl Sources {
    /// Reads the contract in `root` (the folder that holds `openapi.yaml`).
    ///
    /// # Errors
    ///
    /// [`SourceError`] names the first file that cannot be read or parsed, with line and column where the parser knows them.
    pub fn read(root: &Path) -> Result<Self, SourceError> {
        let mut schemas = BTreeMap::new();
        let folder = root.join("schemas");
        let entries = fs::read_dir(&folder).map_err(|cause| SourceError::Read { path: folder.clone(), cause })?;
        for entry in entries {
            let path = entry.map_err(|cause| SourceError::Read { path: folder.clone(), cause })?.path();
            if path.extension().is_some_and(|extension| extension == "json") {
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                schemas.insert(name, json(&path)?);
            }
        }
        let mut tools = BTreeMap::new();
        let folder = root.join("tools");
        let entries = fs::read_dir(&folder).map_err(|cause| SourceError::Read { path: folder.clone(), cause })?;
        for entry in entries {
            let path = entry.map_err(|cause| SourceError::Read { path: folder.clone(), cause })?.path();
            if path.extension().is_some_and(|extension| extension == "yaml") {
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                tools.insert(name, yaml(&path)?);
            }
        }
        Ok(Self {
            root: root.to_path_buf(),
            openapi: yaml(&root.join("openapi.yaml"))?,
            control: yaml(&root.join("control.yaml"))?,
            schemas,
            rules: yaml(&root.join("rules.yaml"))?,
            tools,
        })
    }
}

fn text(path: &Path) -> Result<String, SourceError> {
    fs::read_to_string(path).map_err(|cause| SourceError::Read { path: path.to_path_buf(), cause })
}

fn yaml(path: &Path) -> Result<Value, SourceError> {
    serde_yaml::from_str(&text(path)?).map_err(|cause| SourceError::Yaml { path: path.to_path_buf(), cause })
}

fn json(path: &Path) -> Result<Value, SourceError> {
    serde_json::from_str(&text(path)?).map_err(|cause| SourceError::Json { path: path.to_path_buf(), cause })
}
