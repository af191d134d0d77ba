//! Texts that software stumbles over, within length, pattern and format.

use proptest::{
    collection::vec,
    prelude::*,
    sample::select,
    strategy::{BoxedStrategy, Union},
    string::string_regex,
};
use serde_json::{Value, json};

use super::{Options, SchemaError, Schemas, count};

/// Characters by what is odd about them; the first of each list is the one that shrinking leads to.
const LETTERS: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
const MARKS: &str = " .,-_:;!?'\"`\\/()[]{}<>@#$%^&*+=~|";
const SPACES: &str = "\t\n\r\u{a0}\u{2003}\u{2028}\u{2029}\u{3000}\u{feff}";
const LATIN: &str = "éüßøŁİıſǅŉ";
const COMBINING: &str = "\u{301}\u{308}\u{327}\u{20dd}\u{3099}\u{fe0f}\u{200d}\u{1f3fd}";
const ASTRAL: &str = "😀👩🚲𝒳𐍈🇪🇺𠜎\u{10fffd}";
const RIGHT_TO_LEFT: &str = "שלוםمرحبا\u{202e}\u{202d}\u{2066}\u{2069}\u{200f}";
const INVISIBLE: &str = "\u{200b}\u{200c}\u{2060}\u{ad}\u{e0041}\u{fff9}\u{fffd}";
const OTHER: &str = "漢字カナひ한글ไทยहि";
const CONTROLS: &str = "\u{1}\u{0}\u{7}\u{8}\u{b}\u{1b}\u{1f}\u{7f}\u{85}\u{9f}";

/// Whole texts that mean something to somebody.
const KNOWN: [&str; 22] = [
    "null",
    "undefined",
    "true",
    "NaN",
    "-0",
    "1e400",
    "' OR '1'='1' --",
    "\"; DROP TABLE documents; --",
    "../../etc/passwd",
    "<script>alert(1)</script>",
    "{{7*7}}",
    "${jndi:ldap://127.0.0.1/a}",
    "%00%0d%0a",
    "%s%n%x",
    "\r\nset-cookie: a=b",
    "=cmd|'/c calc'!A1",
    "[DONE]",
    "data: x\n\nevent: done",
    "__proto__",
    "a AND b OR NOT c NEAR(d)",
    "\"unbalanced",
    "col:*^",
];

fn one_of(characters: &str) -> BoxedStrategy<char> {
    select(characters.chars().collect::<Vec<_>>()).boxed()
}

fn character(controls: bool) -> BoxedStrategy<char> {
    let mut kinds = vec![
        (10, one_of(LETTERS)),
        (3, one_of(MARKS)),
        (2, one_of(SPACES)),
        (2, one_of(LATIN)),
        (2, one_of(COMBINING)),
        (2, one_of(ASTRAL)),
        (2, one_of(RIGHT_TO_LEFT)),
        (1, one_of(INVISIBLE)),
        (2, one_of(OTHER)),
        (1, any::<char>().boxed()),
    ];
    if controls {
        kinds.push((1, one_of(CONTROLS)));
    }
    Union::new_weighted(kinds).boxed()
}

/// Odd texts of `least` to `most` characters.
pub fn adversarial(least: usize, most: usize) -> BoxedStrategy<String> {
    free(least, most, Options { text: most.max(least), long_text: most.max(least), ..Options::default() })
}

/// Odd texts of `least` to `most` characters, long ones seldom.
fn free(least: usize, most: usize, options: Options) -> BoxedStrategy<String> {
    let usual = most.min(options.text.max(least));
    let long = most.min(options.long_text.max(least));
    let letters = |characters: Vec<char>| characters.into_iter().collect::<String>();
    let mixed = vec(character(true), least..=usual).prop_map(letters);
    let calm = vec(character(false), least..=usual).prop_map(letters);
    let run = (character(false), least..=long);
    let run = run.prop_map(|(character, count)| std::iter::repeat_n(character, count).collect::<String>());
    let edge = (character(false), select(vec![least, long]));
    let edge = edge.prop_map(|(character, count)| std::iter::repeat_n(character, count).collect::<String>());
    let known: Vec<String> = KNOWN
        .iter()
        .filter(|text| (least..=most).contains(&text.chars().count()))
        .map(|text| (*text).to_owned())
        .collect();
    let mut kinds = vec![(5, calm.boxed()), (3, mixed.boxed()), (1, run.boxed()), (1, edge.boxed())];
    if !known.is_empty() {
        kinds.push((2, select(known).boxed()));
    }
    Union::new_weighted(kinds).boxed()
}

