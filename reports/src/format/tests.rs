use super::{Text, count, cut, decimal, percent, signed, span};

fn at(text: &str) -> jiff::Timestamp {
    text.parse().unwrap()
}

#[test]
fn escapes_markup_and_shows_what_is_invisible() {
    assert_eq!(Text("<b a='\"'>&\n").to_string(), "&lt;b a=&#39;&quot;&#39;&gt;&amp;\n");
    assert_eq!(Text("a\u{202e}b\u{1b}[31m").to_string(), "a⟨U+202E⟩b⟨U+001B⟩[31m");
}

#[test]
fn groups_thousands() {
    assert_eq!([0, 999, 1000, 123_456, 1_234_567].map(count), ["0", "999", "1,000", "123,456", "1,234,567"]);
    assert_eq!(decimal(1234.56, 1), "1,234.6");
}

#[test]
fn never_rounds_up_to_all() {
    assert_eq!(percent(9_999, 10_000), "99.9 %");
    assert_eq!(percent(7, 7), "100.0 %");
    assert_eq!(percent(0, 0), "–");
}

#[test]
fn signs_differences_and_knows_no_negative_zero() {
    assert_eq!([-0.03, 0.01, 0.0, -0.0001].map(|value| signed(value, 3)), ["−0.030", "+0.010", "0.000", "0.000"]);
}

#[test]
fn tells_a_duration_in_two_units() {
    assert_eq!(span(at("2026-03-02T09:15:00Z"), at("2026-03-02T09:17:31Z")), "2 min 31 s");
    assert_eq!(span(at("2026-03-02T09:15:00Z"), at("2026-03-02T09:15:01.250Z")), "1.2 s");
    assert_eq!(span(at("2026-03-02T09:15:01Z"), at("2026-03-02T09:15:00Z")), "0.0 s");
}

#[test]
fn cuts_between_characters() {
    assert_eq!(cut("aä", 2), ("a", true));
    assert_eq!(cut("aä", 3), ("aä", false));
}
