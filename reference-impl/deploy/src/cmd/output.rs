//! Where words go: results to standard output, everything else to standard error.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

type Sink = Arc<Mutex<Box<dyn Write + Send>>>;

/// The two ways out. Clones share them.
#[derive(Clone)]
pub struct Output {
    out: Sink,
    err: Sink,
}

impl Output {
    /// Those of this process.
    pub fn of_process() -> Self {
        Self::new(Box::new(io::stdout()), Box::new(io::stderr()))
    }

    /// Any two.
    pub fn new(out: Box<dyn Write + Send>, err: Box<dyn Write + Send>) -> Self {
        Self { out: Arc::new(Mutex::new(out)), err: Arc::new(Mutex::new(err)) }
    }

    /// A line of the result.
    pub(crate) fn result(&self, line: &str) {
        tell(&self.out, line);
    }

    /// A line beside it.
    pub(crate) fn note(&self, line: &str) {
        tell(&self.err, line);
    }
}

impl std::fmt::Debug for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Output")
    }
}

fn tell(sink: &Sink, line: &str) {
    let line = crate::credentials::redacted(line);
    let mut sink = sink.lock().unwrap_or_else(PoisonError::into_inner);
    // Nobody is left to tell when this cannot be written.
    let _ = writeln!(sink, "{line}").and_then(|()| sink.flush());
}
