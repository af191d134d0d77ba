//! E-mail addresses and URLs.

use std::sync::LazyLock;

use regex::Regex;

use super::{Entity, overlaps};

static URL: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(?i)\b(?:(?:https?|ftps?|sftp)://|www\.)[^\s<>"“”„«»`{}|\\^]+"#).expect("a constant pattern")
});
static EMAIL: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?:[\p{L}\p{N}](?:[\p{L}\p{N}._%+-]*[\p{L}\p{N}_%+-])?)@(?:[\p{L}\p{N}](?:[\p{L}\p{N}-]*[\p{L}\p{N}])?\.)+[\p{L}]{2,}")
        .expect("a constant pattern")
});

pub(super) fn addresses(text: &str) -> Vec<Entity> {
    let entity = |kind: &str, span| Entity { kind: kind.to_owned(), span, value: None, score: 1.0 };
    let mut found: Vec<Entity> = Vec::new();
    for hit in URL.find_iter(text) {
        let span = hit.start()..hit.start() + trimmed(hit.as_str());
        // A scheme alone is no address.
        let rest = text[span.clone()].rsplit("//").next().unwrap_or_default();
        if rest.chars().any(char::is_alphanumeric) && rest.len() > 3 {
            found.push(entity("url", span));
        }
    }
    for hit in EMAIL.find_iter(text) {
        if !found.iter().any(|it| overlaps(&it.span, &hit.range())) {
            found.push(entity("email", hit.range()));
        }
    }
    found
}

/// Bytes of an address without what belongs to the sentence around it.
fn trimmed(url: &str) -> usize {
    let mut end = url.len();
    while let Some(last) = url[..end].chars().next_back() {
        let body = &url[..end];
        let open = |one: char, other: char| body.matches(other).count() > body.matches(one).count();
        let drop = match last {
            '.' | ',' | ';' | ':' | '!' | '?' | '\'' | '’' | '*' | '_' | '…' | '。' | '、' | '，' | '）' | '」' => {
                true
            }
            ')' => open('(', ')'),
            ']' => open('[', ']'),
            _ => false,
        };
        if !drop {
            break;
        }
        end -= last.len_utf8();
    }
    // A full-width mark ends an address wherever it stands.
    url[..end].find(['。', '、', '，', '」', '）', '（']).unwrap_or(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_addresses_without_the_marks_around_them() {
        let text = "See (https://a.example/x_(y)), www.b.example/p?q=1. Mail a.b+c@d-e.example; not @x or a@b.";
        let found: Vec<&str> = addresses(text).into_iter().map(|it| &text[it.span]).collect();
        assert_eq!(found, ["https://a.example/x_(y)", "www.b.example/p?q=1", "a.b+c@d-e.example"]);
    }
}
