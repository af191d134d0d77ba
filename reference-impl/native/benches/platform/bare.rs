//! The peer: a bare axum route that answers with the same bytes, served in the same way as the deployment.

use std::path::Path;

use axum::Router;
use axum::body::Bytes;
use axum::http::header::CONTENT_TYPE;
use axum::routing::{get, post};
use reference_impl::config::{self, DemoFiles};
use reference_impl::{deployment, server};

use crate::process::LISTENING;

/// Threads of the deployment's runtime on a small machine.
const THREADS: usize = 4;

/// Serves every file of `folder` at the path of its name, after reading the request's body, until it is killed.
///
/// - `tenants`: says the limits of the sockets, as it does for the deployment.
#[expect(clippy::print_stderr, reason = "it tells where it listens as the deployment does")]
pub(crate) fn serve(folder: &Path, tenants: &Path) {
    let demo = DemoFiles::beside(tenants);
    let loaded = config::load(tenants, &deployment::models(), Some(&demo));
    let limits = loaded.map_err(|error| error.to_string()).expect("the tenants of this run").platform.server;
    let mut router = Router::new();
    for file in std::fs::read_dir(folder).expect("a folder of answers").flatten() {
        let answer = Bytes::from(std::fs::read(file.path()).expect("an answer"));
        let path = format!("/{}", file.file_name().to_string_lossy());
        let same = move || std::future::ready(([(CONTENT_TYPE, "application/json")], answer.clone()));
        let read = same.clone();
        router = router.route(&path, get(same).merge(post(move |_body: Bytes| read())));
    }
    let threads = std::thread::available_parallelism().map_or(THREADS, |it| it.get().max(THREADS));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        eprintln!("{LISTENING}{}", listener.local_addr().expect("it is bound"));
        server::serve(listener, router, limits, std::future::pending()).await
    });
}
