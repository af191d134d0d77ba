//! Personal data as typed spans. Cards and bank accounts count only with a right check sum: a number that fails it belongs to nobody.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::rules::Hit;

/// Makes of a candidate the part that counts, as a range in it.
type Part = fn(&str) -> Option<Range<usize>>;

struct Pattern {
    category: &'static str,
    score: f64,
    regex: Regex,
    part: Part,
}

const TABLE: [(&str, f64, &str, Part); 8] = [
    ("email_address", 0.9, r"(?i)\b[a-z0-9._%+'-]+@[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,24}\b", whole),
    ("payment_card", 0.95, r"\b[0-9](?:[ -]?[0-9]){11,22}\b", card),
    ("bank_account", 0.9, r"(?i)\b[a-z]{2}[0-9]{2}(?:[ -]?[0-9a-z]){11,36}\b", account),
    ("ip_address", 0.8, r"[0-9.]{7,40}", address_v4),
    ("ip_address", 0.8, r"(?i)[0-9a-f:]{3,40}(?:\.[0-9.]{5,11})?", address_v6),
    ("social_security_number", 0.9, r"\b[0-9]{3}([ -])[0-9]{2}[ -][0-9]{4}\b", social_security),
    (
        "phone_number",
        0.7,
        r"\+[0-9]{1,3}[ .-]?(?:\([0-9]{1,4}\)[ .-]?)?[0-9]{2,4}(?:[ .-]?[0-9]{2,4}){2,4}(?:x[0-9]{1,5})?\b",
        whole,
    ),
    (
        "phone_number",
        0.6,
        r"(?:\([2-9][0-9]{2}\) ?|\b(?:001-)?[2-9][0-9]{2}[ .-])[0-9]{3}[ .-][0-9]{4}(?:x[0-9]{1,5})?\b",
        whole,
    ),
];

static PATTERNS: LazyLock<Vec<Pattern>> = LazyLock::new(|| {
    let compiled = TABLE.iter().filter_map(|(category, score, pattern, part)| {
        // A pattern that does not compile is caught by a test, so none is lost here.
        let regex = Regex::new(pattern).ok()?;
        Some(Pattern { category, score: *score, regex, part: *part })
    });
    compiled.collect()
});

/// Every kind of personal data.
pub(super) fn categories() -> impl Iterator<Item = &'static str> {
    PATTERNS.iter().map(|pattern| pattern.category)
}

/// Every piece of personal data of `text`.
pub(super) fn find(text: &str) -> Vec<Hit> {
    let found = PATTERNS.iter().flat_map(|pattern| {
        pattern.regex.find_iter(text).filter_map(move |found| {
            let part = (pattern.part)(found.as_str())?;
            let span = found.start() + part.start..found.start() + part.end;
            Some(Hit { category: pattern.category, score: pattern.score, span })
        })
    });
    found.collect()
}

#[expect(clippy::unnecessary_wraps, reason = "the type of every part")]
fn whole(text: &str) -> Option<Range<usize>> {
    Some(0..text.len())
}

/// The longest run of whole groups that passes: what stands before or behind a number, as a year does, may look like its part.
fn groups(text: &str, passes: impl Fn(&str) -> bool) -> Option<Range<usize>> {
    let breaks = || text.match_indices([' ', '-']).map(|(at, _)| at);
    let starts = std::iter::once(0).chain(breaks().map(|at| at + 1));
    let ends: Vec<usize> = breaks().chain(std::iter::once(text.len())).collect();
    starts
        .flat_map(|start| ends.iter().filter(move |end| **end > start).map(move |end| start..*end))
        .filter(|range| text.get(range.clone()).is_some_and(&passes))
        .max_by_key(ExactSizeIterator::len)
}

fn card(text: &str) -> Option<Range<usize>> {
    groups(text, |part| {
        let digits: String = part.chars().filter(char::is_ascii_digit).collect();
        is_issued(&digits) && passes_luhn(&digits)
    })
}

/// Whether an issuer gives out numbers with this beginning and length.
fn is_issued(digits: &str) -> bool {
    let begins = |length: usize| digits.get(..length).and_then(|text| text.parse::<u32>().ok()).unwrap_or(0);
    let length = digits.len();
    match (begins(1), begins(2)) {
        (4, _) => matches!(length, 13 | 16 | 19),
        (5, 51..=55) => length == 16,
        (5 | 6, _) => (12..=19).contains(&length),
        (3, 34 | 37) => length == 15,
        (3, 30 | 36 | 38 | 39) => (14..=19).contains(&length),
        (3, 35) => (16..=19).contains(&length),
        (1 | 2, _) => {
            (length == 15 && matches!(begins(4), 1800 | 2131)) || (length == 16 && (2221..=2720).contains(&begins(4)))
        }
        (_, _) => false,
    }
}

