//! Text of DOCX and PDF files, within bounds of memory.

mod docx;
mod pdf;
#[cfg(test)]
mod tests;

use reference_core::tools::{Converter, ConverterError, FileKind};

/// This host's converter.
#[derive(Debug, Clone, Copy)]
pub struct Files;

impl Converter for Files {
    fn convert(&self, kind: FileKind, bytes: &[u8], most_bytes: usize) -> Result<String, ConverterError> {
        let text = match kind {
            FileKind::Docx => docx::text(bytes, most_bytes),
            FileKind::Pdf => pdf::text(bytes),
        }
        .map_err(ConverterError)?;
        if text.len() > most_bytes {
            return Err(too_much(kind));
        }
        Ok(text)
    }
}

fn too_much(kind: FileKind) -> ConverterError {
    ConverterError(format!("the {} comes to too much text", kind.as_str()))
}
