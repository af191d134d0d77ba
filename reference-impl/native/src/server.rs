//! Sockets: bounded in connections, headers and time, and ended without cutting requests off.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tower::ServiceExt;

use crate::config::ServerLimits;
use crate::linger::lingering;
use crate::stalled::Unstalled;

/// The smallest buffer that hyper reads a head into.
const SMALLEST_HEAD_BYTES: usize = 8 * 1024;
/// Pause after a failed accept, which mostly means that the process has no file descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves `router` on `listener` until `stop` is ready, then lets running requests end within the limits' grace.
///
/// Returns whether all of them did.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: ServerLimits,
    stop: impl Future<Output = ()>,
) -> bool {
    let graceful = GracefulShutdown::new();
    let room = Arc::new(Semaphore::new(limits.connections.min(Semaphore::MAX_PERMITS)));
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        .max_headers(limits.headers)
        .max_buf_size(limits.header_bytes.max(SMALLEST_HEAD_BYTES));
    tokio::pin!(stop);
    loop {
        let accepted = async {
            let permit = Arc::clone(&room).acquire_owned().await;
            (permit, listener.accept().await)
        };
        let (permit, accepted) = tokio::select! {
            () = &mut stop => break,
            accepted = accepted => accepted,
        };
        let Ok((stream, _peer)) = accepted else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let requests = TowerToHyperService::new(router.clone().map_request(lingering));
        let connection = builder.serve_connection(io(stream, limits.write_timeout), requests);
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            // What goes wrong here is the client's connection; the request, if there was one, has its own log line.
            let _ = connection.await;
            drop(permit);
        });
    }
    drop(listener);
    tokio::time::timeout(limits.shutdown_grace, graceful.shutdown()).await.is_ok()
}

fn io(stream: TcpStream, write_timeout: Duration) -> TokioIo<Unstalled<TcpStream>> {
    // Small answers leave at once; where the system refuses, they leave a little later.
    let _ = stream.set_nodelay(true);
    TokioIo::new(Unstalled::new(stream, write_timeout))
}

/// Is ready on ctrl-c, and on SIGTERM where there is such a thing.
pub async fn stop_signal() {
    let interrupt = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    let terminate = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => drop(signal.recv().await),
            Err(_) => std::future::pending::<()>().await,
        }
    };
    #[cfg(not(unix))]
    let terminate = std::future::pending::<()>();
    tokio::select! {
        () = interrupt => {}
        () = terminate => {}
    }
}
