//! The runtime that requests are made on.

use std::{io, num::NonZero, thread};

use tokio::runtime::{Builder, Runtime};

/// A runtime with half as many threads as there are processors, so that a target on the same machine has the others. A request that
/// wanders from thread to thread also costs more than one that stays: with two threads for two processors a third as much again.
///
/// # Errors
///
/// Where the system has no more threads.
pub fn runtime() -> io::Result<Runtime> {
    let processors = thread::available_parallelism().map_or(1, NonZero::get);
    Builder::new_multi_thread().worker_threads(processors.div_ceil(2)).enable_all().build()
}
