//! The record of a stream, which is told when the stream has ended and not when it begins.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use axum::body::{Body, BodyDataStream, Bytes};
use contract_types::LogLineStreamOutcome;
use futures_util::{Stream, StreamExt};

use super::{Caller, Edge, finish::Exchange};
use crate::sse::{Ended, StreamLog};

/// A stream's body with everything that its record needs.
struct Told {
    body: BodyDataStream,
    log: StreamLog,
    first_content_ms: Option<f64>,
    edge: Edge,
    exchange: Exchange,
    caller: Option<Caller>,
    status: u16,
}

/// `body`, which leaves the request's record when it has ended or is dropped.
pub(super) fn told_at_its_end(
    edge: &Edge,
    exchange: &Exchange,
    caller: Option<&Caller>,
    status: u16,
    log: StreamLog,
    body: Body,
) -> Body {
    Body::from_stream(Told {
        body: body.into_data_stream(),
        log,
        first_content_ms: None,
        edge: edge.clone(),
        exchange: exchange.clone(),
        caller: caller.cloned(),
        status,
    })
}

impl Stream for Told {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let polled = self.body.poll_next_unpin(context);
        if self.first_content_ms.is_none() && self.log.has_content() {
            self.first_content_ms = Some(self.edge.elapsed_ms(&self.exchange));
        }
        polled
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        let (outcome, failed) = match self.log.ended() {
            Some(Ended::Done) => (LogLineStreamOutcome::Done, None),
            Some(Ended::Error(failed)) => (LogLineStreamOutcome::Error, Some(failed)),
            None => (LogLineStreamOutcome::Aborted, None),
        };
        let mut record = self.edge.record(&self.exchange, self.caller.as_ref(), failed, self.status);
        record.line.stream_outcome = Some(outcome);
        record.line.time_to_first_token_ms = self.first_content_ms;
        self.edge.parts.telemetry.request(record);
    }
}
