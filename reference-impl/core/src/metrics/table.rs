//! The one table of metrics: what each is called, counts and is labelled with. Pages and documentation are made from it.

/// What a metric is to Prometheus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only rises, and begins at 0 with the process.
    Counter,
    /// As it is now.
    Gauge,
    /// Times in milliseconds, by the bounds of [`BOUNDS_MS`].
    Histogram,
}

impl Kind {
    /// Prometheus's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// Upper bounds of the buckets of every histogram in milliseconds; beyond the last there is one without a bound.
pub const BOUNDS_MS: [f64; 15] =
    [1.0, 2.5, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0, 2500.0, 5000.0, 10_000.0, 30_000.0, 60_000.0];

/// One metric.
#[derive(Debug, Clone, Copy)]
pub struct Family {
    /// The contract's name; `None` for one that the contract does not ask for.
    pub name: Option<&'static str>,
    /// The name by the conventions of Prometheus: of one prefix, with base units, and `_total` on counters alone.
    pub alias: &'static str,
    /// What it is.
    pub kind: Kind,
    /// Labels after `tenant`, which every series of a tenant has.
    pub labels: &'static [&'static str],
    /// What it counts, in one sentence.
    pub help: &'static str,
}

/// Declares the metrics.
macro_rules! metrics {
    ($($variant:ident $name:expr, $alias:literal $kind:ident [$($label:literal)*] $help:literal;)*) => {
        /// Something that is counted.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        #[expect(clippy::doc_markdown, reason = "the texts are those of Prometheus's HELP lines, which have no markup")]
        pub enum Metric {
            $(#[doc = $help] $variant,)*
        }

        impl Metric {
            /// Every metric, in the order of pages.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Its row of the table.
            pub const fn family(self) -> Family {
                match self {
                    $(Self::$variant => Family {
                        name: $name, alias: $alias, kind: Kind::$kind, labels: &[$($label),*], help: $help,
                    },)*
                }
            }
        }
    };
}

metrics! {
    Requests Some("requests_total"), "plumbline_requests_total" Counter ["route" "method" "status"] "Requests that were answered, refused ones among them.";
    Errors Some("errors_total"), "plumbline_errors_total" Counter ["route" "code"] "Requests that were answered with an error of the contract, or whose stream ended with one.";
    RateLimited Some("rate_limited_total"), "plumbline_rate_limited_total" Counter [] "Requests that were refused because a rate limit was reached.";
    Latency Some("latency_ms_histogram"), "plumbline_request_duration_seconds" Histogram ["route"] "Time from the first byte of a request to its answer, of a stream to its end.";
    Tokens Some("ai_tokens_in_out"), "plumbline_ai_tokens_total" Counter ["model" "direction"] "Tokens that models read (in) and wrote (out).";
    Cost Some("cost_usd_total"), "plumbline_cost_usd_total" Counter ["model"] "Cost of those tokens by the tenant's prices, in US dollars.";
    BudgetUsed Some("budget_used_ratio"), "plumbline_budget_used_ratio" Gauge [] "Share of the day's token budget that is used; of other tenants as their last request saw it.";
    Retrieval Some("retrieval_latency_ms_histogram"), "plumbline_retrieval_duration_seconds" Histogram [] "Time of a retrieval from its start to its ranked passages.";
    VectorQueries Some("vectorize_queries_total"), "plumbline_vector_queries_total" Counter [] "Look-ups of nearest vectors.";
    Generation Some("generation_latency_ms_histogram"), "plumbline_generation_duration_seconds" Histogram ["model"] "Time of a generation model's call, of a streamed one to its last piece.";
    FirstToken Some("time_to_first_token_ms_histogram"), "plumbline_time_to_first_token_seconds" Histogram [] "Time from the first byte of a streamed request to its first content event.";
    CacheRequests Some("cache_requests_total"), "plumbline_cache_requests_total" Counter ["result"] "Searches by what the answer cache did for them: hit, miss, bypass, refresh or failure.";
    CacheHitRate Some("cache_hit_rate"), "plumbline_cache_hit_ratio" Gauge [] "Hits among the hits and misses since start; absent before the first.";
    CacheEntries Some("cache_entries"), "plumbline_cache_entries" Gauge [] "Answers that the cache holds; of other tenants as their last search left it.";
    CacheBytes None, "plumbline_cache_bytes" Gauge [] "Bytes of those answers and their keys; of other tenants as their last search left it.";
    CacheEvictions Some("cache_evictions_total"), "plumbline_cache_evictions_total" Counter [] "Answers that the cache dropped for want of room.";
    ToolCalls Some("tool_calls_total"), "plumbline_tool_calls_total" Counter ["tool" "outcome"] "Calls of tools by how they ended; a name that is not registered counts as unknown.";
    StreamAborts Some("stream_aborts_total"), "plumbline_stream_aborts_total" Counter [] "Streams that the client left before their end.";
    ModelCalls None, "plumbline_model_calls_total" Counter ["model" "role" "outcome"] "Calls of models by how they ended: ok, unavailable, timed_out, refused, rejected or unusable.";
    Degraded None, "plumbline_degraded_total" Counter ["reason"] "Answers that were made without a part of the platform, by the contract's word for it.";
    Breaker None, "plumbline_breaker_state" Gauge ["port" "model"] "Breaker of a model: 0 closed, 1 half open, 2 open.";
    JobsWaiting None, "plumbline_jobs_waiting" Gauge [] "Jobs that have not begun, as the last look at the queue left it.";
    JobsOldest None, "plumbline_jobs_oldest_queued_timestamp_seconds" Gauge [] "When the oldest job that has not begun was made, in seconds since 1970; 0 where none waits.";
    SpansDropped None, "plumbline_trace_spans_dropped_total" Counter ["reason"] "Spans that no collector got: queue_full, or not_taken by the collector.";
    AuditFailures None, "plumbline_audit_failures_total" Counter [] "Calls of tools whose record could not be written.";
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn aliases_keep_to_the_conventions() {
        let mut names = HashSet::new();
        for metric in Metric::ALL {
            let Family { name, alias, kind, labels, help } = metric.family();
            assert!(names.insert(alias) && name.is_none_or(|name| names.insert(name)), "{alias} stands twice");
            assert!(alias.starts_with("plumbline_"), "{alias}");
            assert_eq!(alias.ends_with("_total"), kind == Kind::Counter, "{alias}");
            let moment = alias.ends_with("_timestamp_seconds");
            assert_eq!(alias.ends_with("_seconds") && !moment, kind == Kind::Histogram, "{alias}");
            assert!(!labels.contains(&"tenant") && !labels.contains(&"le"), "{alias}");
            assert!(help.ends_with('.') && !help.contains(['\n', '\\']), "{alias}");
        }
    }

    #[test]
    fn bounds_rise() {
        assert!(BOUNDS_MS.windows(2).all(|pair| pair[0] < pair[1]));
    }
}
