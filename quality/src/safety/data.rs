//! Reads the files of labelled safety data.

use std::path::{Path, PathBuf};

use serde::Deserialize;

/// A file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// It cannot be read.
    #[error("{file}: cannot be read ({source}); --data names the folder of the labelled data")]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A line is not as expected.
    #[error("{file}, line {line}: {message}")]
    Line {
        /// The file.
        file: PathBuf,
        /// Its line, from 1.
        line: usize,
        /// What is wrong.
        message: String,
    },
}

/// A place in a text, in code points.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Span {
    /// What stands there.
    #[serde(rename = "type")]
    pub kind: String,
    /// Where it begins.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
    /// Its text.
    pub value: String,
}

/// One line; which fields it has depends on the file.
#[derive(Debug, Clone, Deserialize)]
pub struct Line {
    /// Its id.
    pub id: String,
    /// What it is.
    pub label: String,
    /// `direct` or `indirect`, of an attack.
    #[serde(default)]
    pub kind: String,
    /// The text; of a secret it is decoded.
    #[serde(default)]
    pub text: String,
    /// The text of a secret, in base64.
    #[serde(default)]
    pub text_b64: Option<String>,
    /// Personal data in the text.
    #[serde(default)]
    pub spans: Vec<Span>,
    /// What is asked of a mail.
    #[serde(default)]
    pub question: String,
    /// What was planted in a mail.
    #[serde(default)]
    pub attack: Option<String>,
}

/// The lines of `name` in `folder`.
///
/// # Errors
///
/// [`DataError`] for the first that cannot be used.
pub fn read(folder: &Path, name: &str) -> Result<Vec<Line>, DataError> {
    let file = folder.join(name);
    let text = std::fs::read_to_string(&file).map_err(|source| DataError::Unreadable { file: file.clone(), source })?;
    let mut lines = Vec::new();
    for (number, text) in text.lines().enumerate().filter(|(_, text)| !text.trim().is_empty()) {
        let wrong = |message: String| DataError::Line { file: file.clone(), line: number + 1, message };
        let mut line: Line = serde_json::from_str(text).map_err(|error| wrong(error.to_string()))?;
        if let Some(encoded) = &line.text_b64 {
            let bytes = decode(encoded).ok_or_else(|| wrong("/text_b64: expected base64".to_owned()))?;
            line.text = String::from_utf8_lossy(&bytes).into_owned();
        }
        lines.push(line);
    }
    Ok(lines)
}

/// Standard base64.
fn decode(text: &str) -> Option<Vec<u8>> {
    let (mut bytes, mut held, mut bits) = (Vec::new(), 0_u32, 0_u32);
    for sign in text.trim_end_matches('=').bytes() {
        let value = match sign {
            b'A'..=b'Z' => sign - b'A',
            b'a'..=b'z' => sign - b'a' + 26,
            b'0'..=b'9' => sign - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        held = (held << 6 | u32::from(value)) & 0xffff;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(held >> bits & 0xff).ok()?);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_base64() {
        for (text, plain) in [("", ""), ("Zg==", "f"), ("Zm8=", "fo"), ("Zm9v", "foo"), ("Zm9vYmFy", "foobar")] {
            assert_eq!(decode(text).as_deref(), Some(plain.as_bytes()), "{text}");
        }
        assert_eq!(decode("a*b"), None);
    }

    #[test]
    fn names_the_line_that_is_broken() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.jsonl"), "{\"id\":\"1\",\"label\":\"x\",\"text\":\"t\"}\n{\"id\":2}\n")
            .unwrap();
        let text = read(folder.path(), "a.jsonl").unwrap_err().to_string();
        assert!(text.contains("line 2"), "{text}");
        assert!(read(folder.path(), "b.jsonl").is_err());
    }
}
