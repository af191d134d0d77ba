//! Which metrics an expression reads. Prometheus is the judge of an expression; this only finds names in it.

use std::collections::BTreeSet;

/// Words of the language that stand where a metric could.
const WORDS: [&str; 16] = [
    "and",
    "or",
    "unless",
    "on",
    "by",
    "without",
    "ignoring",
    "group_left",
    "group_right",
    "offset",
    "bool",
    "sum",
    "min",
    "max",
    "avg",
    "topk",
];
/// Endings of a histogram's series.
const ENDINGS: [&str; 3] = ["_bucket", "_sum", "_count"];

/// The names of metrics and of recorded series in `expression`, in order of the alphabet.
pub fn metrics_of(expression: &str) -> BTreeSet<String> {
    let text = without_lists(expression);
    let mut found = BTreeSet::new();
    let mut rest = text.as_str();
    while let Some(start) = rest.find(|c: char| c.is_ascii_alphabetic() || c == '_') {
        // A letter behind a digit or a dollar sign is a unit or a variable of Grafana.
        let before = rest[..start].chars().next_back();
        let end = rest[start..]
            .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | ':')))
            .map_or(rest.len(), |length| start + length);
        let word = &rest[start..end];
        let called = rest[end..].trim_start().starts_with('(');
        let part = before.is_some_and(|c| c.is_ascii_digit() || matches!(c, '$' | '.'));
        if !called && !part && !WORDS.contains(&word) {
            found.insert(word.to_owned());
        }
        rest = &rest[end..];
    }
    found
}

/// The name under which a metric is declared: without the ending of a histogram's series.
pub fn base_name(series: &str) -> &str {
    ENDINGS
        .iter()
        .find_map(|ending| series.strip_suffix(ending).filter(|base| base.ends_with("_histogram")))
        .unwrap_or(series)
}

/// `expression` without what stands in braces, brackets and quotes, and without lists of labels behind `by` and its like.
fn without_lists(expression: &str) -> String {
    let mut kept = String::with_capacity(expression.len());
    let (mut depth, mut quote, mut list) = (0_u32, None, false);
    for c in expression.chars() {
        if let Some(open) = quote {
            quote = (c != open).then_some(open);
            continue;
        }
        match c {
            '"' | '\'' => quote = Some(c),
            '{' | '[' => depth += 1,
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                kept.push(' ');
            }
            '(' if depth == 0 && ends_in_a_list_word(&kept) => list = true,
            ')' if list => {
                list = false;
                kept.push(','); // or what follows would be taken for another list
            }
            c if depth == 0 && !list => kept.push(c),
            _ => {}
        }
    }
    kept
}

fn ends_in_a_list_word(text: &str) -> bool {
    let word = text.trim_end().rsplit(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).next();
    word.is_some_and(|word| matches!(word, "by" | "without" | "on" | "ignoring" | "group_left" | "group_right"))
}

#[cfg(test)]
mod tests {
    use super::{base_name, metrics_of};

    #[test]
    fn finds_the_names_and_nothing_else() {
        let cases: [(&str, &[&str]); 7] = [
            ("sum by (tenant, le) (rate(a_bucket{x=\"b\"}[5m]))", &["a_bucket"]),
            ("a / on (tenant) group_left () b", &["a", "b"]),
            ("increase(a[$__range]) > 3 * increase(a[1h] offset 1d)", &["a"]),
            ("(a or 0 * b) or vector(0)", &["a", "b"]),
            ("tenant:x:rate5m > 1e-3 and b", &["b", "tenant:x:rate5m"]),
            ("time() - max by (target) (seen)", &["seen"]),
            ("up{job=\"it's }\"} == 0 unless absent(up)", &["up"]),
        ];
        for (expression, expected) in cases {
            assert_eq!(metrics_of(expression).iter().map(String::as_str).collect::<Vec<_>>(), expected, "{expression}");
        }
    }

    #[test]
    fn takes_the_ending_from_histograms_alone() {
        assert_eq!(base_name("latency_ms_histogram_bucket"), "latency_ms_histogram");
        assert_eq!(base_name("things_count"), "things_count");
    }
}
