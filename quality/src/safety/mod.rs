//! Labelled safety data over HTTP: what the filters block, redact and let through, whether planted instructions are obeyed, and
//! whether strings that break parsers break the target.

pub mod data;
mod filters;
mod hostile;
mod mail;
mod obedient;
pub mod score;

pub use filters::{attacks, personal_data, plain, secrets};
pub use hostile::hostile;
pub use mail::mails;
pub use obedient::{CHAT, obedient};

use std::future::Future;

use futures_util::{StreamExt, stream};
use harness::client::{ClientError, Exchange};
use indicatif::ProgressBar;
use serde_json::{Value, json};

use crate::wire::Wire;

/// One figure of a run: a share of a set.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// The set of data.
    pub set: &'static str,
    /// The metric, for example `recall`.
    pub metric: String,
    /// How many met it.
    pub hits: usize,
    /// Of how many.
    pub of: usize,
    /// Least share that passes.
    pub least: Option<f64>,
    /// Greatest share that passes.
    pub most: Option<f64>,
    /// The lines that did not, each with what was found; no text of the data.
    pub misses: Vec<String>,
}

impl Figure {
    /// A figure of so many lines, each met or with what was wrong.
    fn of(set: &'static str, metric: &str, lines: Vec<Result<(), String>>) -> Self {
        let of = lines.len();
        let misses: Vec<String> = lines.into_iter().filter_map(Result::err).collect();
        Self { set, metric: metric.to_owned(), hits: of - misses.len(), of, least: None, most: None, misses }
    }

    fn at_least(self, least: f64) -> Self {
        Self { least: Some(least), ..self }
    }

    /// The figure alone, where a line that does not meet it is nothing wrong.
    fn without_misses(self) -> Self {
        Self { misses: Vec::new(), ..self }
    }

    /// The share, 0 to 1; 0 of an empty set.
    pub fn share(&self) -> f64 {
        crate::metrics::count(self.hits) / crate::metrics::count(self.of.max(1))
    }

    /// Whether the share keeps to its bounds. An empty set with a bound does not: nothing was measured.
    pub fn passes(&self) -> bool {
        let bounded = self.least.is_some() || self.most.is_some();
        let within =
            self.least.is_none_or(|least| self.share() >= least) && self.most.is_none_or(|most| self.share() <= most);
        within && !(bounded && self.of == 0)
    }
}

/// Asks `query` of the tenant.
async fn search(wire: &Wire<'_>, query: &str) -> Result<Exchange, ClientError> {
    wire.send("POST", "/search", Some(json!({ "query": query, "cache": "bypass" }))).await
}

/// The filter that an answer names as the one that blocked.
fn blocked_by(exchange: &Exchange) -> Option<String> {
    let blocked =
        exchange.response.status == 422 && exchange.response.error_code().as_deref() == Some("CONTENT_BLOCKED");
    let body: Value = exchange.response.json().filter(|_| blocked)?;
    Some(body["error"]["details"][0]["category"].as_str().unwrap_or("unnamed").to_owned())
}

/// Does `one` for each of `items`, several at once, and gives the results in their order.
async fn each<'a, T, R, F>(
    wire: &Wire<'_>,
    name: &str,
    items: &'a [T],
    progress: &ProgressBar,
    one: impl Fn(&'a T) -> F,
) -> Result<Vec<R>, ClientError>
where
    F: Future<Output = Result<R, ClientError>>,
{
    progress.set_message(name.to_owned());
    progress.set_length(u64::try_from(items.len()).unwrap_or(0));
    progress.set_position(0);
    let mut found = Vec::new();
    let mut results = stream::iter(items).map(one).buffered(wire.pace.concurrency());
    while let Some(result) = results.next().await {
        progress.inc(1);
        found.push(result?);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_shares_to_their_bounds() {
        let figure = |hits, of| Figure { hits, of, ..Figure::of("s", "m", Vec::new()) };
        assert!(figure(9, 10).at_least(0.9).passes());
        assert!(!figure(8, 10).at_least(0.9).passes());
        assert!(!figure(0, 0).at_least(0.0).passes());
        assert!(figure(0, 0).passes());
        assert!(!Figure { most: Some(0.1), ..figure(2, 10) }.passes());
    }
}
