//! Everything that each answer carries, and the record it leaves.

use axum::{
    body::Body,
    extract::Request,
    http::{Method, header},
    response::Response,
};
use contract_types::{Degradation, LogLine, LogLineLevel, LogLineMethod, LogSpan, LogSpanOutcome};
use reference_core::{
    sabotage::{self, Sabotage},
    tenancy::TenantContext,
    trace::{StepOutcome, Taken, Trail},
    usage::{self, Share},
};
use sha2::{Digest, Sha256};
use std::sync::Arc;

use super::{Caller, Edge, correlation::Correlation, cors, streamed};
use crate::{
    operation::Operation,
    reply::{Failed, insert},
    sse::StreamLog,
    telemetry::RequestRecord,
};

/// Header with the used share of the budget.
const BUDGET_WARNING: &str = "x-budget-warning";

/// One request on its way.
#[derive(Clone)]
pub(super) struct Exchange {
    pub(super) correlation: Correlation,
    /// Its steps, where its trace is sampled.
    pub(super) trail: Option<Arc<Trail>>,
    route: String,
    /// Id of the operation, where one was matched.
    operation: Option<String>,
    /// Whether the contract has its answers warn of the budget.
    warns: bool,
    method: Method,
    origin: Option<String>,
    started_us: u64,
}

impl Edge {
    pub(super) fn begin(&self, operation: &Operation, request: &Request) -> Exchange {
        let warns = operation.responses.iter().flat_map(|it| it.headers).any(|header| header.name == BUDGET_WARNING);
        Exchange { warns, ..self.begin_at((operation.path, Some(operation.id)), request) }
    }

    /// The same for a request that matched no operation.
    pub(super) fn begin_unmatched(&self, route: &str, request: &Request) -> Exchange {
        self.begin_at((route, None), request)
    }

    fn begin_at(&self, (route, operation): (&str, Option<&str>), request: &Request) -> Exchange {
        let origin = request.headers().get(header::ORIGIN).and_then(|value| value.to_str().ok());
        let now = self.parts.clock.system();
        let correlation = Correlation::of(request.headers(), now, &*self.parts.ids, self.trace_ratio);
        let trace = correlation.trace;
        let trail = trace.sampled.then(|| Trail::new(trace.span_id, Arc::clone(&self.parts.clock)));
        Exchange {
            correlation,
            trail,
            route: route.to_owned(),
            operation: operation.map(str::to_owned),
            warns: false,
            method: request.method().clone(),
            origin: origin.map(str::to_owned),
            started_us: self.parts.clock.monotonic_us(),
        }
    }

    /// Writes the error's body, adds the headers, and tells of the request, of a stream when it has ended.
    pub(super) fn finish(&self, exchange: &Exchange, caller: Option<&Caller>, mut answer: Response) -> Response {
        let mut failed = answer.extensions_mut().remove::<Failed>();
        if sabotage::on(Sabotage::ErrorShowsPath)
            && let Some(failed) = &mut failed
        {
            failed.message.push_str(" (at /usr/src/reference-impl/http/src/edge/mod.rs:118)");
        }
        let request_id = &exchange.correlation.request_id;
        if let Some(failed) = failed.as_ref().filter(|failed| !failed.told) {
            let body = serde_json::to_vec(&failed.body(request_id)).unwrap_or_default();
            *answer.body_mut() = Body::from(body);
            insert(answer.headers_mut(), "content-type", "application/json");
        }
        insert(answer.headers_mut(), "x-request-id", request_id);
        let stored = sabotage::on(Sabotage::AnswersMayBeStored);
        insert(answer.headers_mut(), "cache-control", if stored { "private, max-age=60" } else { "no-store" });
        insert(answer.headers_mut(), "x-content-type-options", "nosniff");
        if let Some(caller) = caller {
            if !sabotage::on(Sabotage::TenantHeaderMissing) {
                insert(answer.headers_mut(), "x-tenant-id", caller.tenant.id().as_str());
            }
            if let Some(rate) = caller.rate {
                insert(answer.headers_mut(), "x-ratelimit-limit", &rate.limit.to_string());
                insert(answer.headers_mut(), "x-ratelimit-remaining", &rate.remaining.to_string());
                insert(answer.headers_mut(), "x-ratelimit-reset", &rate.reset_unix_s.to_string());
            }
            let share = caller.tenant.tally().share().filter(|_| exchange.warns && answer.status().is_success());
            if let Some(warning) = share.and_then(Share::warning) {
                insert(answer.headers_mut(), BUDGET_WARNING, &warning);
            }
            cors::expose(&self.parts.registry, caller.tenant.settings(), exchange.origin.as_deref(), &mut answer);
        }
        let status = answer.status().as_u16();
        if let Some(log) = answer.extensions_mut().remove::<StreamLog>() {
            return answer.map(|body| streamed::told_at_its_end(self, exchange, caller, status, log, body));
        }
        let quiet = failed.as_ref().is_none_or(|failed| failed.cause.is_none());
        if quiet && !self.parts.telemetry.wants_records() {
            return answer;
        }
        let mut record = self.record(exchange, caller, failed, status);
        let provider = answer.headers().get("x-tts-provider").and_then(|value| value.to_str().ok());
        record.line.speech_provider = provider.map(str::to_owned);
        self.parts.telemetry.request(record);
        answer
    }

