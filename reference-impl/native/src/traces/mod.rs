//! Traces to an `OpenTelemetry` collector over OTLP: each sampled request one tree of spans, and so each job that it started.
//!
//! A request's tree is made from its record alone, the same that becomes its log line, so that a trace holds nothing that a log
//! may not hold. Requests never wait: what a slow collector leaves behind is dropped and counted.

mod client;
mod spans;
#[cfg(test)]
mod tests;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use contract_types::LogLine;
use opentelemetry::KeyValue;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SpanData, SpanExporter as _};
use reference_core::metrics::{Metric, Metrics};
use reference_core::trace::WorkTrace;
use reference_http::{RequestRecord, Telemetry};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::oneshot;

use crate::config::provider_address;
use crate::models::CertificatesError;
use client::Collector;

/// Requests and jobs that may wait for the collector before further ones are dropped: some megabytes.
const WAITING: usize = 2048;
/// Spans of one message; the last request of it may go beyond.
const AT_ONCE: usize = 512;
/// How long a message waits for more.
const EVERY: Duration = Duration::from_secs(1);
/// How long the collector may take for one, tries and pauses together.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why no traces can be sent.
#[derive(Debug, thiserror::Error)]
pub enum TracesError {
    /// The address is none.
    #[error("--otlp: {0}")]
    Address(String),
    /// An https collector without certificates.
    #[error("--otlp: {0}")]
    Certificates(#[from] CertificatesError),
    /// What the environment says of the exporter is wrong.
    #[error("--otlp: the exporter cannot be made: {0}; look at the variables OTEL_EXPORTER_OTLP_*")]
    Exporter(String),
}

enum Told {
    Request(Box<LogLine>),
    Work(Box<WorkTrace>),
    Flush(oneshot::Sender<()>),
}

impl Told {
    fn spans(&self) -> usize {
        match self {
            Self::Request(line) => 1 + line.spans.as_ref().map_or(0, Vec::len),
            Self::Work(work) => 1 + work.steps.len(),
            Self::Flush(_) => 0,
        }
    }
}

/// Sends each sampled request to a collector on its way to the log.
pub struct Traces {
    inner: Arc<dyn Telemetry>,
    told: Sender<Told>,
    metrics: Arc<OnceLock<Metrics>>,
}

impl Traces {
    /// Sends what goes to `inner` to the collector at `url` too, below its path `/v1/traces`. Must be called within a runtime.
    /// Further fields of its requests, such as a key, are those of `OTEL_EXPORTER_OTLP_HEADERS`.
    ///
    /// # Errors
    ///
    /// [`TracesError`].
    pub fn new(inner: Arc<dyn Telemetry>, url: &str) -> Result<Self, TracesError> {
        let url = provider_address(url).map_err(TracesError::Address)?;
        let mut exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Collector::new(url.starts_with("https:"), PATIENCE)?)
            .with_endpoint(format!("{url}/v1/traces"))
            .with_protocol(Protocol::HttpBinary)
            .with_timeout(PATIENCE)
            .build()
            .map_err(|error| TracesError::Exporter(error.to_string()))?;
        let service = [("service.name", "plumbline"), ("service.version", env!("CARGO_PKG_VERSION"))];
        let service = service.map(|(key, value)| KeyValue::new(key, value));
        exporter.set_resource(&Resource::builder_empty().with_attributes(service).build());
        let (told, heard) = channel(WAITING);
        let metrics = Arc::<OnceLock<Metrics>>::default();
        tokio::spawn(send_all(heard, exporter, Arc::clone(&metrics)));
        Ok(Self { inner, told, metrics })
    }

    /// Counts what is dropped with `metrics` from now on.
    pub fn count_with(&self, metrics: Metrics) {
        // Only the first deployment of a process is told of.
        let _ = self.metrics.set(metrics);
    }

    /// Is ready when everything that was told before has been sent, or could not be.
    pub async fn flush(&self) {
        let (done, ready) = oneshot::channel();
        if self.told.send(Told::Flush(done)).await.is_ok() {
            let _ = ready.await;
        }
    }

    fn tell(&self, told: Told) {
        if let Err(error) = self.told.try_send(told) {
            let lost = error.into_inner().spans();
            dropped(&self.metrics, "queue_full", lost);
        }
    }
}

impl Telemetry for Traces {
    fn request(&self, record: RequestRecord) {
        // The line of a request that is not sampled has no list of spans, not even an empty one.
        if record.line.spans.is_some() {
            self.tell(Told::Request(Box::new(record.line.clone())));
        }
        self.inner.request(record);
    }

    fn work(&self, work: WorkTrace) {
        self.tell(Told::Work(Box::new(work)));
    }
}

fn dropped(metrics: &OnceLock<Metrics>, reason: &str, spans: usize) {
    if let Some(metrics) = metrics.get() {
        #[expect(clippy::cast_precision_loss, reason = "counts of spans stay far below 2^52")]
        metrics.add(None, Metric::SpansDropped, &[reason], spans as f64);
    }
}

async fn send_all(mut heard: Receiver<Told>, exporter: SpanExporter, metrics: Arc<OnceLock<Metrics>>) {
    let mut failing = false;
    while let Some(first) = heard.recv().await {
        let (mut batch, mut waiting) = (Vec::<SpanData>::new(), None);
        let mut next = Some(first);
        let until = tokio::time::Instant::now() + EVERY;
        while let Some(told) = next {
            match told {
                Told::Request(line) => batch.extend(spans::of_request(&line)),
                Told::Work(work) => batch.extend(spans::of_work(&work)),
                Told::Flush(done) => waiting = Some(done),
            }
            next = if waiting.is_some() || batch.len() >= AT_ONCE {
                None
            } else {
                tokio::time::timeout_at(until, heard.recv()).await.ok().flatten()
            };
        }
        let count = batch.len();
        if count > 0 {
            let sent = exporter.export(batch).await;
            if let Err(error) = &sent {
                dropped(&metrics, "not_taken", count);
                // Told once, and not for each message of a collector that is down for a day.
                if !failing {
                    tracing::warn!(target: "reference_impl::traces", %error, "the collector does not take traces; they are dropped and counted");
                }
            }
            failing = sent.is_err();
        }
        if let Some(done) = waiting {
            // Whoever waited may be gone.
            let _ = done.send(());
        }
    }
}