/// Strings of `schema`.
pub(super) fn strings(
    schemas: &Schemas,
    schema: &Value,
    place: &str,
    options: Options,
) -> Result<BoxedStrategy<Value>, SchemaError> {
    let least = count(schema, "minLength").unwrap_or(0);
    let most = count(schema, "maxLength").unwrap_or(usize::MAX);
    match (schema.get("pattern").and_then(Value::as_str), schema.get("format").and_then(Value::as_str)) {
        (None, None | Some("binary")) => Ok(free(least, most, options).prop_map(Value::from).boxed()),
        (Some(pattern), None) => patterned(schemas, pattern, (least, most), place, options),
        (None, Some(format)) => formatted(format, place),
        (Some(_), Some(_)) => Err(SchemaError::unsupported(place, "`pattern` beside `format` is not understood")),
    }
}

/// Texts that match `pattern`: made from it, stretched to their bounds, and odd ones that happen to match.
fn patterned(
    schemas: &Schemas,
    pattern: &str,
    (least, most): (usize, usize),
    place: &str,
    options: Options,
) -> Result<BoxedStrategy<Value>, SchemaError> {
    // The validator's own reading of the pattern decides, so that generator and contract cannot differ on `\s`.
    let check =
        schemas.validator(&json!({ "type": "string", "pattern": pattern, "minLength": least, "maxLength": most }))?;
    let check = std::sync::Arc::new(check);
    let core = pattern.strip_prefix('^').unwrap_or(pattern);
    let core = core.strip_suffix('$').unwrap_or(core);
    let made = string_regex(core).map_err(|error| {
        SchemaError::unsupported(place, format!("the pattern `{pattern}` cannot be made from: {error}"))
    })?;
    let fits = {
        let check = std::sync::Arc::clone(&check);
        move |text: &String| check.is_valid(&Value::from(text.as_str()))
    };
    let whole = made.prop_filter("misses its length", fits.clone()).boxed();
    let long = most.min(options.long_text.max(least));
    let stretched = (whole.clone(), select(vec![least.max(1), long]), any::<prop::sample::Index>());
    let stretched = {
        let fits = fits.clone();
        stretched.prop_map(move |(text, wanted, at)| {
            let stretched = stretch(&text, wanted, at);
            if fits(&stretched) { stretched } else { text }
        })
    };
    let mut kinds = vec![(4, whole), (2, stretched.boxed())];
    // Odd texts only where many of them match: a filter that nearly nothing passes would never end.
    let odd = free(least.max(1), most, options);
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let passed = (0..32).filter(|_| odd.new_tree(&mut runner).is_ok_and(|tree| fits(&tree.current()))).count();
    if passed >= 8 {
        kinds.push((6, odd.prop_filter("misses its pattern", fits).boxed()));
    }
    Ok(Union::new_weighted(kinds).prop_map(Value::from).boxed())
}

/// `text` with one of its characters repeated, or some taken out, until it has `wanted` characters.
fn stretch(text: &str, wanted: usize, at: prop::sample::Index) -> String {
    let characters: Vec<char> = text.chars().collect();
    if characters.is_empty() {
        return text.to_owned();
    }
    if characters.len() >= wanted {
        return characters[..wanted].iter().collect();
    }
    let at = at.index(characters.len());
    let repeated = std::iter::repeat_n(characters[at], wanted - characters.len());
    characters[..at].iter().copied().chain(repeated).chain(characters[at..].iter().copied()).collect()
}

fn formatted(format: &str, place: &str) -> Result<BoxedStrategy<Value>, SchemaError> {
    let days = |year: u32, month: u32| match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    let year = prop_oneof![4 => 2024_u32..=2027, 1 => select(vec![1970, 1, 1900, 2000, 9999])];
    let date = (year, 1_u32..=12, 1_u32..=31)
        .prop_map(move |(year, month, day)| format!("{year:04}-{month:02}-{:02}", day.min(days(year, month))));
    Ok(match format {
        "date" => date.prop_map(Value::from).boxed(),
        "date-time" => {
            let zone = select(vec!["Z", "+00:00", "-23:59", "+14:00"]);
            let fraction = select(vec!["", ".1", ".999999999"]);
            (date, 0..24, 0..60, 0..60, fraction, zone)
                .prop_map(|(date, hour, minute, second, fraction, zone)| {
                    Value::from(format!("{date}T{hour:02}:{minute:02}:{second:02}{fraction}{zone}"))
                })
                .boxed()
        }
        "uuid" => any::<u128>().prop_map(|bits| Value::from(uuid::Uuid::from_u128(bits).to_string())).boxed(),
        "uri" => (vec(one_of("abcxyz019-._~"), 1..12), any::<u16>())
            .prop_map(|(path, port)| {
                Value::from(format!("https://example.test:{port}/{}", path.into_iter().collect::<String>()))
            })
            .boxed(),
        _ => return Err(SchemaError::unsupported(place, format!("the format `{format}` is not understood"))),
    })
}