    /// Milliseconds since the request began.
    pub(super) fn elapsed_ms(&self, exchange: &Exchange) -> f64 {
        let elapsed_us = self.parts.clock.monotonic_us().saturating_sub(exchange.started_us);
        #[expect(clippy::cast_precision_loss, reason = "a request does not take 2^52 microseconds")]
        let elapsed = elapsed_us as f64;
        elapsed / 1000.0
    }

    /// The request as the log tells it.
    pub(super) fn record(
        &self,
        exchange: &Exchange,
        caller: Option<&Caller>,
        failed: Option<Failed>,
        status: u16,
    ) -> RequestRecord {
        let latency_ms = self.elapsed_ms(exchange);
        let level = if status >= 500 { LogLineLevel::Error } else { LogLineLevel::Info };
        let timestamp = jiff::Timestamp::from_millisecond(self.parts.clock.system()).unwrap_or_default();
        let mut line = LogLine::new(
            format!("{timestamp:.3}"),
            level,
            "request".to_owned(),
            exchange.route.clone(),
            method(&exchange.method),
            u64::from(status),
            latency_ms,
            exchange.correlation.request_id.as_str().into(),
            exchange.correlation.trace_id(),
            hex(exchange.correlation.trace.span_id),
        );
        line.parent_span_id = exchange.correlation.parent.map(hex);
        line.spans = exchange.trail.as_ref().map(|trail| spans(&trail.taken(), exchange.started_us));
        line.tenant = caller.map(|caller| caller.tenant.id().as_str().into());
        line.principal = caller.map(|caller| principal(&caller.tenant));
        if caller.is_some_and(|caller| caller.without_rate_store) {
            line.degraded = Some(vec![Degradation::RateStoreUnavailable]);
            if level == LogLineLevel::Info {
                line.level = LogLineLevel::Warn;
            }
        }
        if let Some(caller) = caller {
            account(&mut line, &caller.tenant);
        }
        line.operation.clone_from(&exchange.operation);
        line.error_code = failed.as_ref().map(|failed| failed.code);
        RequestRecord { line, cause: failed.and_then(|failed| failed.cause) }
    }
}

/// The steps of a sampled request; they begin at `started_us`.
fn spans(taken: &[Taken], started_us: u64) -> Vec<LogSpan> {
    #[expect(clippy::cast_precision_loss, reason = "a request does not take 2^52 microseconds")]
    let ms = |elapsed_us: u64| elapsed_us as f64 / 1000.0;
    let span = |step: &Taken| {
        let outcome = match step.outcome {
            StepOutcome::Ok => LogSpanOutcome::Ok,
            StepOutcome::Error => LogSpanOutcome::Error,
            StepOutcome::TimedOut => LogSpanOutcome::Timeout,
            StepOutcome::Skipped => LogSpanOutcome::Skipped,
        };
        let (start, took) = (ms(step.start_us.saturating_sub(started_us)), ms(step.duration_us));
        let mut span = LogSpan::new(step.name.as_str().to_owned(), hex(step.span_id), start, took, outcome);
        span.parent_span_id = step.parent.map(|parent| hex(parent.get()));
        if sabotage::on(Sabotage::StepIdsInCapitals) {
            span.span_id = format!("{:016X}", step.span_id | 0xa000_0000_0000_0000);
        }
        span
    };
    taken.iter().map(span).collect()
}

/// A span's id as the contract writes it.
fn hex(span_id: u64) -> String {
    format!("{span_id:016x}")
}

/// What the request used of models, where it called any.
fn account(line: &mut LogLine, tenant: &TenantContext) {
    let tally = tenant.tally();
    let used = tally.used();
    if used.models.is_empty() {
        return;
    }
    if !sabotage::on(Sabotage::LogLacksModels) {
        line.model = tally.generation_model().map(Into::into);
        line.embedding_model = tally.embedding_model().map(Into::into);
    }
    let tokens = used.tokens();
    if !sabotage::on(Sabotage::LogLacksTokens) {
        line.tokens_in = Some(tokens.read);
        line.tokens_out = Some(tokens.written);
    }
    let budget = tenant.settings().budget.as_ref();
    line.cost_usd = Some(used.models.iter().map(|(model, tokens)| usage::cost(budget, model, *tokens)).sum());
}

/// Who called, so that two tenants' logs cannot be joined by it and no log names a person.
fn principal(tenant: &TenantContext) -> String {
    let digest = Sha256::new_with_prefix(tenant.id().as_str()).chain_update("/").chain_update(tenant.principal().key());
    hex::encode(digest.finalize())
}

fn method(method: &Method) -> LogLineMethod {
    match method.as_str() {
        "GET" => LogLineMethod::Get,
        "HEAD" => LogLineMethod::Head,
        "POST" => LogLineMethod::Post,
        "PUT" => LogLineMethod::Put,
        "PATCH" => LogLineMethod::Patch,
        "DELETE" => LogLineMethod::Delete,
        "OPTIONS" => LogLineMethod::Options,
        _ => LogLineMethod::Other,
    }
}
