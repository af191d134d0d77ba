//! The upload of a version: its metadata and its modules as one multipart body.

use bytes::Bytes;
use serde_json::Value;

use super::Body;

/// A file of a Worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Module {
    /// Name that others import it by.
    pub name: String,
    /// Its media type, which tells the platform what it is.
    pub media_type: &'static str,
    /// Its content.
    pub bytes: Bytes,
}

/// What is uploaded. It may hold values of secrets, so it shows as names of modules alone.
#[derive(Clone)]
pub struct Upload {
    /// The part `metadata`.
    pub metadata: Value,
    /// The modules, the main one first.
    pub modules: Vec<Module>,
}

impl std::fmt::Debug for Upload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.modules.iter().map(|module| &module.name)).finish()
    }
}

impl Upload {
    /// As a body. The boundary cannot occur in what it separates.
    pub(super) fn body(&self) -> Body {
        let metadata = self.metadata.to_string();
        let mut number = 0_u64;
        let boundary = loop {
            let boundary = format!("plumbline-boundary-{number:016x}");
            let needle = boundary.as_bytes();
            let occurs = |text: &[u8]| text.windows(needle.len()).any(|window| window == needle);
            if !occurs(metadata.as_bytes()) && !self.modules.iter().any(|module| occurs(&module.bytes)) {
                break boundary;
            }
            number += 1;
        };
        let mut bytes = Vec::new();
        let mut part = |head: String, content: &[u8]| {
            bytes.extend_from_slice(
                format!("--{boundary}\r\nContent-Disposition: form-data; {head}\r\n\r\n").as_bytes(),
            );
            bytes.extend_from_slice(content);
            bytes.extend_from_slice(b"\r\n");
        };
        part("name=\"metadata\"\r\nContent-Type: application/json".to_owned(), metadata.as_bytes());
        for module in &self.modules {
            let name = &module.name;
            part(format!("name=\"{name}\"; filename=\"{name}\"\r\nContent-Type: {}", module.media_type), &module.bytes);
        }
        bytes.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
        Body::Multipart { boundary, bytes: Bytes::from(bytes) }
    }
}
