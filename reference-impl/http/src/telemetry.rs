//! What the edge tells about each request. The host decides where it goes.

use contract_types::LogLine;

/// One finished request, ready to be written as a log line and counted.
#[derive(Debug, Clone)]
pub struct RequestRecord {
    /// The contract's log line.
    pub line: LogLine,
    /// The chain of causes of a failure, for operators alone.
    pub cause: Option<String>,
}

/// Receives the record of each request.
pub trait Telemetry: Send + Sync {
    /// Called once a request, after its answer's head is ready. Must not block.
    fn request(&self, record: RequestRecord);
}
