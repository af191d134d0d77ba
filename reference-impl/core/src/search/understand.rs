//! Query understanding: corrections, rewriting, expansion.

use std::collections::HashSet;

use super::filler::strip_filler;
use super::spelling::{Correction, correct_spelling};
use super::vocabulary::Vocabulary;
use crate::ports::QuestionTerm;
use crate::retrieve::quoted_phrases;
use crate::retrieve::words::{is_stop_word, stem, words};
use crate::sabotage::{self, Sabotage};

/// Most words that expansion adds to a query.
const MAX_EXPANSIONS: usize = 8;
/// Words that shape a question and tell little of what it is about weigh this much.
const LIGHT: f64 = 0.3;
/// Weight of a word that the documents do not know.
const UNKNOWN: f64 = 1.5;

/// Words of questions about anything.
pub(super) const QUESTION_WORDS: [&str; 37] = [
    "long",
    "take",
    "need",
    "want",
    "use",
    "happen",
    "know",
    "mean",
    "work",
    "kind",
    "type",
    "way",
    "thing",
    "old",
    "last",
    "often",
    "far",
    "fast",
    "big",
    "possible",
    "allow",
    "say",
    "tell",
    "show",
    "list",
    "find",
    "explain",
    "describe",
    "summarize",
    "give",
    "make",
    "exist",
    "someone",
    "something",
    "anything",
    "time",
    "go",
];

/// Groups of words that stand for one another in handbooks. A word of the tenant's own vocabulary is added to a query
/// that holds another of its group.
pub(super) const SYNONYMS: [&[&str]; 40] = [
    &["price", "cost", "fee", "charge", "rate"],
    &["refund", "reimburse", "reimbursement", "repaid"],
    &["money", "payment", "amount"],
    &["bill", "invoice"],
    &["overdue", "late"],
    &["delivery", "shipping", "dispatch", "shipment"],
    &["parcel", "package", "order"],
    &["quick", "fast", "express"],
    &["warranty", "guarantee"],
    &["broken", "damaged", "defective", "faulty", "defect"],
    &["fix", "repair", "mend"],
    &["phone", "telephone", "call"],
    &["email", "mail", "mailbox"],
    &["reach", "contact", "reachable"],
    &["privacy", "gdpr", "protection"],
    &["delete", "erase", "remove", "deleted"],
    &["kept", "keep", "retain", "retained", "stored", "store", "retention"],
    &["backup", "backups", "copies"],
    &["password", "passphrase", "credential"],
    &["login", "sign", "log", "signin"],
    &["lock", "locked", "blocked"],
    &["attempts", "tries"],
    &["factor", "mfa", "2fa", "authenticator"],
    &["outage", "incident", "downtime", "disruption"],
    &["postmortem", "mortem", "review"],
    &["holiday", "vacation", "closure", "closed", "closes"],
    &["office", "headquarters"],
    &["hours", "opening", "open"],
    &["support", "helpdesk", "help"],
    &["answer", "respond", "response", "reply"],
    &["limit", "quota", "maximum", "cap"],
    &["request", "query"],
    &["pager", "page", "paged", "alert"],
    &["engineer", "technician", "mechanic"],
    &["charge", "charging", "recharge"],
    &["range", "distance"],
    &["weight", "weigh", "heavy", "load"],
    &["setup", "install", "installation", "configure"],
    &["user", "member", "agent", "account"],
    &["purchase", "buy", "bought"],
];

/// A query, understood.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Understood {
    /// The query that is looked up.
    pub rewritten: String,
    /// Words added for retrieval, all of the tenant's vocabulary.
    pub expansions: Vec<String>,
    /// What was corrected.
    pub corrections: Vec<Correction>,
    /// Its content words.
    pub terms: Vec<QuestionTerm>,
    /// How many of them the tenant's documents know.
    pub known: usize,
}

