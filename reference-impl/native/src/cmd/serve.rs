//! `serve`: the deployment on a socket.

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use reference_http::Telemetry;
use tokio::net::TcpListener;

use super::workerd::Served;
use super::{Context, ENVIRONMENT, Failure};
use crate::config::{self, DemoFiles, ProviderUrl};
use crate::data_folder::{DataFolder, DataFolderError};
use crate::deployment::{self, Deployment};
use crate::telemetry::JsonLines;
use crate::traces::Traces;
use crate::{control, events, server, speech};

/// Tenants that `--demo` serves where no folder is given: the fixtures, seen from the root of the project.
const DEMO_TENANTS: &str = "fixtures/tenants";
/// When streams are ended that are still open, as a share of the grace that the end of the process has.
const STREAMS_END: f64 = 0.8;
/// How long the end of the process waits for its last traces to be taken.
const LAST_TRACES: Duration = Duration::from_secs(2);
/// Threads that run requests, at least: cutting and embedding a document keeps one busy, which must not stall every other
/// tenant on a small machine.
const LEAST_THREADS: usize = 4;

/// Serves the API. Log lines go to standard output; `listening on …` goes to standard error once requests are answered.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Address to listen on; port 0 takes a free one.
    #[arg(long, visible_alias = "listen", default_value = "127.0.0.1:8787", env = "PLUMBLINE_ADDR")]
    addr: SocketAddr,
    /// Folder for everything that is stored. With --demo it may be left out: a temporary one is made and removed.
    #[arg(long, value_name = "DIR", required_unless_present = "demo", env = "PLUMBLINE_DATA")]
    data: Option<PathBuf>,
    /// Folder with platform.yaml and <tenant>/tenant.yaml. With --demo it may be left out: the fixtures are served.
    #[arg(long, value_name = "DIR", required_unless_present = "demo", env = "PLUMBLINE_TENANTS")]
    tenants: Option<PathBuf>,
    /// Accept the published credentials of the fixtures. Refused in production.
    #[arg(long)]
    demo: bool,
    /// Loopback address of the test-only control API. Refused in production.
    #[arg(long, value_name = "ADDR")]
    control: Option<SocketAddr>,
    /// Another address for a model provider of platform.yaml, such as that of a stand-in in a test. May be repeated.
    #[arg(long, value_name = "ID=URL")]
    provider_url: Vec<ProviderUrl>,
    /// Write no log line a request. What befalls the server, and why a request failed, is told on standard error all the same.
    #[arg(long)]
    without_logs: bool,
    /// Count nothing: no tenant has /metrics.
    #[arg(long)]
    without_metrics: bool,
    /// Address of an OpenTelemetry collector that takes OTLP over HTTP, such as `http://127.0.0.1:4318`, to send traces to.
    #[arg(long, value_name = "URL", env = "OTEL_EXPORTER_OTLP_ENDPOINT")]
    otlp: Option<String>,
    /// Share of requests that are traced where their callers say nothing about it, from 0 to 1, in place of platform.yaml's
    /// `trace_ratio`.
    #[arg(long, value_name = "RATIO", env = "PLUMBLINE_TRACE_RATIO", value_parser = ratio)]
    trace_ratio: Option<f64>,
    /// What serves: this program, or the Worker of reference-impl/worker on workerd, which Node starts, with the same flags. The
    /// bundle is built where there is none; run it from the root of the project.
    #[arg(long, value_enum, default_value_t = Runtime::Native)]
    runtime: Runtime,
}

/// What serves the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Runtime {
    /// This program.
    Native,
    /// The Worker on workerd.
    Workerd,
}

impl Args {
    pub(super) fn run(self, context: &mut Context) -> Result<(), Failure> {
        self.refuse_in_production(context)?;
        events::listen();
        let tenants = self.tenants.clone().unwrap_or_else(|| Path::new(DEMO_TENANTS).to_owned());
        let demo = self.demo.then(|| DemoFiles::beside(&tenants));
        let mut loaded = config::load(&tenants, &deployment::models(), demo.as_ref())
            .map_err(|error| Failure::Usage(error.to_string()))?;
        for change in &self.provider_url {
            change.apply(&mut loaded).map_err(Failure::Usage)?;
        }
        loaded.platform.trace_ratio = self.trace_ratio.unwrap_or(loaded.platform.trace_ratio);
        match self.runtime {
            Runtime::Native => {}
            Runtime::Workerd => return self.on_workerd(&tenants),
        }
        let data = self.data.as_deref().map_or_else(DataFolder::temporary, DataFolder::open);
        let data = data.map_err(|error| usage(&error))?;
        let threads = std::thread::available_parallelism().map_or(LEAST_THREADS, |it| it.get().max(LEAST_THREADS));
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build()?;
        let hint = demo.and_then(|demo| demo.any_key());
        let done = runtime.block_on(self.serve(context, loaded, &data, hint.as_deref()));
        // What is still running has had its grace; a call that hangs in a fault must not hold the process.
        runtime.shutdown_background();
        done
    }

    fn on_workerd(&self, tenants: &Path) -> Result<(), Failure> {
        let served = Served {
            addr: self.addr,
            data: self.data.as_deref(),
            tenants,
            control: self.control,
            provider_urls: self.provider_url.iter().map(ToString::to_string).collect(),
        };
        served.start()
    }

