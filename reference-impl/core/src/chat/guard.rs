//! The tenant's output rules over a text that leaves in parts: a part waits for the next one, so that what a filter finds
//! across the border of two is found before either has left.

use super::grounded::{Part, fitted};
use crate::safety::{self, Blocked, Finding, Passed};
use crate::tenancy::{SafetyAction, SafetyDirection, TenantContext};

/// Most bytes that wait.
const MOST_BYTES: usize = 8_000;

/// A part that may leave, with what was found in it.
#[derive(Debug, PartialEq)]
pub(super) struct Clean {
    pub(super) part: Part,
    pub(super) findings: Vec<Finding>,
}

/// Holds parts back until they are known to be clean.
#[derive(Debug)]
pub(super) struct Guard {
    held: Option<Part>,
    /// Whether any rule can change or stop an answer.
    acts: bool,
    /// Whether the text is cut from documents, in which nothing can be the prompt's alone.
    quoted: bool,
}

impl Guard {
    pub(super) fn new(tenant: &TenantContext, quoted: bool) -> Self {
        let acts = tenant.settings().safety.iter().any(|rule| {
            rule.direction == SafetyDirection::Output
                && matches!(rule.action, SafetyAction::Redact | SafetyAction::Block)
        });
        Self { held: None, acts, quoted }
    }

    /// Takes the next part; gives what may leave by now.
    ///
    /// # Errors
    ///
    /// [`Blocked`]: nothing of what waits may leave, and nothing more.
    pub(super) fn push(&mut self, tenant: &TenantContext, part: Part) -> Result<Option<Clean>, Blocked> {
        let Some(before) = self.held.take() else {
            if self.acts {
                self.held = Some(part);
                return Ok(None);
            }
            return self.clean(tenant, &part).map(Some);
        };
        let alone = self.review(tenant, &before.text)?;
        let joined = join(&before, &part);
        let together = self.review(tenant, &joined.text)?;
        let apart = together.text.starts_with(&alone.text);
        if apart || joined.text.len() > MOST_BYTES {
            self.held = Some(part);
            return Ok(Some(Clean { part: moved(&before, alone.text), findings: alone.findings }));
        }
        self.held = Some(joined);
        Ok(None)
    }

    /// What waits.
    pub(super) fn waits(&self) -> Option<&Part> {
        self.held.as_ref()
    }

    /// What waits, at the end.
    ///
    /// # Errors
    ///
    /// [`Blocked`].
    pub(super) fn rest(&mut self, tenant: &TenantContext) -> Result<Option<Clean>, Blocked> {
        self.held.take().map(|part| self.clean(tenant, &part)).transpose()
    }

    fn clean(&self, tenant: &TenantContext, part: &Part) -> Result<Clean, Blocked> {
        let Passed { text, findings } = self.review(tenant, &part.text)?;
        Ok(Clean { part: moved(part, text), findings })
    }

    fn review(&self, tenant: &TenantContext, text: &str) -> Result<Passed, Blocked> {
        if self.quoted {
            safety::review_answer(tenant, text)
        } else {
            safety::review(tenant, SafetyDirection::Output, text)
        }
    }
}

fn moved(part: &Part, text: String) -> Part {
    if text == part.text { part.clone() } else { fitted(part, text) }
}

fn join(one: &Part, other: &Part) -> Part {
    let mut joined = one.clone();
    let shift = one.text.len();
    joined.text.push_str(&other.text);
    joined.citations.extend(other.citations.iter().cloned().map(|mut it| {
        it.answer_span = it.answer_span.start + shift..it.answer_span.end + shift;
        it
    }));
    joined
}
