//! Dates in many forms, and the ISO 8601 date that they mean where that can be told.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::{Entity, overlaps};

/// Names of months in lower case with their numbers; several languages, and short forms.
const MONTHS: [(&str, u8); 12] = [
    ("january|jan|januar|jänner|janvier|janv|enero|ene|gennaio|januari|janeiro|января|январь|ιανουαρίου", 1),
    ("february|feb|februar|février|févr|febrero|febbraio|februari|fevereiro|февраля|февраль|φεβρουαρίου", 2),
    ("march|mar|märz|mars|marzo|maart|março|марта|март|μαρτίου", 3),
    ("april|apr|avril|abril|aprile|апреля|апрель|απριλίου", 4),
    ("may|mai|mayo|maggio|mei|maio|maj|мая|май|μαΐου", 5),
    ("june|jun|juni|juin|junio|giugno|junho|июня|июнь|ιουνίου", 6),
    ("july|jul|juli|juillet|juil|julio|luglio|julho|июля|июль|ιουλίου", 7),
    ("august|aug|août|agosto|augustus|augusti|августа|август|αυγούστου", 8),
    ("september|sept|sep|septembre|septiembre|settembre|setembro|сентября|сентябрь|σεπτεμβρίου", 9),
    ("october|oct|oktober|okt|octobre|octubre|ottobre|outubro|октября|октябрь|οκτωβρίου", 10),
    ("november|nov|novembre|noviembre|novembro|ноября|ноябрь|νοεμβρίου", 11),
    ("december|dec|dezember|dez|décembre|déc|diciembre|dicembre|dezembro|декабря|декабрь|δεκεμβρίου", 12),
];

struct Forms {
    forms: Vec<(Regex, Form)>,
}

#[derive(Clone, Copy)]
enum Form {
    /// Year, month and day by name.
    Named,
    /// Day, month and year as numbers with marks between them.
    Numbers,
    /// Chinese and Japanese.
    Han,
}

static FORMS: LazyLock<Forms> = LazyLock::new(|| {
    let all: Vec<&str> = MONTHS.iter().map(|(names, _)| *names).collect();
    let mut names: Vec<&str> = all.iter().flat_map(|names| names.split('|')).collect();
    names.sort_by_key(|it| std::cmp::Reverse(it.len()));
    let month = format!(r"(?P<month>{})\b\.?", names.join("|"));
    let day = r"(?P<day>\d{1,2})(?:st|nd|rd|th|er|º|ª)?\.?";
    let year = r"(?P<year>(?:1[5-9]|20|21)\d{2})(?:[ ](?:года|г\.))?";
    let weekday = "";
    let form = |text: String, form| (Regex::new(&text).expect("a constant pattern"), form);
    Forms {
        forms: vec![
            form(r"\b(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})\b".to_owned(), Form::Named),
            form(r"\b(?P<year>\d{4})/(?P<month>\d{2})/(?P<day>\d{2})\b".to_owned(), Form::Named),
            form(r"(?P<year>\d{4})\s?年\s?(?P<month>\d{1,2})\s?月(?:\s?(?P<day>\d{1,2})\s?日)?".to_owned(), Form::Han),
            form(r"(?P<year>\d{4})년\s?(?P<month>\d{1,2})월(?:\s?(?P<day>\d{1,2})일)?".to_owned(), Form::Han),
            form(
                format!(r"(?i){weekday}\b{day}[ \u{{a0}}](?:of |de )?{month},?[ \u{{a0}}](?:de |del )?{year}"),
                Form::Named,
            ),
            form(format!(r"(?i)\b{month}[ \u{{a0}}]{day},?[ \u{{a0}}]{year}\b"), Form::Named),
            form(format!(r"(?i)\b{month}[ \u{{a0}}](?:of |de |del )?{year}"), Form::Named),
            form(r"\b(?P<a>\d{1,2})\.[ ]?(?P<b>\d{1,2})\.[ ]?(?P<year>(?:19|20|21)\d{2})\b".to_owned(), Form::Numbers),
            form(
                r"\b(?P<a>\d{1,2})(?P<mark>[/-])(?P<b>\d{1,2})[/-](?P<year>(?:19|20|21)\d{2})\b".to_owned(),
                Form::Numbers,
            ),
            form(format!(r"(?i)\b{day}[ \u{{a0}}](?:of |de )?{month}"), Form::Named),
            form(format!(r"(?i)\b{month}[ \u{{a0}}]{day}\b"), Form::Named),
        ],
    }
});

