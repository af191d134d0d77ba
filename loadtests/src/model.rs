//! `loadtests stand-in`: the scripted model on a port of its own, for a deployment that is started by hand.

use clap::Args;
use harness::{exit, output::say};
use stand_in::{Script, StandIn};

/// Serves a scripted model behind an OpenAI-compatible URL until it is stopped.
///
/// It answers POST /v1/embeddings, /v1/chat/completions (whole and streamed) and /v1/rerank. Name its URL in `model_providers` of
/// a platform.yaml.
#[derive(Debug, Clone, Args)]
pub struct ModelArguments {
    /// Address to listen on.
    #[arg(long, default_value = "127.0.0.1:8790")]
    pub addr: String,
    /// The script as JSON, for example `{"pieces": 50, "gap_ms": 20}` or `{"fault": {"dies": 3}}`; faults are slow, hang, status,
    /// `too_many`, garbage and dies.
    #[arg(long, value_name = "JSON", default_value = "{}")]
    pub script: String,
}

/// Serves until the process is stopped, and gives the exit code where it cannot.
pub fn serve(arguments: &ModelArguments) -> u8 {
    let script: Script = match serde_json::from_str(&arguments.script) {
        Ok(script) => script,
        Err(error) => {
            say(&format!("--script: {error}"));
            return exit::USAGE;
        }
    };
    let served = crate::threads::runtime().and_then(|runtime| {
        runtime.block_on(async {
            let model = StandIn::start(&arguments.addr, script).await?;
            say(&format!("listening on {}", model.url()));
            std::future::pending::<std::io::Result<()>>().await
        })
    });
    if let Err(error) = served {
        say(&format!("{}: {error}", arguments.addr));
    }
    exit::USAGE
}