/// The check digit of payment cards: without it, order numbers would be taken for cards.
fn passes_luhn(digits: &str) -> bool {
    let doubled = |digit: u32| if digit * 2 > 9 { digit * 2 - 9 } else { digit * 2 };
    let sum: u32 = digits
        .chars()
        .rev()
        .filter_map(|character| character.to_digit(10))
        .enumerate()
        .map(|(index, digit)| if index % 2 == 0 { digit } else { doubled(digit) })
        .sum();
    sum.is_multiple_of(10)
}

fn account(text: &str) -> Option<Range<usize>> {
    groups(text, |part| {
        let signs: String = part.chars().filter(char::is_ascii_alphanumeric).collect();
        let right = signs.len() >= 15 && signs.len() <= 34;
        let country = signs.bytes().take(2).all(|byte| byte.is_ascii_alphabetic());
        right && country && signs.bytes().skip(2).take(2).all(|byte| byte.is_ascii_digit()) && remainder(&signs) == 1
    })
}

/// The remainder by 97 of an account number, its first four signs moved to its end and letters counted from 10.
fn remainder(signs: &str) -> u32 {
    let (head, tail) = signs.split_at(4);
    tail.chars().chain(head.chars()).filter_map(|sign| sign.to_digit(36)).fold(0, |rest, value| {
        let shifted = if value > 9 { rest * 100 } else { rest * 10 };
        (shifted + value) % 97
    })
}

fn address_v4(text: &str) -> Option<Range<usize>> {
    // A full stop behind an address ends the sentence.
    let part = text.trim_end_matches('.');
    let address: Ipv4Addr = part.parse().ok()?;
    (!address.is_loopback() && !address.is_unspecified() && !address.is_broadcast()).then_some(0..part.len())
}

fn address_v6(text: &str) -> Option<Range<usize>> {
    let part = text.trim_end_matches('.');
    let part = if part.ends_with("::") { part } else { part.trim_end_matches(':') };
    // Two colons between words or a time of day are no address.
    if part.matches(':').count() < 3 && !(part.contains("::") && part.len() > 5) {
        return None;
    }
    let address: Ipv6Addr = part.parse().ok()?;
    let address = IpAddr::V6(address);
    (!address.is_loopback() && !address.is_unspecified()).then_some(0..part.len())
}

/// Numbers that are given out: no group is all zeros, and the first is neither 666 nor above 899.
fn social_security(text: &str) -> Option<Range<usize>> {
    let area: u32 = text.get(..3)?.parse().ok()?;
    let same = text.as_bytes().get(3) == text.as_bytes().get(6);
    let given = area != 0 && area != 666 && area < 900 && text.get(4..6)? != "00" && text.get(7..)? != "0000";
    (same && given).then_some(0..text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compiles_every_pattern() {
        assert_eq!(PATTERNS.len(), TABLE.len());
    }

    #[test]
    fn finds_the_place_of_each_kind() {
        let cases = [
            ("mail ada.l+x@mail.example.org, please", "email_address", "ada.l+x@mail.example.org"),
            ("card 4111 1111 1111 1111 2031", "payment_card", "4111 1111 1111 1111"),
            ("card 378282246310005.", "payment_card", "378282246310005"),
            ("to NL91 ABNA 0417 1643 00 or", "bank_account", "NL91 ABNA 0417 1643 00"),
            ("to DE89370400440532013000", "bank_account", "DE89370400440532013000"),
            ("from 203.0.113.9.", "ip_address", "203.0.113.9"),
            ("from 2001:db8::8a2e:370:7334 today", "ip_address", "2001:db8::8a2e:370:7334"),
            ("number 219-09-9999", "social_security_number", "219-09-9999"),
            ("call +31 50 123 4567", "phone_number", "+31 50 123 4567"),
            ("call (212) 555-0187", "phone_number", "(212) 555-0187"),
        ];
        for (text, category, value) in cases {
            let places: Vec<_> = find(text).iter().map(|hit| (hit.category, text.get(hit.span.clone()))).collect();
            assert!(places.contains(&(category, Some(value))), "{text}: {places:?}");
        }
    }

    #[test]
    fn leaves_near_misses_alone() {
        let texts = [
            "order 4111 1111 1111 1112",
            "account NL91 ABNA 0417 1643 01",
            "version 1.2.3, section 1.2.3.4.5, address 300.1.2.3, host 127.0.0.1",
            "at 12:30:45 use std::io::Write",
            "number 000-12-3456 and 666-12-3456 and 912-12-3456",
            "invoice 2024-05-01 of 123456789012",
        ];
        for text in texts {
            assert_eq!(find(text), Vec::new(), "{text}");
        }
    }
}
