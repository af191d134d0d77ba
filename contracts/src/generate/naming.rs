//! Names in generated code.

/// `get_job` or `dense-scan` or `x-request-id` as `GetJob`, `DenseScan`, `XRequestId`.
pub fn pascal(name: &str) -> String {
    name.split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(|word| {
            let shouting = word.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
            let mut letters = word.chars();
            let first = letters.next().map(|c| c.to_ascii_uppercase()).into_iter();
            let rest: String =
                if shouting { letters.as_str().to_ascii_lowercase() } else { letters.as_str().to_owned() };
            first.collect::<String>() + &rest
        })
        .collect()
}

/// `Idempotency-Key`, `$eq`, `JobResult` as `idempotency_key`, `eq`, `job_result`.
pub fn snake(name: &str) -> String {
    let mut snake = String::new();
    let mut previous_lower = false;
    for c in name.chars() {
        if c.is_ascii_alphanumeric() {
            if c.is_ascii_uppercase() && previous_lower {
                snake.push('_');
            }
            snake.push(c.to_ascii_lowercase());
            previous_lower = c.is_ascii_lowercase() || c.is_ascii_digit();
        } else {
            if !snake.is_empty() && !snake.ends_with('_') {
                snake.push('_');
            }
            previous_lower = false;
        }
    }
    snake.trim_end_matches('_').to_owned()
}

/// A field name that Rust accepts: keywords become raw.
pub fn field(name: &str) -> String {
    let name = snake(name);
    match name.as_str() {
        "type" | "async" | "ref" | "in" | "use" | "match" | "move" | "where" | "loop" | "for" | "if" | "static" => {
            format!("r#{name}")
        }
        "self" | "super" | "crate" => format!("{name}_"),
        _ => name,
    }
}

/// A variant name for a string of an enum.
pub fn variant(value: &str) -> String {
    let name = pascal(value);
    match name.chars().next() {
        None => "Empty".to_owned(),
        Some(first) if first.is_ascii_digit() => format!("V{name}"),
        Some(_) if name == "Self" => "SelfValue".to_owned(),
        Some(_) => name,
    }
}

/// Text as a Rust string literal.
pub fn literal(text: &str) -> String {
    format!("{text:?}")
}

/// Text as the lines of a doc comment.
pub fn doc(indent: &str, text: &str) -> String {
    use std::fmt::Write;
    let mut out = String::new();
    for line in text.lines() {
        let line = line.trim();
        let _ = if line.is_empty() { writeln!(out, "{indent}///") } else { writeln!(out, "{indent}/// {line}") };
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{field, pascal, snake, variant};

    #[test]
    fn makes_rust_names_of_wire_names() {
        for (wire, wanted) in
            [("get_job", "GetJob"), ("VALIDATION_ERROR", "ValidationError"), ("chat:write", "ChatWrite")]
        {
            assert_eq!(pascal(wire), wanted);
        }
        for (wire, wanted) in
            [("Idempotency-Key", "idempotency_key"), ("$eq", "eq"), ("JobResult", "job_result"), ("p50_ms", "p50_ms")]
        {
            assert_eq!(snake(wire), wanted);
        }
        assert_eq!(field("async"), "r#async");
        assert_eq!(variant("2xx"), "V2xx");
    }
}
