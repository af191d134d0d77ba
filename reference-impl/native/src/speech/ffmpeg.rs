//! MP3 and Opus by `ffmpeg`, as a process that reads PCM and writes the format while it comes. The same PCM gives the same bytes.

use futures_util::{StreamExt, stream};
use reference_core::ports::{BoxFuture, ModelError, SoundChunks, SpeechEncoder, SpeechFormat};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, ChildStdout};
use tokio::task::JoinHandle;

use super::child::{Bounds, Program};

const NAME: &str = "ffmpeg";
const CHUNK_BYTES: usize = 16 << 10;
const BOUNDS: Bounds = Bounds { cpu_s: 60, memory_bytes: 2 << 30, file_bytes: 0 };

/// The encoder.
#[derive(Debug, Clone)]
pub struct Ffmpeg {
    program: Program,
    formats: Vec<SpeechFormat>,
}

impl Ffmpeg {
    /// The program where `PATH` says; `None` without one that has a codec for either format.
    pub fn find() -> Option<Self> {
        let program = Program::find(NAME).ok()?;
        let encoders = program.tells(&["-hide_banner", "-encoders"])?;
        let formats: Vec<SpeechFormat> = [SpeechFormat::Mp3, SpeechFormat::Opus]
            .into_iter()
            .filter(|format| codec(*format).is_some_and(|(codec, _)| encoders.contains(codec)))
            .collect();
        (!formats.is_empty()).then_some(Self { program, formats })
    }
}

/// The codec of a format and what it is asked for. A frame that says how long the whole is would have to be written last.
fn codec(format: SpeechFormat) -> Option<(&'static str, &'static [&'static str])> {
    match format {
        SpeechFormat::Mp3 => {
            Some(("libmp3lame", &["-b:a", "48k", "-write_xing", "0", "-id3v2_version", "0", "-f", "mp3"]))
        }
        SpeechFormat::Opus => {
            Some(("libopus", &["-b:a", "32k", "-application", "voip", "-page_duration", "200000", "-f", "ogg"]))
        }
        SpeechFormat::Wav | SpeechFormat::Pcm => None,
    }
}

fn unavailable(reason: impl Into<String>) -> ModelError {
    ModelError::Unavailable { model: NAME.to_owned(), reason: reason.into() }
}

/// An encoding under way. Dropped, it ends the process and the work that feeds it.
struct Running {
    child: Child,
    stdout: ChildStdout,
    feeder: Feeder,
}

/// The task that hands the PCM on; ended when dropped.
struct Feeder(JoinHandle<Result<(), ModelError>>);

impl Drop for Feeder {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn feed(mut pcm: SoundChunks, mut stdin: ChildStdin) -> Result<(), ModelError> {
    while let Some(chunk) = pcm.next().await {
        stdin.write_all(&chunk?).await.map_err(|error| unavailable(error.to_string()))?;
    }
    Ok(())
}

impl Running {
    /// The next bytes; `None` at a good end.
    async fn next(&mut self) -> Result<Option<Vec<u8>>, ModelError> {
        let mut chunk = vec![0; CHUNK_BYTES];
        let read = self.stdout.read(&mut chunk).await.map_err(|error| unavailable(error.to_string()))?;
        if read > 0 {
            chunk.truncate(read);
            return Ok(Some(chunk));
        }
        // Sound that broke off is told before what the encoder made of it.
        (&mut self.feeder.0).await.map_err(|error| unavailable(error.to_string()))??;
        let status = self.child.wait().await.map_err(|error| unavailable(error.to_string()))?;
        if status.success() { Ok(None) } else { Err(unavailable(format!("it ended with {status}"))) }
    }
}

impl SpeechEncoder for Ffmpeg {
    fn formats(&self) -> &[SpeechFormat] {
        &self.formats
    }

    fn encode(
        &self,
        format: SpeechFormat,
        sample_rate_hz: u32,
        pcm: SoundChunks,
    ) -> BoxFuture<'_, Result<SoundChunks, ModelError>> {
        Box::pin(async move {
            let (codec, options) = codec(format).ok_or_else(|| unavailable("it has no codec for this format"))?;
            let mut command = self.program.command(BOUNDS);
            command
                .args(["-hide_banner", "-loglevel", "error", "-protocol_whitelist", "pipe", "-threads", "1"])
                .args(["-f", "s16le", "-ar", &sample_rate_hz.to_string(), "-ac", "1"])
                .args(["-probesize", "32", "-i", "pipe:0", "-map_metadata", "-1"])
                .args([
                    "-fflags",
                    "+bitexact+flush_packets",
                    "-flags:a",
                    "+bitexact",
                    "-flush_packets",
                    "1",
                    "-c:a",
                    codec,
                ])
                .args(options)
                .arg("pipe:1");
            let mut child = command.spawn().map_err(|error| unavailable(error.to_string()))?;
            let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
                return Err(unavailable("its streams cannot be had"));
            };
            let feeder = Feeder(tokio::spawn(feed(pcm, stdin)));
            let running = Running { child, stdout, feeder };
            let encoded = stream::unfold(Some(running), |running| async move {
                let mut running = running?;
                match running.next().await {
                    Ok(Some(chunk)) => Some((Ok(chunk), Some(running))),
                    Ok(None) => None,
                    Err(error) => Some((Err(error), None)),
                }
            });
            Ok(encoded.boxed())
        })
    }
}
