//! Numbers, times and texts as people read them.

use std::fmt;

use jiff::Timestamp;

use crate::redact;

/// A text on its way into HTML: secrets removed, markup escaped, invisible controls made visible.
pub(crate) struct Text<'a>(pub(crate) &'a str);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in redact(self.0).chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                c if invisible(c) => write!(f, "⟨U+{:04X}⟩", u32::from(c))?,
                c => write!(f, "{c}")?,
            }
        }
        Ok(())
    }
}

/// A text on its way into a form without markup of its own: secrets removed, characters that hide or that XML refuses replaced.
pub(crate) fn plain(text: &str) -> String {
    let refused = |c: char| invisible(c) || matches!(c, '\u{fffe}' | '\u{ffff}');
    redact(text).chars().map(|c| if refused(c) { '\u{fffd}' } else { c }).collect()
}

/// What `write` writes.
pub(crate) fn written(write: impl FnOnce(&mut String) -> fmt::Result) -> String {
    let mut out = String::new();
    write(&mut out).expect("writing to a String cannot fail");
    out
}

/// Characters that could hide or turn around the text beside them: controls, direction marks, zero-width ones.
pub(crate) fn invisible(c: char) -> bool {
    let kept = matches!(c, '\n' | '\t');
    let hides = matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    (c.is_control() && !kept) || hides
}

/// `12345` as `12,345`.
pub(crate) fn count(number: u64) -> String {
    group(&number.to_string())
}

fn group(digits: &str) -> String {
    let first = digits.len() % 3;
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && index % 3 == first {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A length as the number that [`count`] takes.
pub(crate) fn length(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// `1 case`, `2 cases`.
pub(crate) fn plural(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

/// Share of `part` in `whole` between 0 and 1; 0 of nothing.
#[expect(clippy::cast_precision_loss, reason = "a share on a page needs no more than a double holds")]
pub(crate) fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// A share in percent with one decimal, cut and not rounded: only all of it is 100.
pub(crate) fn percent(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "–".to_owned();
    }
    let tenths = u128::from(part) * 1000 / u128::from(whole);
    format!("{}.{} %", tenths / 10, tenths % 10)
}

/// A number with `decimals` decimals, grouped by thousands, with a real minus sign.
pub(crate) fn decimal(value: f64, decimals: usize) -> String {
    let text = format!("{:.decimals$}", value.abs());
    let (whole, rest) = text.find('.').map_or((text.as_str(), ""), |dot| text.split_at(dot));
    let negative = value < 0.0 && text.bytes().any(|byte| (b'1'..=b'9').contains(&byte));
    format!("{}{}{rest}", if negative { "−" } else { "" }, group(whole))
}

/// Like [`decimal`], with a plus sign for what is above zero.
pub(crate) fn signed(value: f64, decimals: usize) -> String {
    let text = decimal(value, decimals);
    let zero = !text.bytes().any(|byte| (b'1'..=b'9').contains(&byte));
    if value > 0.0 && !zero { format!("+{text}") } else { text }
}

/// `2026-03-02 09:15 UTC`.
pub(crate) fn moment(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// The time from `from` to `to` in its two largest units.
pub(crate) fn span(from: Timestamp, to: Timestamp) -> String {
    let milliseconds = to.as_millisecond().saturating_sub(from.as_millisecond()).max(0);
    let seconds = milliseconds / 1000;
    match seconds {
        0..10 => format!("{}.{} s", seconds, milliseconds % 1000 / 100),
        10..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// The first ten digits of a commit.
pub(crate) fn commit(commit: Option<&str>) -> &str {
    commit.map_or("–", |commit| commit.get(..10).unwrap_or(commit))
}

/// At most `bytes` bytes of `text`, cut between characters, and whether anything was cut.
pub(crate) fn cut(text: &str, bytes: usize) -> (&str, bool) {
    let end = text.floor_char_boundary(bytes);
    (&text[..end], end < text.len())
}

#[cfg(test)]
mod tests;
