//! Amounts of money: a number with a currency before or after it, and what it comes to.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::{Entity, overlaps};

/// Signs and words of currencies; longer ones first where one begins another.
const CURRENCIES: [(&str, &str); 58] = [
    ("NZ$", "NZD"),
    ("AU$", "AUD"),
    ("A$", "AUD"),
    ("CA$", "CAD"),
    ("C$", "CAD"),
    ("US$", "USD"),
    ("HK$", "HKD"),
    ("S$", "SGD"),
    ("R$", "BRL"),
    ("MX$", "MXN"),
    ("$", "USD"),
    ("€", "EUR"),
    ("£", "GBP"),
    ("¥", "JPY"),
    ("₹", "INR"),
    ("₪", "ILS"),
    ("₩", "KRW"),
    ("₽", "RUB"),
    ("₺", "TRY"),
    ("₴", "UAH"),
    ("₫", "VND"),
    ("₦", "NGN"),
    ("฿", "THB"),
    ("zł", "PLN"),
    ("Kč", "CZK"),
    ("euros", "EUR"),
    ("euro", "EUR"),
    ("dollars", "USD"),
    ("dollar", "USD"),
    ("dólares", "USD"),
    ("dollari", "USD"),
    ("pounds", "GBP"),
    ("pound", "GBP"),
    ("pfund", "GBP"),
    ("libras", "GBP"),
    ("francs", "CHF"),
    ("franken", "CHF"),
    ("francos", "CHF"),
    ("yen", "JPY"),
    ("円", "JPY"),
    ("元", "CNY"),
    ("yuan", "CNY"),
    ("rupees", "INR"),
    ("rupien", "INR"),
    ("rubles", "RUB"),
    ("roubles", "RUB"),
    ("рублей", "RUB"),
    ("рубля", "RUB"),
    ("руб", "RUB"),
    ("ευρώ", "EUR"),
    ("евро", "EUR"),
    ("pesos", "MXN"),
    ("reais", "BRL"),
    ("kronor", "SEK"),
    ("kroner", "NOK"),
    ("zloty", "PLN"),
    ("won", "KRW"),
    ("lira", "TRY"),
];
const CODES: &str = "EUR|USD|GBP|CHF|JPY|CNY|INR|AUD|NZD|CAD|SEK|NOK|DKK|PLN|CZK|HUF|BRL|MXN|ZAR|KRW|ILS|TRY|RUB|UAH|SGD|HKD|THB|KES|NGN|EGP|AED|SAR|RON|BGN|ISK|IDR|PHP|VND|ARS|CLP|COP";
const NUMBER: &str = r"\d{1,3}(?:[.,'’\u{a0}\u{202f} ]\d{3})+(?:[.,]\d{1,2})?|\d+(?:[.,]\d{1,2})?";
const SCALES: [(&str, u32); 30] = [
    ("hundred", 2),
    ("thousand", 3),
    ("million", 6),
    ("millions", 6),
    ("billion", 9),
    ("billions", 9),
    ("mio", 6),
    ("mrd", 9),
    ("tausend", 3),
    ("millionen", 6),
    ("milliarde", 9),
    ("milliarden", 9),
    ("mille", 3),
    ("milliard", 9),
    ("milliards", 9),
    ("mil", 3),
    ("millón", 6),
    ("millones", 6),
    ("milioni", 6),
    ("miljoen", 6),
    ("milhões", 6),
    ("тысяч", 3),
    ("миллиона", 6),
    ("миллионов", 6),
    ("万", 4),
    ("億", 8),
    ("亿", 8),
    ("k", 3),
    ("m", 6),
    ("bn", 9),
];

static BEFORE: LazyLock<Regex> = LazyLock::new(|| {
    let signs = alternatives(|it| !it.starts_with(char::is_alphabetic) || it.contains('$'));
    pattern(&format!(
        r"(?i)(?P<sign>{signs}|\b(?-i:{CODES})\b)[ \u{{a0}}]?(?P<number>{NUMBER})(?:[ \u{{a0}}]?(?P<scale>{})\b)?",
        scales()
    ))
});
static AFTER: LazyLock<Regex> = LazyLock::new(|| {
    let (signs, words) = (
        alternatives(|it| !it.starts_with(char::is_alphabetic)),
        alternatives(|it| {
            it.starts_with(char::is_alphabetic) && it.is_ascii()
                || !it.is_ascii() && it.chars().all(char::is_alphabetic)
        }),
    );
    pattern(&format!(
        r"(?i)\b(?P<number>{NUMBER})(?:[ \u{{a0}}]?(?P<scale>{}))?(?:[ \u{{a0}}](?:de|d’|d')[ \u{{a0}}]?)?[ \u{{a0}}]?(?P<sign>{signs}|(?:{words})\b|(?-i:{CODES})\b)",
        scales()
    ))
});

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a constant pattern")
}