    fn refuse_in_production(&self, context: &Context) -> Result<(), Failure> {
        let refused = [("--demo", self.demo), ("--control", self.control.is_some())];
        for (flag, given) in refused {
            if given && context.is_production() {
                return Err(Failure::Usage(format!("{flag} is refused where {ENVIRONMENT} is `prod`; leave it out")));
            }
        }
        match self.control {
            Some(addr) if !addr.ip().is_loopback() => {
                Err(Failure::Usage(format!("--control takes a loopback address such as 127.0.0.1:8788, not {addr}")))
            }
            Some(_) | None => Ok(()),
        }
    }

    async fn serve(
        &self,
        context: &mut Context,
        loaded: config::Loaded,
        data: &DataFolder,
        demo_key: Option<&str>,
    ) -> Result<(), Failure> {
        #[cfg(feature = "sabotage")]
        writeln!(
            context.err,
            "this is a sabotage build: PUT /sabotage/<name> on the control API breaks one rule of the contract"
        )?;
        let limits = loaded.platform.server;
        let causes = Box::new(std::io::stderr());
        let lines = Arc::new(if self.without_logs {
            JsonLines::of_causes(causes)
        } else {
            JsonLines::new(Box::new(std::io::stdout()), causes)
        });
        let mut telemetry = Arc::clone(&lines) as Arc<dyn Telemetry>;
        let traces = self.otlp.as_deref().filter(|url| !url.is_empty());
        let traces = traces.map(|url| Traces::new(Arc::clone(&telemetry), url)).transpose();
        let traces = traces.map_err(|error| Failure::Usage(error.to_string()))?.map(Arc::new);
        if let Some(traces) = &traces {
            telemetry = Arc::clone(traces) as _;
        }
        let deployment = Deployment::assemble(loaded, data, telemetry, self.demo, self.control.is_some())?;
        if self.without_metrics {
            deployment.platform.metrics().stop();
        }
        if let Some(traces) = &traces {
            traces.count_with(deployment.platform.metrics().clone());
        }
        let listener = bind(self.addr, "--addr").await?;
        let address = listener.local_addr()?;
        let deployment = Arc::new(deployment);
        if let Some(addr) = self.control {
            let listener = bind(addr, "--control").await?;
            writeln!(context.err, "control API on http://{}", listener.local_addr()?)?;
            let router = control::router(Arc::clone(&deployment))?;
            tokio::spawn(server::serve(listener, router, limits, std::future::pending()));
        }
        for line in speech::complaints(&deployment.config, &deployment.registry.all()) {
            writeln!(context.err, "{line}")?;
        }
        deployment.resume().await;
        deployment.keep_waking();
        writeln!(context.err, "listening on http://{address}")?;
        if let Some(key) = demo_key {
            writeln!(context.err, "try: {}", example(address, key))?;
        }
        let router = deployment.router.clone();
        let streams = deployment.streams.clone();
        let stop = async move {
            server::stop_signal().await;
            // A stream may still end by itself; what is open late in the grace is ended while its client can be told.
            tokio::spawn(async move {
                tokio::time::sleep(limits.shutdown_grace.mul_f64(STREAMS_END)).await;
                streams.close();
            });
        };
        let all_ended = server::serve(listener, router, limits, stop).await;
        let drained = tokio::time::timeout(limits.shutdown_grace, deployment.tasks.drain()).await.is_ok();
        let _ = tokio::time::timeout(limits.shutdown_grace, deployment.request_counts.flush()).await;
        if !(all_ended && drained) {
            writeln!(context.err, "stopped with work unfinished after {} ms", limits.shutdown_grace.as_millis())?;
        }
        if let Some(traces) = traces {
            // A collector that does not answer must not hold the process.
            let _ = tokio::time::timeout(LAST_TRACES, traces.flush()).await;
        }
        lines.flush();
        Ok(())
    }
}

fn ratio(text: &str) -> Result<f64, String> {
    let ratio = text.parse().ok().filter(|ratio| (0.0..=1.0).contains(ratio));
    ratio.ok_or_else(|| "expected a number from 0 to 1".to_owned())
}

async fn bind(addr: SocketAddr, flag: &str) -> Result<TcpListener, Failure> {
    let refused = |error| Failure::Usage(format!("cannot listen on {addr}: {error}; choose another with {flag}"));
    TcpListener::bind(addr).await.map_err(refused)
}

pub(super) fn usage(error: &DataFolderError) -> Failure {
    match error {
        DataFolderError::InUse { .. } => Failure::Usage(error.to_string()),
        DataFolderError::Unusable { source, .. } => Failure::Usage(format!("{error}: {source}")),
    }
}

/// A first request, to be pasted into a shell.
fn example(address: SocketAddr, key: &str) -> String {
    let body = r#"{"documents":[{"id":"hello","content_type":"text/plain","content":"The workshop opens at nine."}]}"#;
    format!(
        "curl -s http://{address}/ingest -H 'authorization: Bearer {key}' -H 'content-type: application/json' -d '{body}'"
    )
}
