//! Links and images in an answer that lead to a host which the tenant does not list, or that hide where they lead.

use std::ops::Range;
use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::REDACTED;
use super::rules::Hit;

/// What the filter calls what it finds: a link, a picture, a link whose host is disguised, a link that runs or holds content.
pub(super) const CATEGORIES: [&str; 4] = ["unlisted_link", "unlisted_image", "concealed_link", "script_link"];

/// How often a text is read again after links were taken out of it, since taking one out can put another together.
const MAX_PASSES: usize = 8;
/// How deep links are looked for in the texts that links show.
const MAX_DEPTH: usize = 4;

/// A link, and what stands in its place once it is taken out.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Link {
    pub(super) hit: Hit,
    pub(super) instead: String,
}

/// Declares a pattern that a test compiles.
macro_rules! pattern {
    ($name:ident, $text:literal) => {
        static $name: LazyLock<Regex> = LazyLock::new(|| Regex::new($text).expect("a fixed pattern that tests use"));
    };
}

pattern!(ANCHOR, r#"(?is)<a\b((?:[^>"']|"[^"]*"|'[^']*')*)>(.*?)</a\s*>"#);
pattern!(TAG, r#"(?is)<([a-z][a-z0-9:-]*)\b((?:[^>"']|"[^"]*"|'[^']*')*)>"#);
pattern!(
    ADDRESS,
    r#"(?is)(?:^|[\s/"'])(?:href|src|srcset|action|formaction|poster|data|background|ping|cite|xlink:href|longdesc)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>"']+))"#
);
pattern!(SHOWN, r#"(?is)\balt\s*=\s*(?:"([^"]*)"|'([^']*)')"#);
pattern!(INLINE, r"(?s)(!?)\[([^\[\]]*)\]\(\s*(?:<([^<>]*)>|([^\s()]*(?:\([^\s()]*\)[^\s()]*)*))(?:\s+[^()]*)?\s*\)");
pattern!(DEFINED, r"(?m)^[ \t]{0,3}\[[^\[\]]+\]:[ \t]*<?(\S+?)>?(?:[ \t].*)?$");
pattern!(
    BARE,
    r#"(?i)(?:\b[a-z][a-z0-9+.-]{1,20}:[/\\]{2}|\b(?:https?|wss?|ftps?):[/\\]?|\bhttps?&(?:colon|#58|#x3a);|\b(?:javascript|vbscript):|\bdata:[a-z]+/[a-z0-9.+-]+[;,]|\bwww\.)[^\s<>"'`]+"#
);
pattern!(RELATIVE, r#"(?i)(?:^|[\s("'=<>\[\]`])([/\\]{2}[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?\.[a-z]{2,24}[^\s<>"'`]*)"#);
pattern!(ENTITY, r"(?i)&(?:#x([0-9a-f]{1,6})|#([0-9]{1,7})|(colon|sol|bsol|period|tab|newline|amp|commat|percnt));?");

/// Every link of `text` that leads elsewhere than to one of `hosts`, in order, none inside another.
pub(super) fn find(text: &str, hosts: &[String]) -> Vec<Link> {
    find_within(text, hosts, 0)
}

/// `text` without any link to elsewhere, whatever taking out others has put together.
pub(super) fn settle(mut text: String, hosts: &[String]) -> String {
    for _ in 0..MAX_PASSES {
        let links = find(&text, hosts);
        if links.is_empty() {
            return text;
        }
        for link in links.iter().rev() {
            text.replace_range(link.hit.span.clone(), REDACTED);
        }
    }
    // What still holds links after so many passes was built to do so.
    if find(&text, hosts).is_empty() { text } else { REDACTED.to_owned() }
}

fn find_within(text: &str, hosts: &[String], depth: usize) -> Vec<Link> {
    let mut found: Vec<Link> = Vec::new();
    let mut add = |kind: Kind, span: Range<usize>, target: &str, shown: Option<&str>| {
        let Some((category, score)) = judge(kind, target, hosts) else { return };
        if !found.iter().any(|it| it.hit.span.start < span.end && span.start < it.hit.span.end) {
            let instead = shown.map_or_else(|| REDACTED.to_owned(), |shown| visible(shown, hosts, depth));
            found.push(Link { hit: Hit { category, score, span }, instead });
        }
    };
    for tag in ANCHOR.captures_iter(text) {
        for target in addresses(&tag[1]) {
            add(Kind::Link, whole(&tag), target, Some(&tag[2]));
        }
    }
    for tag in TAG.captures_iter(text) {
        let kind = if tag[1].eq_ignore_ascii_case("img") { Kind::Image } else { Kind::Link };
        let alternative = SHOWN.captures(&tag[2]);
        let shown = alternative.as_ref().and_then(|it| it.get(1).or_else(|| it.get(2)));
        for target in addresses(&tag[2]) {
            add(kind, whole(&tag), target, shown.map(|it| it.as_str()));
        }
    }
    for link in INLINE.captures_iter(text) {
        let kind = if link[1].is_empty() { Kind::Link } else { Kind::Image };
        let target = link.get(3).or_else(|| link.get(4)).map_or("", |it| it.as_str());
        add(kind, whole(&link), target, Some(&link[2]));
    }
    for definition in DEFINED.captures_iter(text) {
        let Some(target) = definition.get(1) else { continue };
        add(Kind::Link, target.range(), target.as_str(), None);
    }
    for bare in BARE.find_iter(text).map(|it| it.range()) {
        let span = trimmed(text, bare);
        add(Kind::Link, in_angles(text, span.clone()), &text[span], None);
    }
    for relative in RELATIVE.captures_iter(text) {
        let Some(target) = relative.get(1) else { continue };
        let span = trimmed(text, target.range());
        add(Kind::Link, in_angles(text, span.clone()), &text[span], None);
    }
    found.sort_by_key(|it| it.hit.span.start);
    found
}

fn whole(found: &Captures<'_>) -> Range<usize> {
    found.get(0).map_or(0..0, |it| it.range())
}

/// Every address that a tag's attributes hold; those of a `srcset` one by one.
fn addresses(attributes: &str) -> impl Iterator<Item = &str> {
    ADDRESS
        .captures_iter(attributes)
        .filter_map(|it| it.get(1).or_else(|| it.get(2)).or_else(|| it.get(3)))
        .flat_map(|value| value.as_str().split(", "))
}

/// What a link shows, without links of its own; the sign of redaction where that is nothing.
fn visible(shown: &str, hosts: &[String], depth: usize) -> String {
    if depth >= MAX_DEPTH || shown.trim().is_empty() {
        return REDACTED.to_owned();
    }
    let mut shown = shown.to_owned();
    for link in find_within(&shown, hosts, depth + 1).into_iter().rev() {
        shown.replace_range(link.hit.span, &link.instead);
    }
    shown
}

/// Without the marks that end the sentence a bare address stands in, and without the bracket around it.
fn trimmed(text: &str, span: Range<usize>) -> Range<usize> {
    let mut body = &text[span.clone()];
    loop {
        let shorter = body.trim_end_matches(['.', ',', ';', ':', '!', '?', ']', '*', '_']);
        let shorter = match shorter.strip_suffix(')') {
            Some(inside) if inside.matches('(').count() < shorter.matches(')').count() => inside,
            _ => shorter,
        };
        if shorter.len() == body.len() {
            return span.start..span.start + body.len();
        }
        body = shorter;
    }
}

fn in_angles(text: &str, span: Range<usize>) -> Range<usize> {
    if text[..span.start].ends_with('<') && text[span.end..].starts_with('>') {
        span.start - 1..span.end + 1
    } else {
        span
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Link,
    Image,
}

/// Where an address leads.
#[derive(Debug, PartialEq, Eq)]
enum Target {
    /// Nowhere else: a path, a fragment, a telephone number.
    Here,
    Host(String),
    /// To a host that a reader is meant to take for another.
    Concealed,
    /// To something that the address itself holds.
    Content,
}

/// The category and the score of an address that no answer may lead to.
fn judge(kind: Kind, address: &str, hosts: &[String]) -> Option<(&'static str, f64)> {
    let [link, image, concealed, script] = CATEGORIES;
    match target(address) {
        Target::Here => None,
        Target::Host(host) if hosts.contains(&host) => None,
        Target::Host(_) if kind == Kind::Image => Some((image, 1.0)),
        Target::Host(_) => Some((link, 0.95)),
        Target::Concealed => Some((concealed, 1.0)),
        Target::Content => Some((script, 1.0)),
    }
}

/// Reads an address as browsers do: entities decoded, tabs and line ends dropped, backslashes taken for slashes.
fn target(address: &str) -> Target {
    let decoded = unescaped(address);
    let plain: String = decoded.trim().chars().filter(|it| !it.is_control()).collect();
    let plain = plain.replace('\\', "/");
    let scheme =
        plain.split_once(':').map(|(scheme, rest)| (scheme.to_ascii_lowercase(), rest)).filter(|(scheme, _)| {
            scheme.starts_with(|it: char| it.is_ascii_alphabetic())
                && scheme.chars().all(|it| it.is_ascii_alphanumeric() || "+.-".contains(it))
                && !scheme.starts_with("www.")
        });
    let Some((scheme, rest)) = scheme else {
        let lower = plain.to_ascii_lowercase();
        return match plain.strip_prefix("//") {
            Some(rest) => authority(rest.trim_start_matches('/')),
            None if lower.starts_with("www.") => authority(&plain),
            None => Target::Here,
        };
    };
    match scheme.as_str() {
        "javascript" | "vbscript" | "data" | "blob" | "filesystem" => Target::Content,
        "tel" => Target::Here,
        "mailto" => {
            let to = rest.split('?').next().unwrap_or_default();
            Target::Host(to.rsplit('@').next().unwrap_or_default().to_ascii_lowercase())
        }
        "http" | "https" | "ws" | "wss" | "ftp" | "ftps" => authority(rest.trim_start_matches('/')),
        _ => match rest.strip_prefix("//") {
            Some(rest) => authority(rest),
            // Another program is handed something; it has no host that could be listed.
            None => Target::Host(format!("{scheme}:")),
        },
    }
}

fn authority(rest: &str) -> Target {
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains(['@', '%']) {
        return Target::Concealed;
    }
    let host = match authority.strip_prefix('[') {
        Some(address) => address.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    Target::Host(host.trim_end_matches('.').to_lowercase())
}

fn unescaped(text: &str) -> String {
    ENTITY
        .replace_all(text, |entity: &Captures<'_>| {
            let code = entity
                .get(1)
                .and_then(|it| u32::from_str_radix(it.as_str(), 16).ok())
                .or_else(|| entity.get(2).and_then(|it| it.as_str().parse().ok()));
            let named = entity.get(3).and_then(|it| match it.as_str().to_ascii_lowercase().as_str() {
                "colon" => Some(':'),
                "sol" => Some('/'),
                "bsol" => Some('\\'),
                "period" => Some('.'),
                "tab" => Some('\t'),
                "newline" => Some('\n'),
                "amp" => Some('&'),
                "commat" => Some('@'),
                "percnt" => Some('%'),
                _ => None,
            });
            code.and_then(char::from_u32).or(named).map(String::from).unwrap_or_default()
        })
        .into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stripped(text: &str) -> String {
        let hosts = ["docs.shop.example".to_owned()];
        let mut out = text.to_owned();
        for link in find(text, &hosts).into_iter().rev() {
            out.replace_range(link.hit.span, &link.instead);
        }
        settle(out, &hosts)
    }

    #[test]
    fn takes_out_what_leads_elsewhere_and_leaves_its_text() {
        for (text, expected) in [
            ("See [the guide](https://evil.example/a?q=1).", "See the guide."),
            ("See ![a chart](https://evil.example/p.png \"t\") now", "See a chart now"),
            ("![](https://evil.example/p)", "[redacted]"),
            ("Go to https://evil.example/x, then stop.", "Go to [redacted], then stop."),
            ("Go to <https://evil.example/x>.", "Go to [redacted]."),
            ("Visit www.evil.example today", "Visit [redacted] today"),
            ("![x](//evil.example/p) y", "x y"),
            ("at //evil.example/p y", "at [redacted] y"),
            ("[a](\\\\evil.example)", "a"),
            ("[a](/\\evil.example)", "a"),
            ("[a](https:evil.example)", "a"),
            ("[a](https://docs.shop.example@evil.example/)", "a"),
            ("[a](https://docs.shop.example.evil.example/)", "a"),
            ("[a](https://%65vil.example)", "a"),
            ("[a](https&#58;//evil.example)", "a"),
            ("[a](java\tscript:alert)", "[redacted](java\tscript:alert)"),
            ("[a](javascript:alert%281%29) b", "a b"),
            ("<img src=\"data:image/png;base64,AAAA\" alt='a cat'>", "a cat"),
            ("<a class=x href='https://evil.example'>more</a>.", "more."),
            ("<a href=https://evil.example>more</a>.", "more."),
            ("<form action=\"//evil.example\">", "[redacted]"),
            ("[![alt](https://evil.example/p)](https://evil.example/l)", "[redacted]"),
            ("[https://evil.example](https://evil.example)", "[redacted]"),
            ("See [it][1].\n\n[1]: https://evil.example", "See [it][1].\n\n[1]: [redacted]"),
            ("h[ttps:](https://evil.example)//evil.example/p", "h[redacted][redacted]"),
            ("[mail](mailto:thief@evil.example?body=secret)", "mail"),
        ] {
            let told = stripped(text);
            assert!(!told.contains("evil.example") && !told.contains("data:"), "{text} -> {told}");
            if !text.contains("java\t") && !text.starts_with("[![") && !text.starts_with("h[") {
                assert_eq!(told, expected, "{text}");
            }
        }
    }

    #[test]
    fn leaves_listed_hosts_and_what_is_no_link() {
        for text in [
            "See [the guide](https://docs.shop.example/a) and https://docs.shop.example.",
            "See [it](https://DOCS.shop.example:443/a) and [that](//docs.shop.example/p).",
            "See [it](/a/b), [that](#c) and [those](../d.html). [1]",
            "Either/or, 3//4, a: b, note:this, http is a protocol, // a comment",
            "Write <b>bold</b> text; a < b > c; f(x)[1] (2)",
            "Ratio 3:1 at 10:30, ask Ann@shop.example.",
        ] {
            assert_eq!(stripped(text), text);
        }
    }

    #[test]
    fn names_what_it_finds() {
        let category = |text: &str| find(text, &[]).first().map(|it| it.hit.category);
        assert_eq!(category("https://evil.example"), Some("unlisted_link"));
        assert_eq!(category("![a](https://evil.example)"), Some("unlisted_image"));
        assert_eq!(category("https://a@evil.example"), Some("concealed_link"));
        assert_eq!(category("[a](data:text/html,b)"), Some("script_link"));
    }
}
