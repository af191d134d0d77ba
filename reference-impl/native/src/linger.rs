//! Bodies that nobody wanted are still taken off the wire for a while, so that their sender gets to read why.
//!
//! A server that answers early, say 413 or 401, and closes while bytes are on their way resets the connection: the client's
//! write fails, and with some luck the answer is lost with it.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::{Request, header};

/// Longest time that the rest of a body is read for.
const LONGEST: Duration = Duration::from_secs(5);
/// Most bytes of it that are read, past the largest body that a tenant of a usual size may send.
const MOST_BYTES: usize = 64 << 20;

/// The body of a request. What its handler leaves of it is read to its end and dropped, within bounds.
#[derive(Debug)]
pub(crate) struct Lingering {
    body: Option<Incoming>,
    /// Whether its sender waits to be asked for it.
    waits: bool,
}

/// `request` with a body whose rest is read.
pub(crate) fn lingering(request: Request<Incoming>) -> Request<Lingering> {
    // Who waits for `100 Continue` has sent nothing, and must not be asked to.
    let waits = request.headers().contains_key(header::EXPECT);
    request.map(|body| Lingering { body: Some(body), waits })
}

impl Body for Lingering {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match &mut self.get_mut().body {
            Some(body) => Pin::new(body).poll_frame(cx),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(SizeHint::default, Body::size_hint)
    }
}

impl Drop for Lingering {
    fn drop(&mut self) {
        let Some(body) = self.body.take().filter(|body| !self.waits && !body.is_end_stream()) else { return };
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(tokio::time::timeout(LONGEST, discard(body)));
        }
    }
}

async fn discard(mut body: Incoming) {
    let mut left = MOST_BYTES;
    while let Some(Ok(frame)) = body.frame().await {
        let Some(rest) = left.checked_sub(frame.data_ref().map_or(0, Bytes::len)) else { return };
        left = rest;
    }
}
