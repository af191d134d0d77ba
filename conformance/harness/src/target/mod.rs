//! A target under test: one that is already running, or a child process that the profile says how to build and start.

mod build;
mod log;

pub use log::{Findings, LogBook};

use std::{
    collections::VecDeque,
    io::{BufRead, BufReader, Read},
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, mpsc},
    time::{Duration, Instant},
};

use crate::{
    profile::Resolved,
    root::fixtures_root,
    upstream::{Upstream, UpstreamError},
};
use contract_types::StartProfile;
use log::Pipe;
use regex::Regex;

/// Lines of a target's output that are kept.
const KEPT_LINES: usize = 50_000;
/// Longest time until a target is ready, where the profile says nothing.
const READY_WITHIN: Duration = Duration::from_secs(30);

/// Why there is no target.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// A program could not be run.
    #[error("`{program}` cannot be run: {cause}")]
    Run {
        /// The program.
        program: String,
        /// Why.
        cause: std::io::Error,
    },
    /// The build failed.
    #[error("`{command}` failed; its messages stand above")]
    Build {
        /// The command.
        command: String,
    },
    /// The build reported no program.
    #[error("`{command}` reported no program to run, which {{binary}} stands for")]
    NoBinary {
        /// The command.
        command: String,
    },
    /// It ended or stayed silent instead of getting ready.
    #[error("the target was not ready: {what}; its last words:\n{output}")]
    NotReady {
        /// What happened.
        what: String,
        /// The end of its output.
        output: String,
    },
    /// The stand-in for model providers did not start.
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
    /// No port or folder could be had.
    #[error("no {what} for the target: {cause}")]
    Local {
        /// What.
        what: &'static str,
        /// Why.
        cause: std::io::Error,
    },
}

/// A target that answers. A started one is stopped when this is dropped.
#[derive(Debug)]
pub struct Target {
    /// Its address, without a final slash.
    pub base_url: String,
    /// Address of its control API, where it has one.
    pub control: Option<String>,
    /// What stands in for its model providers, where the profile asks for one.
    pub upstream: Option<Arc<Upstream>>,
    started: Option<Started>,
}

#[derive(Debug)]
struct Started {
    child: Child,
    stop_after: Duration,
    output: Output,
    log: Arc<LogBook>,
    data: tempfile::TempDir,
}

type Output = Arc<Mutex<VecDeque<String>>>;

impl Target {
    /// Starts the target of `profile`, or takes the one that is running. Blocks until it is ready.
    ///
    /// # Errors
    ///
    /// [`TargetError`].
    pub fn open(profile: &Resolved, root: &Path) -> Result<Self, TargetError> {
        match &profile.spec.start {
            None => {
                let base_url = profile.spec.base_url.clone().unwrap_or_default();
                Ok(Self { base_url, control: profile.spec.control.clone(), upstream: None, started: None })
            }
            Some(start) => Self::start(start, profile.spec.control.as_deref(), root, None),
        }
    }

    /// Another server of `profile` that begins with a copy of the data in `data`, as [`Target::stop`] gave it. Blocks until it is
    /// ready. A target that is running already is taken as it is.
    ///
    /// # Errors
    ///
    /// [`TargetError`].
    pub fn open_with(profile: &Resolved, root: &Path, data: &Path) -> Result<Self, TargetError> {
        match &profile.spec.start {
            None => Self::open(profile, root),
            Some(start) => Self::start(start, profile.spec.control.as_deref(), root, Some(data)),
        }
    }

    fn start(
        start: &StartProfile,
        control: Option<&str>,
        root: &Path,
        content: Option<&Path>,
    ) -> Result<Self, TargetError> {
        let folder = root.join(start.working_dir.as_deref().unwrap_or("."));
        let binary = match &start.build {
            Some(command) => build::build(command, &folder)?,
            None => None,
        };
        let uses_binary = start.run.iter().any(|argument| argument.contains("{binary}"));
        if uses_binary && binary.is_none() {
            let command = start.build.iter().flatten().cloned().collect::<Vec<_>>().join(" ");
            return Err(TargetError::NoBinary { command });
        }
        let data = tempfile::tempdir().map_err(|cause| TargetError::Local { what: "folder", cause })?;
        if let Some(content) = content {
            copy(content, data.path()).map_err(|cause| TargetError::Local { what: "copy of the data", cause })?;
        }
        let texts =
            || start.run.iter().map(String::as_str).chain(start.env.iter().flatten().filter_map(|it| it.1.as_str()));
        let upstream = texts().any(|text| text.contains("{upstream}"));
        let upstream = upstream.then(|| Upstream::start(&fixtures_root())).transpose()?.map(Arc::new);
        let address = upstream.as_ref().map(|upstream| upstream.uri()).unwrap_or_default();
        let (port, control_port) = (free_port()?, free_port()?);
        let fill = |text: &str| {
            text.replace("{port}", &port.to_string())
                .replace("{control}", &control_port.to_string())
                .replace("{upstream}", &address)
                .replace("{data}", &data.path().to_string_lossy())
                .replace("{binary}", &binary.as_deref().unwrap_or(Path::new("")).to_string_lossy())
        };
        let argv: Vec<String> = start.run.iter().map(|argument| fill(argument)).collect();
        let (program, arguments) = argv.split_first().map_or(("", &[][..]), |(program, rest)| (program.as_str(), rest));
        let mut command = Command::new(program);
        command.args(arguments).current_dir(&folder).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        for (name, value) in start.env.iter().flatten() {
            command.env(name, fill(value.as_str().unwrap_or_default()));
        }
        let mut child = command.spawn().map_err(|cause| TargetError::Run { program: program.to_owned(), cause })?;
        let (output, log) = (Output::default(), Arc::<LogBook>::default());
        let (sender, lines) = mpsc::channel();
        if let Some(pipe) = child.stdout.take() {
            follow(pipe, (Pipe::Output, Arc::clone(&log)), Arc::clone(&output), sender.clone());
        }
        if let Some(pipe) = child.stderr.take() {
            follow(pipe, (Pipe::Error, Arc::clone(&log)), Arc::clone(&output), sender);
        }
        // From here on a return stops the child.
        let stop_after = Duration::from_millis(start.stop_after_ms);
        let started = Started { child, stop_after, output, log, data };
        let mut target = Self {
            base_url: format!("http://127.0.0.1:{port}"),
            control: control.map(|address| address.replace("{control}", &control_port.to_string())),
            upstream,
            started: Some(started),
        };
        let within = start.ready_within_ms.map_or(READY_WITHIN, Duration::from_millis);
        target.wait_until_ready(&start.ready, within, &lines)?;
        Ok(target)
    }

