//! Everything about a turn that can be refused without a store or a model.

use super::error::ChatError;
use super::model::ChatRequest;
use crate::sabotage::{self, Sabotage};
use crate::safety::{self, Blocked, Finding, Passed};
use crate::session::Speaker;
use crate::tenancy::{SafetyDirection, TenantContext};

/// Messages as the safety rules let them through, and what was found in them.
pub(crate) type Reviewed = (Vec<(Speaker, String)>, Vec<Finding>);

/// Checks the request against the tenant's limits and safety rules. Gives the messages as the rules let them through, with
/// what was found in them.
///
/// # Errors
///
/// Everything of [`ChatError`] that is the request's fault.
pub(crate) fn check(tenant: &TenantContext, request: &ChatRequest) -> Result<Reviewed, ChatError> {
    let settings = tenant.settings();
    let limit = settings.limits.messages_per_chat;
    if request.messages.len() > limit as usize && !sabotage::on(Sabotage::ChatMessagesUnbounded) {
        return Err(ChatError::TooManyMessages { limit });
    }
    let limit = settings.limits.message_chars;
    let length = |text: &str| {
        if sabotage::on(Sabotage::MessageLimitCountsBytes) { text.len() } else { text.chars().count() }
    };
    let long = request.messages.iter().position(|(_, text)| length(text) > limit as usize);
    if let Some(index) = long.filter(|_| !sabotage::on(Sabotage::MessageLimitIgnored)) {
        return Err(ChatError::MessageTooLong { index, limit });
    }
    if request.messages.last().is_none_or(|(speaker, _)| *speaker != Speaker::User) {
        return Err(ChatError::LastNotOfUser { index: request.messages.len().saturating_sub(1) });
    }
    if request.model.as_ref().is_some_and(|model| !settings.allows_model(model)) {
        return Err(ChatError::UnknownModel);
    }
    let mut findings = Vec::new();
    let mut passed = Vec::new();
    for (speaker, text) in &request.messages {
        let Passed { text, findings: found } = safety::review(tenant, SafetyDirection::Input, text)?;
        findings.extend(found);
        passed.push((*speaker, text));
    }
    // Dangerous requests are refused whatever the tenant's rules are, as those of a search.
    let last = passed.last().map_or("", |(_, text)| text.as_str());
    match safety::unsafe_request(last) {
        Some(finding) => Err(Blocked(finding).into()),
        None => Ok((passed, findings)),
    }
}
