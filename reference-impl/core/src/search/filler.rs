//! Filler: greetings, politeness and hesitation around a query, which ask nothing.

use std::sync::LazyLock;

use regex::Regex;

use crate::retrieve::words::{is_stop_word, spans};

/// Beginnings. Each match ends where something else begins.
static BEFORE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?ix)^(?:[\s,;:!.\u{2014}-]*)(?:
            (?:hi|hello|hey|hiya|good\ (?:morning|afternoon|evening|day))(?:\ (?:there|all|team|folks|everyone|everybody|guys|bot|again))?
          | dear\ (?:all|team|support|colleagues|everyone|sir|madam)
          | (?:please|pls|plz|kindly|u+mm*|u+hm*|e+r+m*|hmm+|basically|anyway|anyways)
          | (?:so|ok|okay)(?:\ then)?
          | (?:well|right|listen|look|actually|honestly|yes|no)\s*[,;:!.]
          | you\ know\s*,
          | (?:just\ )?(?:a\ |one\ )?(?:quick|short|small|another)\ (?:question|one)(?:\ (?:about|on|regarding))?
          | (?:i\ (?:have|got|'ve\ got)\ )(?:a|one|another)\ (?:quick\ |short\ )?question(?:\ (?:about|on|regarding))?
          | (?:my|the)\ question\ is
          | (?:i(?:'m|\ am)\ )?(?:just\ )?curious(?:\ (?:about|if|whether))?\s*[,;:]?
          | (?:i(?:'m|\ am)\ )?(?:so\ |very\ )?sorry(?:\ (?:to\ (?:bother|disturb|trouble)(?:\ you)?|for\ (?:asking|the\ (?:trouble|question))))?\s*[,;:]?(?:\ but)?
          | excuse\ me\s*[,;:]?(?:\ but)?
          | (?:is\ there\ )?any\ chance\ (?:that\ )?(?:you|someone|anyone)\ (?:could|can|might)\ (?:tell|explain\ to|show)\ (?:me|us)
          | (?:can|could|would|will)\ (?:you|someone|anyone|anybody|somebody)\ (?:please\ |kindly\ |maybe\ |perhaps\ )?(?:tell|inform|explain\ to)\ (?:me|us)(?:\ please)?(?:\ about)?
          | (?:can|could|would|will)\ (?:you|someone|anyone)\ (?:please\ |kindly\ )?let\ (?:me|us)\ know
          | (?:do|does)\ (?:you|anyone|anybody|someone|somebody)\ (?:happen\ to\ |perhaps\ )?know
          | would\ you\ mind\ (?:telling|explaining\ to)\ (?:me|us)
          | (?:i|we)(?:'d|\ would)?\ (?:really\ )?(?:like|love|want|need|wish|have)\ to\ (?:know|ask|find\ out|understand)
          | (?:i|we)(?:'d|\ would)\ (?:be\ grateful|appreciate\ it)\ if\ (?:you|someone)\ (?:could|can|would)\ (?:say|tell|tell\ me|explain)
          | (?:i|we)(?:'m|'re|\ am|\ are|\ was|\ were)?\ (?:just\ )?wonder(?:ing|ed)?
          | (?:just\ )?wondering
          | (?:let|tell|inform)\ (?:me|us)(?:\ know)?(?:\ about)?
          | (?:many\ )?(?:thanks?|thx|cheers)(?:\ you)?(?:\ (?:a\ lot|so\ much|very\ much|again))?(?:\ in\ advance)?(?:\ for\ (?:telling|letting|explaining|helping)(?:\ to)?(?:\ (?:me|us))?(?:\ know)?)?
        )(?:[\s,;:!.\u{2014}-]+|$)",
    )
    .ok()
});

/// Endings.
static AFTER: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?ix)(?:[\s,;!.?\u{2014}-]+)(?:
            please|pls|plz|asap|cheers|thx|ty|if\ possible
          | (?:many\ )?thanks?(?:\ you)?(?:\ (?:a\ lot|so\ much|very\ much|again))?(?:\ in\ advance)?(?:\ for\ (?:your|the|any)\ help)?
        )[\s,;!.?]*$",
    )
    .ok()
});

/// The part of `query` without filler before and after it; all of it when nothing would be left to ask.
pub(crate) fn strip_filler(query: &str) -> &str {
    let mut rest = query;
    while let Some(found) = BEFORE.as_ref().and_then(|regex| regex.find(rest)) {
        let tail = &rest[found.end()..];
        if !asks(tail) {
            break;
        }
        rest = tail;
    }
    while let Some(found) = AFTER.as_ref().and_then(|regex| regex.find(rest)) {
        let mark = rest[found.start()..].starts_with(['?', '!', '.']);
        let head = &rest[..found.start() + usize::from(mark)];
        if !asks(head) {
            break;
        }
        rest = head;
    }
    rest
}

/// Whether a text holds something to look for.
fn asks(text: &str) -> bool {
    let words = spans(text);
    let telling = |word: &str| word.chars().any(char::is_numeric) || !is_stop_word(&word.to_lowercase());
    let weak = ["please", "thanks", "thank", "joke", "hello", "more"];
    words.iter().any(|span| telling(&text[span.clone()]) && !weak.contains(&text[span.clone()].to_lowercase().as_str()))
        && (words.len() > 1 || words.iter().any(|span| text[span.clone()].chars().count() > 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_filler_away() {
        assert!(BEFORE.is_some() && AFTER.is_some());
        let cases = [
            ("Please tell me, what is the warranty?", "what is the warranty?"),
            ("Can you tell me the refund fee please", "the refund fee"),
            ("Hi there! Do you know when support opens? Thanks a lot!", "when support opens?"),
            ("ok so pls tell us about \"tell the crew\" please", "\"tell the crew\""),
            ("what does \"please hold\" mean", "what does \"please hold\" mean"),
            ("please", "please"),
            ("tell me", "tell me"),
            ("tell me more", "tell me more"),
            ("thanks", "thanks"),
            ("hello hello hello", "hello hello hello"),
            ("Tell the story of the company", "Tell the story of the company"),
            ("", ""),
        ];
        for (query, expected) in cases {
            assert_eq!(strip_filler(query), expected, "{query}");
        }
    }
}
