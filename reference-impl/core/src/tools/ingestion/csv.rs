//! CSV as text: one line a record, `column: value` for each of its fields.

/// The text of a table whose first record names its columns.
///
/// # Errors
///
/// What is wrong with it, with the line.
pub(super) fn text(content: &str) -> Result<String, String> {
    let content = content.strip_prefix('\u{FEFF}').unwrap_or(content);
    let mut reader = csv::ReaderBuilder::new().has_headers(true).flexible(false).from_reader(content.as_bytes());
    let headers = reader.headers().map_err(|error| told(&error))?.clone();
    let mut lines = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| told(&error))?;
        let field = |(name, value): (&str, &str)| {
            let (name, value) = (one_line(name), one_line(value));
            match (name.is_empty(), value.is_empty()) {
                (_, true) => None,
                (true, false) => Some(value),
                (false, false) => Some(format!("{name}: {value}")),
            }
        };
        let line = headers.iter().zip(record.iter()).filter_map(field).collect::<Vec<_>>().join("; ");
        if !line.is_empty() {
            lines.push(line);
        }
    }
    Ok(lines.join("\n"))
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn told(error: &csv::Error) -> String {
    let line = error.position().map_or(0, csv::Position::line);
    if let csv::ErrorKind::UnequalLengths { expected_len, len, .. } = error.kind() {
        format!("CSV line {line} has {len} fields where the header has {expected_len}")
    } else {
        format!("content is not valid CSV at line {line}")
    }
}
