//! Servers as processes of their own, and the processor time that they take.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};

/// What a server writes to standard error once it answers.
pub(crate) const LISTENING: &str = "listening on http://";

/// A running server, which ends with this value.
pub(crate) struct Server {
    child: Child,
    /// Host and port.
    pub(crate) address: String,
    errors: BufReader<ChildStderr>,
}

impl Server {
    /// Starts `command` and waits until it says where it listens. Its log lines go to the file `log`.
    pub(crate) fn start(mut command: Command, log: &Path) -> Self {
        let log = File::create(log).expect("the folder of this run is writable");
        let mut child = command.stdout(log).stderr(Stdio::piped()).spawn().expect("the server is built");
        let errors = BufReader::new(child.stderr.take().expect("it was piped"));
        // From here on its end is sure, whatever it says.
        let mut server = Self { child, address: String::new(), errors };
        let mut told = String::new();
        loop {
            let mut line = String::new();
            let read = server.errors.read_line(&mut line).expect("a server writes UTF-8");
            assert!(read > 0, "the server ended before it answered: {told}");
            if let Some((_, address)) = line.trim().split_once(LISTENING) {
                address.clone_into(&mut server.address);
                return server;
            }
            told.push_str(&line);
        }
    }

    /// Processor time of every thread that lives, so far.
    pub(crate) fn cpu(&self) -> Cpu {
        Cpu::of(Path::new(&format!("/proc/{}/task", self.child.id())))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Nanoseconds on a processor, by thread. Threads that ended meanwhile are left out of a difference: none does under load.
pub(crate) struct Cpu(std::collections::BTreeMap<u64, u64>);

impl Cpu {
    fn of(tasks: &Path) -> Self {
        let Ok(threads) = std::fs::read_dir(tasks) else {
            panic!("processor time is read from /proc, which only Linux has")
        };
        let time = |folder: std::path::PathBuf| {
            let thread = folder.file_name()?.to_str()?.parse().ok()?;
            let spent = std::fs::read_to_string(folder.join("schedstat")).ok()?;
            Some((thread, spent.split_whitespace().next()?.parse().ok()?))
        };
        Self(threads.flatten().filter_map(|thread| time(thread.path())).collect())
    }

    /// Of the thread that asks.
    pub(crate) fn of_this_thread() -> u64 {
        let spent = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux tells it");
        spent.split_whitespace().next().and_then(|it| it.parse().ok()).expect("its first number is nanoseconds")
    }

    /// Nanoseconds from `earlier` until this.
    pub(crate) fn since(&self, earlier: &Self) -> u64 {
        self.0.iter().map(|(thread, now)| now.saturating_sub(earlier.0.get(thread).copied().unwrap_or(0))).sum()
    }
}
