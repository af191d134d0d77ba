//! Secrets: the keys and tokens of common providers by their shape, and whatever stands where a secret belongs if it looks drawn at random.

use std::ops::RangeInclusive;
use std::sync::LazyLock;

use regex::Regex;

use super::rules::Hit;

/// What must hold of a match before it counts. The first group of a pattern is what is looked at, or all of it where there is none.
#[derive(Debug, Clone)]
enum Check {
    /// The shape says enough.
    Shape,
    /// It is not a placeholder.
    Real,
    /// It is not a placeholder, and has so many characters: a longer run is something else.
    Long(RangeInclusive<usize>),
    /// Letters and digits that are no word, template, UUID or example.
    Random,
    /// As [`Check::Random`], and no UUID, which is how settings name things.
    Assigned,
    /// A token with lower-case letters or digits, so that words in capitals are none.
    Mixed,
    /// The name or the password of `name:password` is random.
    Pair,
    /// Its first part is a JSON object in base64.
    WebToken,
}

struct Pattern {
    category: &'static str,
    score: f64,
    regex: Regex,
    check: Check,
}

const AFTER: &str = r#"(?:^|[\s'"`=:(,>/])"#;

fn table() -> Vec<(&'static str, f64, String, Check)> {
    use Check::{Assigned, Long, Mixed, Pair, Random, Real, Shape, WebToken};
    let typed = |pattern: &str| pattern.to_owned();
    vec![
        ("platform_key", 1.0, typed(r"\bpl_[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?_[0-9A-Za-z]{38}\b"), Shape),
        (
            "private_key",
            1.0,
            typed(r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY(?: BLOCK)?-----|\bAGE-SECRET-KEY-1[0-9A-Z]{58}\b"),
            Shape,
        ),
        ("cloud_key", 0.95, typed(r"\b(?:AKIA|ASIA|ABIA|ACCA|A3T[0-9A-Z])[0-9A-Z]{16}\b"), Shape),
        ("cloud_key", 0.95, typed(r"\bABSK([0-9A-Za-z+/]+)"), Long(100..=270)),
        ("cloud_key", 0.95, typed(r"\bAIza[0-9A-Za-z_-]{35}\b"), Real),
        ("cloud_key", 0.95, typed(r"(?i)\bAccountKey\s*=\s*([0-9a-z+/]{86}==)"), Real),
        ("cloud_key", 0.9, format!(r"{AFTER}([0-9A-Za-z_~.]{{3}}[0-9]Q~[0-9A-Za-z_~.-]+)"), Long(37..=40)),
        (
            "cloud_key",
            0.9,
            typed(
                r"\bdo[opr]_v1_[0-9a-f]{64}\b|\bdapi[0-9a-f]{32}\b|\bLTAI[0-9A-Za-z]{17,21}\b|\bHRKU-AA[0-9A-Za-z_-]{58}\b",
            ),
            Real,
        ),
        ("access_token", 0.95, typed(r"\bgh[pousr]_[0-9A-Za-z]{36,}\b|\bgithub_pat_[0-9A-Za-z_]{40,}\b"), Real),
        ("access_token", 0.95, typed(r"\bgl(?:pat|rt|dt|cbt|ft|soat|ffct)-([0-9A-Za-z_.-]{20,})"), Real),
        ("access_token", 0.95, typed(r"\bGR1348941([0-9A-Za-z_-]{20,})"), Real),
        ("access_token", 0.95, typed(r"\bglptt-([0-9A-Za-z_-]+)"), Long(40..=40)),
        ("access_token", 0.95, typed(r"\bgloas-([0-9A-Za-z_-]+)"), Long(64..=64)),
        ("access_token", 0.95, typed(r"\bglimt-([0-9A-Za-z_-]+)"), Long(25..=25)),
        ("access_token", 0.95, typed(r"\bglagent-([0-9A-Za-z_-]+)"), Long(50..=100)),
        (
            "access_token",
            0.95,
            typed(
                r"\bxox[abposr]-(?:[0-9]{9,14}-){1,3}[0-9A-Za-z]{20,}\b|\bxoxe(?:\.xox[bp])?-[0-9]-[0-9A-Za-z]{140,}|\bxapp-[0-9]-[0-9A-Z]+-[0-9]+-[0-9a-z]{30,}",
            ),
            Real,
        ),
        (
            "access_token",
            0.95,
            typed(r"\bhooks\.slack\.com/(?:services|workflows|triggers)/(T[0-9A-Z]+/[0-9A-Za-z/]{20,})"),
            Real,
        ),
        ("access_token", 0.95, typed(r"\bsk-[0-9A-Za-z]{20,}\b|\bsk-(?:proj|svcacct|admin)-[0-9A-Za-z_-]{20,}"), Real),
        ("access_token", 0.95, typed(r"\bsk-ant-(?:api|admin)[0-9]{2}-([0-9A-Za-z_-]{93}AA)\b"), Real),
        (
            "access_token",
            0.95,
            typed(r"\b[rs]k_(?:live|test|prod)_[0-9A-Za-z]{16,}\b|\bsq0(?:atp|csp|idp)-[0-9A-Za-z_-]{22,}"),
            Real,
        ),
        (
            "access_token",
            0.9,
            typed(
                r"\bSG\.[0-9A-Za-z_-]{20,24}\.[0-9A-Za-z_-]{39,50}\b|\b[0-9a-f]{32}-us[0-9]{1,2}\b|\bxkeysib-[0-9a-f]{64}-[0-9A-Za-z]{16}\b|\bkey-[0-9a-f]{32}\b",
            ),
            Real,
        ),
        (
            "access_token",
            0.9,
            typed(
                r"\bpypi-AgE[0-9A-Za-z_-]{50,}|\bnpm_[0-9A-Za-z]{36}\b|\brubygems_[0-9a-f]{48}\b|\bCLOJARS_[0-9a-z]{60}\b",
            ),
            Real,
        ),
        (
            "access_token",
            0.9,
            typed(r"//\S+/:_authToken=\s*([0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})"),
            Real,
        ),
        (
            "access_token",
            0.9,
            format!(r"{AFTER}([MNO][0-9A-Za-z_-]{{23,25}}\.[0-9A-Za-z_-]{{6}}\.[0-9A-Za-z_-]{{27,38}})\b"),
            Real,
        ),
        ("access_token", 0.9, typed(r"\b[0-9]{8,10}:([0-9A-Za-z_-]{35})\b"), Real),
        ("access_token", 0.9, typed(r"\b(?:SK|AC)([0-9a-f]{32})\b"), Real),
        ("access_token", 0.8, format!(r"{AFTER}(AKC[0-9A-Za-z]{{10,}}|AP[0-9A-F][0-9A-Za-z]{{8,}})\b"), Mixed),
        ("access_token", 0.95, typed(r"\bops_(eyJ[0-9A-Za-z+/_-]{250,}={0,3})"), Real),
        ("access_token", 0.9, typed(r"\b[0-9]{15,16}(?:\||%7C)([0-9A-Za-z_-]{27,40})\b|\bEAA[0-9A-Za-z]{80,}\b"), Real),
        (
            "access_token",
            0.95,
            typed(r"\bhv[sbr]\.([0-9A-Za-z_-]{24,})|\b[0-9A-Za-z]{14}\.atlasv1\.[0-9A-Za-z_-]{60,70}"),
            Real,
        ),
        (
            "access_token",
            0.9,
            typed(r"\bs-s4t2(?:ud|af)-[0-9a-f]{64}\b|\bntn_[0-9]{11}[0-9A-Za-z]{35}\b|\bsecret_[0-9A-Za-z]{43}\b"),
            Real,
        ),
        (
            "access_token",
            0.9,
            typed(r"\bsgp_(?:(?:[0-9A-Fa-f]{16}|local)_)?[0-9A-Fa-f]{40}\b|\bgl(?:c|sa)_[0-9A-Za-z+/=_]{32,}"),
            Real,
        ),
        (
            "access_token",
            0.9,
            typed(
                r"\bshp(?:at|ca|pa|ss)_[0-9A-Fa-f]{32}\b|\bhf_[A-Za-z]{34}\b|\blin_api_[0-9A-Za-z]{40}\b|\bNRAK-[0-9A-Z]{27}\b|\bPMAK-[0-9a-f]{24}-[0-9a-f]{34}\b",
            ),
            Real,
        ),
        (
            "access_token",
            0.9,
            typed(
                r"\bsha256~([0-9A-Za-z_-]{43})|\bpnu_([0-9A-Za-z]{36})\b|\brdme_[0-9a-z]{70}\b|\bpul-[0-9a-f]{40}\b|\bdp\.[a-z]{2,5}\.[0-9A-Za-z]{40,44}\b|\bpplx-[0-9A-Za-z]{48}\b",
            ),
            Real,
        ),
        (
            "access_token",
            0.9,
            typed(
                r"\bdt0c01\.[0-9A-Z]{24}\.[0-9A-Z]{64}\b|\bpscale_(?:tkn|pw|oauth)_[0-9A-Za-z=._-]{32,}|\bEZ[AT]K[0-9A-Za-z]{54}\b|\bsntry[su]_[0-9A-Za-z+/=_]{60,}|\bATATT3[0-9A-Za-z_=-]{186}|\bfo1_[0-9A-Za-z_-]{43}\b",
            ),
            Real,
        ),
        (
            "json_web_token",
            0.9,
            typed(r"\b(eyJ[0-9A-Za-z_-]{8,})\.eyJ[0-9A-Za-z_-]{8,}(?:\.[0-9A-Za-z_-]{16,})?"),
            WebToken,
        ),
        (
            "basic_auth",
            0.8,
            typed(r#"\b[a-z][a-z0-9+.-]{1,20}://[^\s:/@'"`<>]{1,100}:([^\s:/@'"`;<>$%{}]{4,100})@[0-9A-Za-z]"#),
            Real,
        ),
        (
            "basic_auth",
            0.8,
            typed(r#"\bcurl\b[^\n]*?\s(?:-u|--user)(?:\s+|=)["']?([^\s"':]+["']?:["']?[^\s"']*)"#),
            Pair,
        ),
        (
            "authorization_header",
            0.8,
            typed(
                r#"(?i)\bauthorization["']?\s*:\s*["']?(?:(?:basic|bearer|token|api-token)\s+)?([0-9a-z._~+/-]{8,}=*)"#,
            ),
            Random,
        ),
        (
            "authorization_header",
            0.8,
            typed(r#"(?i)\b(?:x-)?(?:api|auth|access)-(?:token|key)["']?\s*:\s*["']?([0-9a-z._~+/-]{10,}=*)"#),
            Random,
        ),
        (
            "assigned_secret",
            0.7,
            typed(
                r#"(?i)(?:password|passwd|passphrase|\bpwd|[_-]pwd|secret|client[_-]?secret|(?:api|access|account|private|secret|storage)[_-]?key|(?:access|auth|api|refresh|bearer|secret)[_-]?token)["']?\s*(?::=|=>|=|:)\s*["']?([^\s"',;()]{8,})"#,
            ),
            Assigned,
        ),
    ]
}

static PATTERNS: LazyLock<Vec<Pattern>> = LazyLock::new(|| {
    let compiled = table().into_iter().filter_map(|(category, score, pattern, check)| {
        // A pattern that does not compile is caught by a test, so none is lost here.
        let regex = Regex::new(&pattern).ok()?;
        Some(Pattern { category, score, regex, check })
    });
    compiled.collect()
});

/// Every kind of secret.
pub(super) fn categories() -> impl Iterator<Item = &'static str> {
    PATTERNS.iter().map(|pattern| pattern.category)
}

/// Every secret of `text`.
pub(super) fn find(text: &str) -> Vec<Hit> {
    let mut hits = Vec::new();
    for pattern in PATTERNS.iter() {
        for groups in pattern.regex.captures_iter(text) {
            let (Some(whole), value) = (groups.get(0), groups.iter().skip(1).flatten().next()) else { continue };
            let value = value.unwrap_or(whole);
            if passes(&pattern.check, value.as_str()) {
                hits.push(Hit { category: pattern.category, score: pattern.score, span: whole.range() });
            }
        }
    }
    hits
}

fn passes(check: &Check, value: &str) -> bool {
    match check {
        Check::Shape => true,
        Check::Real => !is_placeholder(value),
        Check::Long(characters) => characters.contains(&value.len()) && !is_placeholder(value),
        Check::Random => is_random(value),
        Check::Assigned => is_random(value) && !is_uuid(value),
        Check::Mixed => value.bytes().skip(3).any(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()),
        Check::Pair => {
            !is_template(value) && value.split(':').any(|part| is_random(part.trim_matches(['"', '\'', '{', '}'])))
        }
        Check::WebToken => decoded_end(value) == Some(b'}'),
    }
}

/// Shannon entropy of the characters, in bits for each.
#[expect(clippy::cast_precision_loss, reason = "lengths of tokens fit a double")]
fn entropy(value: &str) -> f64 {
    let mut counts = [0_usize; 256];
    value.bytes().for_each(|byte| counts[usize::from(byte)] += 1);
    let all = value.len().max(1) as f64;
    counts.iter().filter(|count| **count > 0).map(|count| *count as f64 / all).map(|share| -share * share.log2()).sum()
}

/// What stands for a secret in a manual: one character again and again, the alphabet, words that say so.
fn is_placeholder(value: &str) -> bool {
    const WORDS: [&str; 8] =
        ["your_", "your-", "insert_", "placeholder", "changeme", "change_me", "redacted", "xxxxxx"];
    let lower = value.to_ascii_lowercase();
    let bytes = lower.as_bytes();
    let same = bytes.windows(7).any(|run| run.iter().all(|byte| *byte == run[0]));
    let ascending = bytes.windows(8).any(|run| run.windows(2).all(|pair| pair[1] == pair[0].wrapping_add(1)));
    let dull = value.len() >= 16 && entropy(value) < 2.5;
    same || ascending || dull || WORDS.iter().any(|word| lower.contains(word))
}

fn is_template(value: &str) -> bool {
    let starts = ["$", "<", "%", "{{", "[", "`", "@", "#{"];
    starts.iter().any(|start| value.starts_with(start)) || value.contains("${") || value.contains(":$")
}

fn is_uuid(value: &str) -> bool {
    let parts: Vec<usize> = value.trim_end_matches(['"', '\'']).split('-').map(str::len).collect();
    parts == [8, 4, 4, 4, 12] && value.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

/// Letters and digits in a mixture that no word, path, version, UUID of a setting or example has.
fn is_random(value: &str) -> bool {
    let has = |test: fn(&u8) -> bool| value.bytes().any(|byte| test(&byte));
    value.len() >= 8
        && has(u8::is_ascii_alphabetic)
        && has(u8::is_ascii_digit)
        && entropy(value) >= 2.7
        && !is_template(value)
        && !is_placeholder(value)
        && !value.contains("://")
        && !value.contains("::")
}

/// The last byte that URL-safe base64 decodes to.
fn decoded_end(value: &str) -> Option<u8> {
    let six = |byte: u8| match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'-' | b'+' => Some(62),
        b'_' | b'/' => Some(63),
        _ => None,
    };
    let bytes = value.as_bytes();
    let (last, before) = (six(*bytes.last()?)?, six(*bytes.get(bytes.len().checked_sub(2)?)?)?);
    match bytes.len() % 4 {
        0 => Some(before << 6 | last),
        3 => Some(before << 4 | last >> 2),
        2 => Some(before << 2 | last >> 4),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(text: &str) -> Option<&'static str> {
        find(text).first().map(|hit| hit.category)
    }

    #[test]
    fn compiles_every_pattern() {
        assert_eq!(PATTERNS.len(), table().len());
    }

    #[test]
    fn finds_secrets_by_their_shape_and_their_place() {
        let cases = [
            ("token ghp_q7Zt0LmX2vBn8RkWc5YsHd3Jf6GpTa9UeQx1", "access_token"),
            ("glpat-q7Zt0LmX2vBn8RkWc5Ys", "access_token"),
            ("git clone https://ada:m4rigold@git.example.org/x", "basic_auth"),
            ("curl -u ada:m4rigold77 https://example.org", "basic_auth"),
            ("Authorization: Bearer q7Zt0LmX2vBn8RkWc5Ys", "authorization_header"),
            ("DB_PASSWORD=m4rigold-77", "assigned_secret"),
            ("client_secret: 'q7Zt0LmX2vBn8Rk'", "assigned_secret"),
        ];
        for (text, category) in cases {
            assert_eq!(first(text), Some(category), "{text}");
        }
    }

    #[test]
    fn leaves_near_misses_alone() {
        let texts = [
            "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
            "password=${DB_PASSWORD}",
            "api_key: <your key>",
            "password: your-password-123",
            "curl -u user:pass https://example.org",
            "curl -u \"$NAME:$WORD1234\" https://example.org",
            "https://example.org:8080/a@b",
            "access_key = 0736f5ef-7e88-499a-80cc-90c85d2a5180",
            "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            "the password: reset it in the settings",
        ];
        for text in texts {
            assert_eq!(first(text), None, "{text}");
        }
    }
}