/// Understands `query` by the tenant's vocabulary of `chunks` chunks. Quoted phrases, numbers and identifiers come out as
/// they went in.
pub fn understand(query: &str, vocabulary: &Vocabulary, chunks: usize, correct: bool) -> Understood {
    let query = query.split_whitespace().collect::<Vec<_>>().join(" ");
    let (corrected, corrections) =
        if correct { correct_spelling(&query, vocabulary) } else { (query.clone(), Vec::new()) };
    let mut rewritten = strip_filler(&corrected).to_owned();
    if sabotage::on(Sabotage::QuotedPhraseDropped) {
        let phrases: Vec<String> = quoted_phrases(&rewritten).into_iter().map(str::to_owned).collect();
        for phrase in phrases {
            rewritten = rewritten.replace(&phrase, "");
        }
    }
    let quoted: HashSet<String> = quoted_phrases(&rewritten).iter().flat_map(|phrase| words(phrase)).collect();
    let all = words(&rewritten);
    let mut content: Vec<&String> = all.iter().filter(|word| !is_stop_word(word)).collect();
    if content.is_empty() {
        content = all.iter().collect();
    }
    let mut expansions: Vec<String> = Vec::new();
    let mut terms: Vec<QuestionTerm> = Vec::new();
    let mut known = 0;
    for word in content {
        let stemmed = stem(word);
        if terms.iter().any(|term| term.stem == stemmed) {
            continue;
        }
        let mut alternatives = Vec::new();
        if !quoted.contains(word) {
            for other in expand(word, vocabulary) {
                alternatives.push(stem(&other));
                if expansions.len() < MAX_EXPANSIONS && !expansions.contains(&other) && !all.contains(&other) {
                    expansions.push(other);
                }
            }
        }
        if vocabulary.knows(word) || !alternatives.is_empty() {
            known += 1;
        }
        alternatives.retain(|alternative| *alternative != stemmed);
        alternatives.dedup();
        let unknown = !vocabulary.knows(word) && alternatives.is_empty();
        let weight = weight(word, vocabulary, chunks, unknown);
        terms.push(QuestionTerm { stem: stemmed, alternatives, weight });
    }
    Understood { rewritten, expansions, corrections, terms, known }
}

/// How much a word tells, from 0.35 (in every chunk) to 1 (in few).
#[expect(clippy::cast_precision_loss, reason = "chunks of a tenant are far fewer than 2^52")]
fn weight(word: &str, vocabulary: &Vocabulary, chunks: usize, unknown: bool) -> f64 {
    if QUESTION_WORDS.contains(&word) || QUESTION_WORDS.contains(&stem(word).as_str()) {
        return LIGHT;
    }
    // Whatever a question is about that the documents have no word for, it is likely not there.
    if unknown {
        return UNKNOWN;
    }
    let forms: usize = vocabulary.forms(word).iter().map(|form| vocabulary.count(form)).sum();
    let holding = vocabulary.count(word) + forms;
    let chunks = chunks.max(2) as f64;
    (1.0 - 0.65 * (1.0 + holding as f64).ln() / (1.0 + chunks).ln()).clamp(0.35, 1.0)
}

/// Words of the vocabulary that may stand for `word`.
fn expand(word: &str, vocabulary: &Vocabulary) -> Vec<String> {
    let mut found: Vec<String> = vocabulary.forms(word).into_iter().map(str::to_owned).collect();
    let stemmed = stem(word);
    for group in SYNONYMS.iter().filter(|group| group.iter().any(|other| stem(other) == stemmed)) {
        for other in *group {
            if stem(other) != stemmed && vocabulary.count(other) > 0 && !found.iter().any(|known| known == other) {
                found.push((*other).to_owned());
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vocabulary() -> Vocabulary {
        let words = ["battery", "batteries", "fee", "refund", "refunds", "warranty", "invoice", "days"];
        Vocabulary::new(words.map(|word| (word.to_owned(), 3)).to_vec())
    }

    fn check(query: &str, rewritten: &str) {
        assert_eq!(understand(query, &vocabulary(), 20, true).rewritten, rewritten, "{query}");
    }

    #[test]
    fn rewrites_conservatively() {
        check("  how   long is the warranty? ", "how long is the warranty?");
        check("Please tell me, what is the warranty?", "what is the warranty?");
        check("Can you tell me the refund fee please", "the refund fee");
        check("please", "please");
        check("tell me", "tell me");
    }

    #[test]
    fn corrects_plain_words_alone() {
        check("waranty refnd", "warranty refund");
        check(
            "\"waranty\" of waranty-card waranty_id Waranty2 a@waranty.example",
            "\"waranty\" of waranty-card waranty_id Waranty2 a@waranty.example",
        );
        let understood = understand("batery", &vocabulary(), 20, false);
        assert!(understood.corrections.is_empty() && understood.rewritten == "batery");
    }

    #[test]
    fn never_drops_phrases_numbers_or_identifiers() {
        let query = "please \"exact Phrase\" 3.14 E-104 x_y 17%, please";
        let rewritten = understand(query, &vocabulary(), 20, true).rewritten;
        for kept in ["\"exact Phrase\"", "3.14", "E-104", "x_y", "17%"] {
            assert!(rewritten.contains(kept), "{kept} in {rewritten}");
        }
    }

    #[test]
    fn expands_by_the_vocabulary_alone() {
        let understood = understand("cost of a battery", &vocabulary(), 20, true);
        assert_eq!(understood.expansions, ["fee", "batteries"]);
        assert_eq!(understood.known, 2);
        assert_eq!(understand("zebra", &vocabulary(), 20, true).known, 0);
    }
}
