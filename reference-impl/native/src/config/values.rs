//! Parts of the configuration as core's types. The schema has already bounded every number.

use std::collections::BTreeMap;

use contract_types as wire;
use reference_core::sabotage::{self, Sabotage};
use reference_core::tenancy::{
    BudgetSettings, Candidates, ChunkSettings, ChunkStrategy, ConfidenceThresholds, Fusion, Limits, ModelPrice,
    RateLimits, RetrievalMode, RetrievalSettings, SafetyAction, SafetyDirection, SafetyFilter, SafetyRule,
    SessionSettings, Times, VectorSettings,
};

pub(super) fn chunking(wire: &wire::ChunkSettings) -> ChunkSettings {
    ChunkSettings {
        size_tokens: small(wire.size_tokens),
        overlap_tokens: small(wire.overlap_tokens),
        strategy: match wire.strategy {
            wire::ChunkStrategy::Structure => ChunkStrategy::Structure,
            wire::ChunkStrategy::Fixed => ChunkStrategy::Fixed,
        },
    }
}

pub(super) fn vectors(wire: &wire::VectorSettings) -> VectorSettings {
    let candidates = match wire.candidates {
        wire::VectorSettingsCandidates::Exact => Candidates::Exact,
        wire::VectorSettingsCandidates::Vectorize => Candidates::Vectorize,
    };
    VectorSettings { candidates, indexed_keys: wire.indexed_keys.clone().unwrap_or_default() }
}

pub(super) fn retrieval(wire: &wire::RetrievalSettings) -> RetrievalSettings {
    RetrievalSettings {
        mode: match wire.mode {
            wire::RetrievalMode::Dense => RetrievalMode::Dense,
            wire::RetrievalMode::Lexical => RetrievalMode::Lexical,
            wire::RetrievalMode::Hybrid => RetrievalMode::Hybrid,
        },
        top_k: small(wire.top_k),
        fusion: match wire.fusion {
            Some(wire::RetrievalSettingsFusion::Rrf) => Fusion::Rrf,
            Some(wire::RetrievalSettingsFusion::MinMax) | None => Fusion::MinMax,
        },
        lexical_weight: wire.lexical_weight,
        confidence: ConfidenceThresholds {
            low: wire.confidence.low,
            medium: wire.confidence.medium,
            high: wire.confidence.high,
        },
    }
}

pub(super) fn limits(wire: &wire::Limits) -> Limits {
    Limits {
        body_bytes: wire.body_bytes,
        documents_per_request: small(wire.documents_per_request),
        message_chars: small(wire.message_chars),
        messages_per_chat: small(wire.messages_per_chat),
        query_chars: small(wire.query_chars),
        concurrent_streams: small(wire.concurrent_streams),
        tts_max_chars: small(wire.tts_max_chars),
        tts_sync_chars: small(wire.tts_sync_chars),
        chunk_size_tokens_max: small(wire.chunk_size_tokens_max),
    }
}

pub(super) fn times(wire: &wire::Times) -> Times {
    let signed = |ms: u64| i64::try_from(ms).unwrap_or(i64::MAX);
    Times {
        cache_ttl_ms: signed(wire.cache_ttl_ms),
        rate_window_ms: signed(wire.rate_window_ms),
        idempotency_ttl_ms: signed(wire.idempotency_ttl_ms),
        session_ttl_ms: signed(wire.session_ttl_ms),
        result_ttl_ms: signed(wire.result_ttl_ms),
        heartbeat_ms: signed(wire.heartbeat_ms),
        deadline_ms: signed(wire.deadline_ms),
        stream_release_ms: signed(wire.stream_release_ms),
    }
}

pub(super) fn rate_limits(wire: &wire::RateLimits) -> RateLimits {
    RateLimits {
        tenant_requests: small(wire.tenant_requests),
        credential_requests: small(wire.credential_requests),
        read_requests: small(wire.read_requests),
        write_requests: small(wire.write_requests),
        model_requests: small(wire.model_requests),
    }
}

