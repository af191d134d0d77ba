//! The console: a page and its modules, the same bytes from every host, without a credential and without a tenant's data.

use std::{fmt::Write, sync::LazyLock};

use axum::{
    Router,
    body::Body,
    extract::{Path, Request, State},
    http::{HeaderMap, Method, StatusCode},
    response::Response,
    routing::MethodRouter,
};
use sha2::{Digest, Sha256};

use crate::{edge::Edge, reply::insert};

/// What stands in the page where the folder of the assets is named.
const FOLDER_MARK: &str = "{{assets}}";
/// The page, to be completed with the folder of its assets.
const PAGE: &str = include_str!("../console/index.html");

/// Names the file beside its text.
macro_rules! asset {
    ($name:literal) => {
        ($name, include_str!(concat!("../console/", $name)))
    };
}

/// Every asset by its path below the assets' folder.
const ASSETS: &[(&str, &str)] = &[
    asset!("answer.js"),
    asset!("api.js"),
    asset!("app.js"),
    asset!("dom.js"),
    asset!("filters.js"),
    asset!("jobs.js"),
    asset!("mark.svg"),
    asset!("passage.js"),
    asset!("schema_form.js"),
    asset!("sse.js"),
    asset!("style.css"),
    asset!("text.js"),
    asset!("views/chat.js"),
    asset!("views/documents.js"),
    asset!("views/explain.js"),
    asset!("views/listen.js"),
    asset!("views/search.js"),
    asset!("views/tools.js"),
    asset!("views/usage.js"),
    asset!("views.css"),
];

/// What a browser may do with the page: run and show what came from here, call back here, play sound that the page itself holds.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      media-src blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
                      require-trusted-types-for 'script'; trusted-types 'none'";

/// The other headers of every page and asset.
const HEADERS: [(&str, &str); 6] = [
    ("content-security-policy", POLICY),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), microphone=(), geolocation=()"),
];

/// Hash over names and texts of all assets, so that one change moves all of them to a new folder.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    let mut hash = Sha256::new();
    for (name, text) in ASSETS {
        hash.update((name.len() as u64).to_le_bytes());
        hash.update(name);
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text);
    }
    hash.finalize().iter().take(8).fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
});

/// The page with the folder of its assets.
static COMPLETED: LazyLock<String> =
    LazyLock::new(|| PAGE.replace(FOLDER_MARK, &format!("/console/{}", VERSION.as_str())));

/// The console's routes: the page at `/`, its assets below `/console/`.
pub(crate) fn routes() -> Router<Edge> {
    let only_get =
        |state: State<Edge>, request: Request| async move { state.0.method_not_allowed(request, "GET, HEAD").await };
    Router::new()
        .route("/", MethodRouter::new().get(page).fallback(only_get))
        .route("/console/{version}/{*name}", MethodRouter::new().get(asset).fallback(only_get))
}

async fn page(State(edge): State<Edge>, request: Request) -> Response {
    let answer = respond(&request, "text/html; charset=utf-8", &COMPLETED);
    edge.serve_page("/", &request, headers("no-cache"), answer)
}

async fn asset(State(edge): State<Edge>, Path((version, name)): Path<(String, String)>, request: Request) -> Response {
    let found = ASSETS.iter().find(|(known, _)| *known == name && version == *VERSION);
    match found {
        Some((name, text)) => {
            let answer = respond(&request, media_type(name), text);
            edge.serve_page(
                "/console/{version}/{name}",
                &request,
                headers("public, max-age=31536000, immutable"),
                answer,
            )
        }
        None => edge.not_found(request).await,
    }
}

/// The text, and for HEAD its length alone.
fn respond(request: &Request, media_type: &str, text: &'static str) -> Response {
    let head = request.method() == Method::HEAD;
    let mut answer = Response::new(if head { Body::empty() } else { Body::from(text) });
    *answer.status_mut() = StatusCode::OK;
    insert(answer.headers_mut(), "content-type", media_type);
    insert(answer.headers_mut(), "content-length", &text.len().to_string());
    answer
}

fn headers(kept: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in HEADERS {
        insert(&mut headers, name, value);
    }
    insert(&mut headers, "cache-control", kept);
    headers
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some(_) | None => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests;