fn alternatives(fits: impl Fn(&str) -> bool) -> String {
    let mut signs: Vec<&str> = CURRENCIES.iter().map(|(sign, _)| *sign).filter(|it| fits(it)).collect();
    signs.sort_by_key(|it| std::cmp::Reverse(it.len()));
    signs.iter().map(|it| regex::escape(it)).collect::<Vec<_>>().join("|")
}

fn scales() -> String {
    let mut scales: Vec<&str> = SCALES.iter().map(|(word, _)| *word).collect();
    scales.sort_by_key(|it| std::cmp::Reverse(it.len()));
    scales.join("|")
}

pub(super) fn find(text: &str) -> Vec<Entity> {
    let mut found: Vec<Entity> = Vec::new();
    for captures in BEFORE.captures_iter(text).chain(AFTER.captures_iter(text)) {
        let Some(whole) = captures.get(0) else { continue };
        let (before, after) = (text[..whole.start()].chars().next_back(), text[whole.end()..].chars().next());
        let cut = before.is_some_and(char::is_alphanumeric) || after.is_some_and(|it| it.is_ascii_digit());
        if cut || found.iter().any(|it| overlaps(&it.span, &whole.range())) {
            continue;
        }
        let value = value(&captures);
        found.push(Entity { kind: "money".to_owned(), span: whole.range(), value, score: 0.98 });
    }
    found
}

/// The number, a point before its decimals, and the code of the currency.
fn value(captures: &Captures<'_>) -> Option<String> {
    let sign = captures.name("sign")?.as_str();
    let code =
        CURRENCIES.iter().find(|(it, _)| it.to_lowercase() == sign.to_lowercase()).map_or(sign, |(_, code)| *code);
    let mut number = plain(captures.name("number")?.as_str());
    if let Some(scale) = captures.name("scale") {
        let word = scale.as_str().to_lowercase();
        let zeros = SCALES.iter().find(|(it, _)| *it == word).map_or(0, |(_, zeros)| *zeros);
        number = shifted(&number, usize::try_from(zeros).unwrap_or_default());
    }
    Some(format!("{number} {code}"))
}

/// Without marks between thousands, and with a point before decimals.
fn plain(number: &str) -> String {
    let last = number.rfind(['.', ',']);
    // Three digits behind the last mark are thousands.
    let decimals = last.filter(|at| number.len() - at - 1 != 3);
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
    match decimals {
        Some(at) => format!("{}.{}", digits(&number[..at]), digits(&number[at..])),
        None => digits(number),
    }
}

/// A plain number times a power of ten.
fn shifted(number: &str, zeros: usize) -> String {
    let (whole, decimals) = number.split_once('.').unwrap_or((number, ""));
    let mut digits = format!("{whole}{decimals}");
    let missing = zeros.saturating_sub(decimals.len());
    digits.extend(std::iter::repeat_n('0', missing));
    let behind = decimals.len().saturating_sub(zeros);
    let (left, right) = digits.split_at(digits.len() - behind);
    let left = left.trim_start_matches('0');
    let left = if left.is_empty() { "0" } else { left };
    if right.is_empty() { left.to_owned() } else { format!("{left}.{right}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_amounts_in_many_forms() {
        for (text, amount, value) in [
            ("over €186.50 went", "€186.50", "186.50 EUR"),
            ("for $2.4 million.", "$2.4 million", "2400000 USD"),
            ("at 12,000 euros.", "12,000 euros", "12000 EUR"),
            ("pay EUR 4,300.", "EUR 4,300", "4300 EUR"),
            ("mit 1,2 Millionen Euro.", "1,2 Millionen Euro", "1200000 EUR"),
            ("von 18.500 Euro.", "18.500 Euro", "18500 EUR"),
            ("CHF 75.00 an", "CHF 75.00", "75.00 CHF"),
            ("NZ$ 400,000.", "NZ$ 400,000", "400000 NZD"),
            ("rueda cuesta 25 €.", "25 €", "25 EUR"),
            ("gift of 3 million yen from", "3 million yen", "3000000 JPY"),
            ("₹25,000 का", "₹25,000", "25000 INR"),
            ("1.234,56 €", "1.234,56 €", "1234.56 EUR"),
        ] {
            let found = find(text);
            assert_eq!(found.len(), 1, "{text}: {found:?}");
            assert_eq!((&text[found[0].span.clone()], found[0].value.as_deref()), (amount, Some(value)), "{text}");
        }
        for text in ["room 12 is free", "version 4.2", "a euro area", "2 USDA grades", "I won 3 games"] {
            assert!(find(text).is_empty(), "{text}");
        }
    }
}
