//! Canaries: marked texts of one tenant, looked for in whatever another tenant is answered, in every encoding that a leak
//! might have passed through.

use std::collections::{BTreeMap, BTreeSet};

use aho_corasick::AhoCorasick;
use base64::{Engine, engine::general_purpose};

use crate::client::Exchange;

/// One canary found where it must not be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leak {
    /// Whose canary it is.
    pub tenant: String,
    /// The store that it marks.
    pub store: String,
    /// How it was encoded.
    pub encoding: &'static str,
    /// Where it stood: `body` or a header's name.
    pub place: String,
}

impl std::fmt::Display for Leak {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} holds the canary `{}` of tenant `{}` ({})", self.place, self.store, self.tenant, self.encoding)
    }
}

#[derive(Debug, Clone)]
struct Needle {
    tenant: String,
    store: String,
    plain: String,
}

/// Looks for canaries: all of them, in all encodings, in one pass.
#[derive(Debug, Clone, Default)]
pub struct Scanner {
    needles: Vec<Needle>,
    /// What is looked for: the needle's place, the encoding, the bytes.
    patterns: Vec<(usize, &'static str, Vec<u8>)>,
    automaton: Option<AhoCorasick>,
}

impl Scanner {
    /// A scanner that knows nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the canaries of `tenant`, by store.
    ///
    /// # Panics
    ///
    /// When the patterns outgrow what one automaton can hold, which takes millions of them.
    pub fn add(&mut self, tenant: &str, canaries: &BTreeMap<String, String>) {
        self.add_all(canaries.iter().map(|(store, plain)| (tenant, store.as_str(), plain.as_str())));
    }

    /// Adds texts of many tenants at once: whose each is, what it is, and the text.
    ///
    /// # Panics
    ///
    /// As [`Scanner::add`].
    pub fn add_all<'a>(&mut self, texts: impl IntoIterator<Item = (&'a str, &'a str, &'a str)>) {
        for (tenant, store, plain) in texts.into_iter().filter(|(_, _, plain)| !plain.is_empty()) {
            let place = self.needles.len();
            let (tenant, store) = (tenant.to_owned(), store.to_owned());
            self.needles.push(Needle { tenant, store, plain: plain.to_owned() });
            self.patterns.extend(encodings(plain).into_iter().map(|(encoding, bytes)| (place, encoding, bytes)));
        }
        let bytes = self.patterns.iter().map(|(_, _, bytes)| bytes);
        self.automaton = Some(AhoCorasick::new(bytes).expect("some ten thousand short patterns fit"));
    }

    /// Every canary in `hay`, by its place among the needles, with the first encoding that was found.
    fn find(&self, hay: &[u8]) -> BTreeMap<usize, &'static str> {
        let mut found = BTreeMap::new();
        for hit in self.automaton.iter().flat_map(|automaton| automaton.find_overlapping_iter(hay)) {
            let (place, encoding, _) = &self.patterns[hit.pattern().as_usize()];
            found.entry(*place).or_insert(*encoding);
        }
        found
    }

    /// Everything that is looked for and stands in `text`, each once: what it is, whose, and how it was encoded. The text itself is
    /// not repeated.
    pub fn found(&self, text: &[u8]) -> Vec<String> {
        let told = |(place, encoding): (usize, &'static str)| {
            let needle = &self.needles[place];
            format!("the canary `{}` of tenant `{}` ({encoding})", needle.store, needle.tenant)
        };
        self.find(text).into_iter().map(told).collect()
    }

    /// The canary of a tenant's store.
    pub fn canary(&self, tenant: &str, store: &str) -> Option<&str> {
        let found = self.needles.iter().find(|needle| needle.tenant == tenant && needle.store == store);
        found.map(|needle| needle.plain.as_str())
    }

    /// Every canary, in plain.
    pub fn all(&self) -> impl Iterator<Item = &str> {
        self.needles.iter().map(|needle| needle.plain.as_str())
    }

    /// Canaries of other tenants in the response to `tenant`; `None` is a caller without a tenant, who may see none at all.
    ///
    /// What the request itself carried may come back in the report on the query, where the contract echoes it.
    pub fn leaks(&self, tenant: Option<&str>, exchange: &Exchange) -> Vec<Leak> {
        let sent = exchange.request.body.as_deref().unwrap_or_default();
        let (response, target) = (&exchange.response, exchange.request.target.as_bytes());
        let mut leaks = Vec::new();
        let mut add = |place: &usize, encoding: &'static str, stood: &str| {
            let needle = &self.needles[*place];
            if Some(needle.tenant.as_str()) != tenant {
                let (tenant, store) = (needle.tenant.clone(), needle.store.clone());
                leaks.push(Leak { tenant, store, encoding, place: stood.to_owned() });
            }
        };
        let in_body = self.find(&response.body);
        if !in_body.is_empty() {
            let carried: BTreeMap<_, _> = self.find(sent).into_iter().chain(self.find(target)).collect();
            let answered = if carried.is_empty() { BTreeMap::new() } else { self.find(&without_query(&response.body)) };
            for (place, encoding) in &in_body {
                if !carried.contains_key(place) || answered.contains_key(place) {
                    add(place, encoding, "body");
                }
            }
        }
        for (name, value) in &response.headers {
            for (place, encoding) in &self.find(value.as_bytes()) {
                add(place, encoding, name);
            }
        }
        leaks
    }
}

