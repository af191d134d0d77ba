//! What of a model's words may leave: held against the documents, the prompt and the tenant's output rules.

use super::Turn;
use crate::answer::Citation;
use crate::chat::extractive::NO_ANSWER as NOTHING_FOUND;
use crate::chat::grounded::{Part, grounded};
use crate::chat::guard::Clean;
use crate::chat::model::{ChatEvent, Finish};
use crate::safety::{self, Blocked};

/// Most bytes of what a model wrote before that are read again with each sentence, for the words of the system prompt.
const LOOK_BACK: usize = 2_000;

impl Turn {
    /// Judges a part of what the model wrote, and makes of it what may leave.
    pub(super) fn judge(&mut self, written: &str) {
        if !self.extractive {
            let from = self.recent.len().saturating_sub(LOOK_BACK);
            let from = (from..=self.recent.len()).find(|at| self.recent.is_char_boundary(*at)).unwrap_or(0);
            self.recent.drain(..from);
            let before = safety::review_written(&self.tenant, &self.recent).map_or(0, |it| it.findings.len());
            self.recent.push_str(written);
            match safety::review_written(&self.tenant, &self.recent) {
                Err(blocked) => return self.block(blocked),
                Ok(passed) if passed.findings.len() > before => {
                    let redacts = passed.text != self.recent;
                    self.safety.extend(passed.findings.into_iter().skip(before));
                    if redacts {
                        return;
                    }
                }
                Ok(_) => {}
            }
        }
        let part = match &self.grounds {
            None => Some(Part { text: written.to_owned(), citations: Vec::new() }),
            Some(_) if written.trim().trim_end_matches('.').eq_ignore_ascii_case(NOTHING_FOUND) => None,
            Some(request) => {
                let begins = !self.any();
                grounded(&self.tenant, request, written, self.cited(), begins)
            }
        };
        let Some(part) = part else { return };
        match self.guard.push(&self.tenant, part) {
            Ok(clean) => clean.into_iter().for_each(|clean| self.release(clean)),
            Err(blocked) => self.block(blocked),
        }
    }

    /// Whether anything has been made of what the model wrote, released or not.
    pub(super) fn any(&self) -> bool {
        !self.text.is_empty() || self.guard.waits().is_some()
    }

    /// Citations that have been made, released or not.
    fn cited(&self) -> usize {
        let last = |all: &[Citation]| all.last().map(|it| it.marker);
        let waiting = self.guard.waits().and_then(|part| last(&part.citations));
        waiting.or_else(|| last(&self.citations)).map_or(0, |marker| marker as usize)
    }

    pub(super) fn block(&mut self, Blocked(finding): Blocked) {
        self.safety.push(finding);
        self.finish = Some(Finish::ContentFilter);
        self.deltas = None;
    }

    pub(super) fn release(&mut self, clean: Clean) {
        self.safety.extend(clean.findings);
        let shift = self.text.len();
        if clean.part.text.is_empty() {
            return;
        }
        self.say(clean.part.text);
        for mut citation in clean.part.citations {
            citation.answer_span = citation.answer_span.start + shift..citation.answer_span.end + shift;
            self.citations.push(citation.clone());
            self.ready.push_back(ChatEvent::Citation(citation));
        }
    }

    pub(super) fn say(&mut self, text: String) {
        self.text.push_str(&text);
        self.ready.push_back(ChatEvent::Text(text));
    }
}