pub(super) fn budget(wire: &wire::BudgetSettings) -> BudgetSettings {
    let prices = wire.usd_per_million_tokens.iter().flatten();
    let spoken = wire.usd_per_million_characters.iter().flatten();
    let price = |it: &wire::ModelPrice| ModelPrice { input_usd: it.input_usd, output_usd: it.output_usd };
    BudgetSettings {
        tokens_per_day: wire.tokens_per_day,
        usd_per_million_tokens: prices.map(|(model, it)| (model.clone(), price(it))).collect::<BTreeMap<_, _>>(),
        speech_characters_per_day: wire.speech_characters_per_day,
        usd_per_million_characters: spoken.filter_map(|(name, it)| Some((name.clone(), it.as_f64()?))).collect(),
    }
}

pub(super) fn sessions(wire: &wire::SessionSettings) -> SessionSettings {
    SessionSettings {
        max_turns: small(wire.max_turns),
        max_tokens: small(wire.max_tokens),
        context_tokens: small(wire.context_tokens),
    }
}

pub(super) fn safety_rule(wire: &wire::SafetyRule) -> SafetyRule {
    SafetyRule {
        filter: match wire.filter {
            wire::SafetyRuleFilter::PromptInjection => SafetyFilter::PromptInjection,
            wire::SafetyRuleFilter::Secrets => SafetyFilter::Secrets,
            wire::SafetyRuleFilter::PersonalData => SafetyFilter::PersonalData,
            wire::SafetyRuleFilter::Abuse => SafetyFilter::Abuse,
            wire::SafetyRuleFilter::Exfiltration => SafetyFilter::Exfiltration,
            wire::SafetyRuleFilter::PromptLeak => SafetyFilter::PromptLeak,
        },
        direction: match wire.direction {
            wire::SafetyFilter::Input => SafetyDirection::Input,
            wire::SafetyFilter::Output => SafetyDirection::Output,
        },
        threshold: wire.threshold,
        action: match wire.action {
            wire::SafetyRuleAction::Block => SafetyAction::Block,
            wire::SafetyRuleAction::Redact => SafetyAction::Redact,
            wire::SafetyRuleAction::Flag => SafetyAction::Flag,
            wire::SafetyRuleAction::Off => SafetyAction::Off,
        },
    }
}

/// The schema bounds every such number far below.
pub(super) fn small(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// What a rule is told that cannot read input.
pub(super) const OUTPUT_ALONE: &str = "expected `output`: this filter reads what the service answers and nothing else";

/// Positions of rules whose filter reads answers alone and that are meant for input.
pub(super) fn on_input(rules: &[wire::SafetyRule]) -> impl Iterator<Item = usize> {
    let wrong = |rule: &wire::SafetyRule| {
        let output_alone =
            matches!(rule.filter, wire::SafetyRuleFilter::Exfiltration | wire::SafetyRuleFilter::PromptLeak);
        output_alone && rule.direction == wire::SafetyFilter::Input && !sabotage::on(Sabotage::AnswerFiltersTakeInput)
    };
    rules.iter().enumerate().filter(move |(_, rule)| wrong(rule)).map(|(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fuses_by_scores_unless_told_otherwise() {
        for (given, expected) in [(None, Fusion::MinMax), (Some("min_max"), Fusion::MinMax), (Some("rrf"), Fusion::Rrf)]
        {
            let mut settings = serde_json::json!({
                "mode": "hybrid", "top_k": 10, "lexical_weight": 0.5,
                "confidence": {"low": 0.2, "medium": 0.45, "high": 0.7}
            });
            if let Some(given) = given {
                settings["fusion"] = given.into();
            }
            let settings: wire::RetrievalSettings = serde_json::from_value(settings).unwrap();
            assert_eq!(retrieval(&settings).fusion, expected, "{given:?}");
        }
    }
}