/// A JSON body without its `query`, which repeats what was asked; other bodies as they are.
fn without_query(body: &[u8]) -> Vec<u8> {
    let Ok(serde_json::Value::Object(mut fields)) = serde_json::from_slice(body) else { return body.to_vec() };
    fields.shift_remove("query");
    serde_json::to_vec(&fields).unwrap_or_default()
}

/// The canary in every form that is looked for.
fn encodings(plain: &str) -> Vec<(&'static str, Vec<u8>)> {
    let mut found = vec![("plain", plain.as_bytes().to_vec())];
    let upper = plain.to_uppercase();
    if upper != plain {
        found.push(("upper case", upper.into_bytes()));
    }
    found.push(("reversed", plain.chars().rev().collect::<String>().into_bytes()));
    found.push(("hex", hex::encode(plain).into_bytes()));
    found.push(("hex", hex::encode_upper(plain).into_bytes()));
    let percent = plain.bytes().fold(String::new(), |text, byte| text + &format!("%{byte:02X}"));
    found.push(("URL-encoded", percent.to_lowercase().into_bytes()));
    found.push(("URL-encoded", percent.into_bytes()));
    let light = crate::client::percent_encode(plain);
    if light != plain {
        found.push(("URL-encoded", light.into_bytes()));
    }
    found.extend(base64_forms(plain).into_iter().map(|form| ("base64", form)));
    found
}

/// What stays the same of a text in base64, wherever in a longer text it stands.
fn base64_forms(plain: &str) -> BTreeSet<Vec<u8>> {
    let mut forms = BTreeSet::new();
    for before in 0..3_usize {
        let mut bytes = vec![b' '; before];
        bytes.extend_from_slice(plain.as_bytes());
        // Letters that neighbouring bytes take part in are left off.
        let from = (before * 8).div_ceil(6);
        let to = bytes.len() * 8 / 6;
        for engine in [&general_purpose::STANDARD_NO_PAD, &general_purpose::URL_SAFE_NO_PAD] {
            let encoded = engine.encode(&bytes).into_bytes();
            if let Some(core) = encoded.get(from..to) {
                forms.insert(core.to_vec());
            }
        }
    }
    forms
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::client::{Request, Response};

    const CANARY: &str = "2fded8b62be3b152b831b8e864a4d112";

    fn exchange(sent: &str, header: &str, body: &str) -> Exchange {
        let mut request = Request::new("POST", "/search");
        request.body = Some(sent.to_owned().into());
        let response = Response {
            status: 200,
            headers: vec![("x-odd".to_owned(), header.to_owned())],
            body: body.to_owned().into(),
            truncated: false,
            broken: false,
            headers_after: Duration::ZERO,
            arrivals: Vec::new(),
            stopped: false,
        };
        Exchange { request, url: String::new(), response, elapsed: Duration::ZERO }
    }

    fn scanner() -> Scanner {
        let mut scanner = Scanner::new();
        scanner.add("owner", &BTreeMap::from([("metadata".to_owned(), CANARY.to_owned())]));
        scanner
    }

    fn encoding(body: &str) -> Option<&'static str> {
        scanner().leaks(Some("stranger"), &exchange("", "", body)).first().map(|leak| leak.encoding)
    }

    #[test]
    fn finds_every_encoding() {
        for (text, expected) in [
            (CANARY.to_owned(), "plain"),
            (CANARY.to_uppercase(), "upper case"),
            (CANARY.chars().rev().collect(), "reversed"),
            (hex::encode(CANARY), "hex"),
            (hex::encode_upper(CANARY), "hex"),
            (CANARY.bytes().fold(String::new(), |text, byte| text + &format!("%{byte:02x}")), "URL-encoded"),
        ] {
            assert_eq!(encoding(&format!("{{\"a\":\"{text}\"}}")), Some(expected));
        }
        for before in ["", "a", "ab", "abc", "abcd"] {
            for after in ["", "z", "yz"] {
                let text = general_purpose::STANDARD.encode(format!("{before}{CANARY}{after}"));
                assert_eq!(encoding(&text), Some("base64"), "{before}|{after}");
            }
        }
        assert_eq!(encoding("nothing of the kind"), None);
    }

    #[test]
    fn lets_the_owner_see_it() {
        assert!(scanner().leaks(Some("owner"), &exchange("", CANARY, CANARY)).is_empty());
        assert_eq!(
            scanner().leaks(None, &exchange("", CANARY, "")).first().map(|leak| leak.place.as_str()),
            Some("x-odd")
        );
    }

    #[test]
    fn lets_an_echo_of_the_query_pass_but_no_answer() {
        let sent = format!("{{\"query\":\"{CANARY}\"}}");
        let echo = format!("{{\"query\":{{\"original\":\"{CANARY}\"}},\"answer\":\"none\"}}");
        assert!(scanner().leaks(Some("stranger"), &exchange(&sent, "", &echo)).is_empty());
        let leak = format!("{{\"query\":{{}},\"answer\":\"{CANARY}\"}}");
        assert_eq!(scanner().leaks(Some("stranger"), &exchange(&sent, "", &leak)).len(), 1);
        assert_eq!(scanner().leaks(Some("stranger"), &exchange("", "", &echo)).len(), 1);
    }
}
