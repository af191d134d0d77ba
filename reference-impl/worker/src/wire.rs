//! Requests and answers across JavaScript's border. What is whole crosses it in one piece: a stream of JavaScript's costs several
//! calls and promises for each piece, and one thread pays for all of them.

use axum::{
    body::{Body, HttpBody as _},
    http::{HeaderMap, HeaderName, HeaderValue, Request, Response, header},
};
use futures_util::stream;
use worker::{
    Headers, IntoResponse as _, ResponseBody, ResponseBuilder, js_sys, send::SendFuture, wasm_bindgen::JsValue,
    wasm_bindgen_futures::JsFuture, web_sys,
};

/// Longest body that is taken in one piece, in bytes. A longer one, or one that does not say its length, is read as it comes, so
/// that what is too long is refused before it has been kept.
const ONE_PIECE: usize = 1 << 20;

/// The request as the router takes it. Nothing of its body is read before somebody asks for it.
pub(crate) fn request(raw: web_sys::Request) -> worker::Result<Request<Body>> {
    let mut request = Request::builder().uri(raw.url()).method(&*raw.method()).body(Body::empty())?;
    *request.headers_mut() = headers(&raw.headers())?;
    let length = request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if length.is_some_and(|length: usize| length <= ONE_PIECE) {
        *request.body_mut() = one_piece(raw);
    } else if let Some(body) = raw.body() {
        *request.body_mut() = Body::new(worker::Body::new(body));
    }
    Ok(request)
}

fn one_piece(raw: web_sys::Request) -> Body {
    let said = |error: JsValue| std::io::Error::other(format!("{error:?}"));
    Body::from_stream(stream::once(SendFuture::new(async move {
        let buffer = JsFuture::from(raw.array_buffer().map_err(said)?).await.map_err(said)?;
        Ok::<Vec<u8>, std::io::Error>(js_sys::Uint8Array::new(&buffer).to_vec())
    })))
}

fn headers(raw: &web_sys::Headers) -> worker::Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    for entry in raw.entries() {
        let entry: js_sys::Array = entry?.into();
        let text = |at| entry.get(at).as_string().unwrap_or_default();
        headers.append(HeaderName::from_bytes(text(0).as_bytes())?, HeaderValue::from_bytes(text(1).as_bytes())?);
    }
    Ok(headers)
}

/// The answer as the host takes it: what is whole in one piece and with its length, and anything else piece by piece, as it is made.
pub(crate) async fn answer(response: Response<Body>) -> worker::Result<web_sys::Response> {
    let Some(length) = response.body().size_hint().exact() else {
        return response.into_raw().map_err(|error| worker::Error::RustError(error.into().to_string()));
    };
    let (parts, body) = response.into_parts();
    let bytes = axum::body::to_bytes(body, usize::MAX).await;
    let bytes = bytes.map_err(|error| worker::Error::RustError(error.to_string()))?;
    let headers = Headers::new();
    for (name, value) in &parts.headers {
        let value =
            std::str::from_utf8(value.as_bytes()).map_err(|error| worker::Error::RustError(error.to_string()))?;
        headers.append(name.as_str(), value)?;
    }
    let body = if bytes.is_empty() {
        ResponseBody::Empty
    } else {
        headers.set(header::CONTENT_LENGTH.as_str(), &length.to_string())?;
        ResponseBody::Body(bytes.into())
    };
    Ok(ResponseBuilder::new().with_status(parts.status.as_u16()).with_headers(headers).body(body).into())
}