pub(super) fn find(text: &str) -> Vec<Entity> {
    let mut found: Vec<Entity> = Vec::new();
    for (regex, form) in &FORMS.forms {
        for captures in regex.captures_iter(text) {
            let Some(whole) = captures.get(0) else { continue };
            let mut span = whole.range();
            let glued = text[..span.start].chars().next_back().is_some_and(|it| it.is_alphanumeric() || it == '.')
                && !matches!(form, Form::Han);
            let goes_on = text[span.end..].chars().next().is_some_and(|it| it.is_ascii_digit())
                || (text[span.end..].starts_with('-')
                    && text[span.end + 1..].starts_with(|it: char| it.is_ascii_digit()));
            if glued || goes_on || found.iter().any(|it| overlaps(&it.span, &span)) || !possible(&captures) {
                continue;
            }
            // The full stop of a short month at the end may be that of the sentence.
            if text[span.clone()].ends_with('.') && !text[span.clone()].ends_with("г.") {
                span.end -= 1;
            }
            let value = value(&captures, *form);
            found.push(Entity { kind: "date".to_owned(), span, value, score: 0.97 });
        }
    }
    found
}

/// Whether the words are a date at all: `may 5` and `march 12` may be a verb and a number.
fn possible(captures: &Captures<'_>) -> bool {
    let number = |name: &str| captures.name(name).and_then(|it| it.as_str().parse::<u32>().ok());
    if number("day").is_some_and(|day| day == 0 || day > 31) {
        return false;
    }
    let Some(month) = captures.name("month") else { return true };
    let word = month.as_str();
    let ambiguous = matches!(
        word.to_lowercase().trim_end_matches('.'),
        "may" | "march" | "mar" | "mars" | "mai" | "dec" | "sep" | "maj" | "jan" | "ene" | "mei"
    );
    let named = word.chars().next().is_some_and(char::is_alphabetic);
    let small = named && word.chars().next().is_some_and(char::is_lowercase);
    let without_year = captures.name("year").is_none();
    !(ambiguous && small && without_year)
}

fn value(captures: &Captures<'_>, form: Form) -> Option<String> {
    let text = |name: &str| captures.name(name).map(|it| it.as_str());
    let number = |name: &str| text(name).and_then(|it| it.parse::<i8>().ok());
    let year = text("year")?.parse::<i16>().ok()?;
    let (month, day) = match form {
        Form::Named | Form::Han => {
            let month = text("month")?;
            (month.parse::<i8>().ok().or_else(|| named(month))?, number("day"))
        }
        Form::Numbers => {
            let (a, b) = (number("a")?, number("b")?);
            // With points the day comes first; with other marks it is told only where one can be no month.
            match text("mark") {
                None => (b, Some(a)),
                Some(_) if a > 12 => (b, Some(a)),
                Some(_) if b > 12 => (a, Some(b)),
                Some(_) if a == b => (a, Some(b)),
                Some(_) => return None,
            }
        }
    };
    match day {
        Some(day) => jiff::civil::Date::new(year, month, day).ok().map(|date| date.to_string()),
        None => (1..=12).contains(&month).then(|| format!("{year:04}-{month:02}")),
    }
}

fn named(month: &str) -> Option<i8> {
    let month = month.to_lowercase();
    let month = month.trim_end_matches('.');
    let found = MONTHS.iter().find(|(names, _)| names.split('|').any(|it| it == month));
    found.and_then(|(_, number)| i8::try_from(*number).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_dates_in_many_forms() {
        for (text, date, value) in [
            ("off on 14 March 2026, and", "14 March 2026", Some("2026-03-14")),
            ("before 2026-05-02.", "2026-05-02", Some("2026-05-02")),
            ("in Hamburg on 11/12/2023 could", "11/12/2023", None),
            ("on July 8, 2025 with", "July 8, 2025", Some("2025-07-08")),
            ("from January 2026 you", "January 2026", Some("2026-01")),
            ("before 12.08.2025 must", "12.08.2025", Some("2025-08-12")),
            ("in Kiel am 4. Februar 2026.", "4. Februar 2026", Some("2026-02-04")),
            ("el 12 de enero de 2025.", "12 de enero de 2025", Some("2025-01-12")),
            ("desde marzo de 2024.", "marzo de 2024", Some("2024-03")),
            ("Казань 15 мая 2025 года.", "15 мая 2025 года", Some("2025-05-15")),
            ("2026年3月5日に", "2026年3月5日", Some("2026-03-05")),
            ("the 3rd of June 2024", "3rd of June 2024", Some("2024-06-03")),
            ("due 31/12/2026", "31/12/2026", Some("2026-12-31")),
            ("on 30 February 2026", "30 February 2026", None),
            ("until 5 May", "5 May", None),
        ] {
            let found = find(text);
            assert_eq!(found.len(), 1, "{text}: {found:?}");
            assert_eq!((&text[found[0].span.clone()], found[0].value.as_deref()), (date, value), "{text}");
        }
        for text in ["you may 5 times", "978-0-000-12345-6", "clause 7.2", "10.0.0.1"] {
            assert!(find(text).is_empty(), "{text}: {:?}", find(text));
        }
    }
}
