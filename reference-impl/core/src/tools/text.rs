//! Small looks at text that several tools share.

use std::collections::HashMap;

use crate::retrieve::words::{is_stop_word, stem, words};

/// Function words of other languages than English, of which [`is_stop_word`] knows those.
const FOREIGN: [(&str, &str); 7] = [
    (
        "de",
        "der die das den dem des ein eine einen einem einer eines und oder aber nicht ist sind war waren wird werden wurde \
         wurden mit von vom zum zur im am auf aus bei nach für über unter vor zwischen durch gegen ohne um sich auch noch \
         nur schon wenn weil dass als wie so es er sie wir ihr ich man hat haben hatte kann muss soll bitte sehr mehr ihre \
         seine dieser diese dieses beim an zu",
    ),
    (
        "fr",
        "le la les un une des du de et ou mais ne pas est sont était étaient sera avec par pour sur sous dans en au aux \
         ce cette ces cet qui que quoi dont où il elle ils elles nous vous je tu on se sa son ses leur leurs plus très \
         aussi comme selon chez après avant l d n qu aucun été",
    ),
    (
        "es",
        "el la los las un una unos unas de del y o pero no es son era eran será con por para sobre en al este esta estos \
         estas ese esa que quien cuyo donde él ella ellos ellas nosotros yo tú se su sus más muy también como según desde \
         hasta entre cuando porque hay fue lo",
    ),
    (
        "it",
        "il lo la i gli le un uno una di del della dei delle e o ma non è sono era erano con per su in al alla che chi dove \
         lui lei loro noi io si suo sua più molto anche come da dal nel nella questo questa ha",
    ),
    (
        "nl",
        "de het een en of maar niet is zijn was waren met van voor op in aan bij naar uit over onder door tot dat die dit \
         deze wie wat waar hij zij wij ik je zich ook nog als dan te er heeft worden werd nu",
    ),
    (
        "pt",
        "o a os as um uma de do da dos das e ou mas não é são era eram com por para em no na ao que quem onde ele ela eles \
         nós eu se seu sua mais muito também como até entre quando",
    ),
    (
        "sv",
        "den det en ett och eller men inte är var med av för på i till från som vem vad där han hon de vi jag sig sin också \
         har blev att om",
    ),
];

/// The language of a text as a tag, `und` where it cannot be told: by script, then by function words.
pub(super) fn language(text: &str) -> &'static str {
    let mut scripts: HashMap<&'static str, usize> = HashMap::new();
    let mut letters = 0_usize;
    for character in text.chars().filter(|it| it.is_alphabetic()).take(20_000) {
        letters += 1;
        *scripts.entry(script(character)).or_default() += 1;
    }
    let count = |name: &str| scripts.get(name).copied().unwrap_or_default();
    if letters == 0 {
        return "und";
    }
    if count("kana") * 10 > letters {
        return "ja";
    }
    let most = scripts.iter().max_by_key(|(name, count)| (**count, **name)).map_or("", |(name, _)| *name);
    match most {
        "cyrillic" => return if text.contains(['і', 'ї', 'є', 'ґ']) { "uk" } else { "ru" },
        "greek" => return "el",
        "arabic" => return "ar",
        "hebrew" => return "he",
        "han" => return "zh",
        "hangul" => return "ko",
        "devanagari" => return "hi",
        "thai" => return "th",
        "latin" => {}
        _ => return "und",
    }
    let words: Vec<String> = words(text).into_iter().take(4000).collect();
    let mut best = ("und", 0_usize);
    let english = words.iter().filter(|word| is_stop_word(word)).count();
    if english > 0 {
        best = ("en", english);
    }
    for (tag, list) in FOREIGN {
        let known: Vec<&str> = list.split_ascii_whitespace().collect();
        let found = words.iter().filter(|word| known.contains(&word.as_str())).count();
        if found > best.1 {
            best = (tag, found);
        }
    }
    best.0
}

fn script(character: char) -> &'static str {
    match u32::from(character) {
        0x41..=0x24F | 0x1E00..=0x1EFF => "latin",
        0x370..=0x3FF | 0x1F00..=0x1FFF => "greek",
        0x400..=0x52F => "cyrillic",
        0x590..=0x5FF => "hebrew",
        0x600..=0x6FF | 0x750..=0x77F => "arabic",
        0x900..=0x97F => "devanagari",
        0xE00..=0xE7F => "thai",
        0x3040..=0x30FF => "kana",
        0x4E00..=0x9FFF | 0x3400..=0x4DBF => "han",
        0xAC00..=0xD7AF => "hangul",
        _ => "other",
    }
}

/// Whether a lower-case word is a function word of any language that is known here.
pub(super) fn is_function_word(word: &str) -> bool {
    is_stop_word(word) || FOREIGN.iter().any(|(_, list)| list.split_ascii_whitespace().any(|it| it == word))
}

/// Content stems without function words of any known language, in order.
pub(super) fn content(text: &str) -> Vec<String> {
    words(text).iter().filter(|it| !is_function_word(it)).map(|it| stem(it)).collect()
}

/// Words as a reader counts them: between spaces, or by Unicode's rules where a script writes none.
pub(super) fn count_words(text: &str) -> usize {
    let spaced = text.split_whitespace().filter(|it| it.chars().any(char::is_alphanumeric)).count();
    let unspaced = text.chars().filter(|it| matches!(script(*it), "han" | "kana" | "thai")).count();
    spaced.max(unspaced)
}

/// Cosine of two vectors of unit length.
pub(super) fn cosine(one: &[f32], other: &[f32]) -> f64 {
    one.iter().zip(other).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_languages_by_script_and_function_words() {
        for (text, tag) in [
            ("The mill has four sails and grinds the grain.", "en"),
            ("Die Mühle hat vier Flügel und mahlt das Korn.", "de"),
            ("Le moulin a quatre ailes et il est dans la vallée.", "fr"),
            ("El molino está en la colina y tiene cuatro aspas.", "es"),
            ("Мельница стоит на холме.", "ru"),
            ("風車は丘の上にある。", "ja"),
            ("طاحونة على التل", "ar"),
            ("🎉 12 + 4", "und"),
        ] {
            assert_eq!(language(text), tag, "{text}");
        }
    }

    #[test]
    fn counts_words_with_and_without_spaces() {
        assert_eq!(
            (count_words("The mill, e.g. here — turns."), count_words("風車は丘"), count_words(" … ")),
            (5, 4, 0)
        );
    }
}