    fn wait_until_ready(
        &mut self,
        ready: &str,
        within: Duration,
        lines: &mpsc::Receiver<String>,
    ) -> Result<(), TargetError> {
        let not_ready =
            |target: &Self, what: String| TargetError::NotReady { what, output: target.last_lines(20).join("\n") };
        let ready = Regex::new(ready).map_err(|error| not_ready(self, format!("`ready` is no expression: {error}")))?;
        let until = Instant::now() + within;
        loop {
            match lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(line) if ready.is_match(&line) => return Ok(()),
                Ok(_) => {}
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    return Err(not_ready(self, format!("no line matched `{ready}` within {within:?}")));
                }
                Err(mpsc::RecvTimeoutError::Disconnected) => {
                    return Err(not_ready(self, "it ended".to_owned()));
                }
            }
        }
    }

    /// Whether this process started the target.
    pub fn is_started(&self) -> bool {
        self.started.is_some()
    }

    /// Id of the process that was started, where one was.
    pub fn process(&self) -> Option<u32> {
        self.started.as_ref().map(|started| started.child.id())
    }

    /// What was found in the lines of a started target.
    pub fn log(&self) -> Option<&LogBook> {
        self.started.as_ref().map(|started| &*started.log)
    }

    /// The last lines that a started target wrote, oldest first.
    pub fn last_lines(&self, count: usize) -> Vec<String> {
        let Some(started) = &self.started else { return Vec::new() };
        let Ok(lines) = started.output.lock() else { return Vec::new() };
        lines.iter().skip(lines.len().saturating_sub(count)).cloned().collect()
    }
}

impl Target {
    /// The same target behind another address. Dropping it stops nothing.
    #[must_use]
    pub fn behind(&self, base_url: &str) -> Self {
        let (control, upstream) = (self.control.clone(), self.upstream.clone());
        Self { base_url: base_url.to_owned(), control, upstream, started: None }
    }

    /// Stops a started target and gives what it has stored, for [`Target::open_with`]; `None` for one that runs on.
    pub fn stop(mut self) -> Option<tempfile::TempDir> {
        let mut started = self.started.take()?;
        // The folder goes to the caller; the one that is left in its place is removed at once.
        let empty = tempfile::tempdir().ok()?;
        let data = std::mem::replace(&mut started.data, empty);
        drop(started);
        Some(data)
    }

    /// Lines of a started target that hold `text`, oldest first; each is tried from the last line back, at most `most`.
    pub fn lines_with(&self, text: &str, most: usize) -> Vec<String> {
        let Some(started) = &self.started else { return Vec::new() };
        let Ok(lines) = started.output.lock() else { return Vec::new() };
        let mut found: Vec<String> =
            lines.iter().rev().filter(|line| line.contains(text)).take(most).cloned().collect();
        found.reverse();
        found
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        let pid = i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw);
        if let Some(pid) = pid {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        let until = Instant::now() + self.stop_after;
        while Instant::now() < until {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Copies what lies in `from` into `to`, folders and all.
fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            std::fs::create_dir_all(&target)?;
            copy(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

fn free_port() -> Result<u16, TargetError> {
    let bound = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    bound.map(|address| address.port()).map_err(|cause| TargetError::Local { what: "free port", cause })
}

/// Reads a pipe to its end, so that the target never blocks on it.
fn follow(
    pipe: impl Read + Send + 'static,
    (kind, log): (Pipe, Arc<LogBook>),
    output: Output,
    lines: mpsc::Sender<String>,
) {
    std::thread::spawn(move || {
        let mut pipe = BufReader::new(pipe);
        let mut bytes = Vec::new();
        while pipe.read_until(b'\n', &mut bytes).is_ok_and(|read| read > 0) {
            let line = String::from_utf8_lossy(&bytes).trim_end().to_owned();
            bytes.clear();
            log.see(kind, &line);
            if let Ok(mut kept) = output.lock() {
                if kept.len() == KEPT_LINES {
                    kept.pop_front();
                }
                kept.push_back(line.clone());
            }
            let _ = lines.send(line);
        }
    });
}

#[cfg(test)]
mod tests;
