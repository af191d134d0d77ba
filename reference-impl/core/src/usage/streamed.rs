//! A streamed chat behind the meter: it is counted when it ends, also where it is cut.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::{Stream, StreamExt};

use super::meter::{Meter, failure};
use super::tally::{Role, Tokens};
use crate::ports::{BoxFuture, ChatDelta, ChatDeltas, ChatFinish, ModelError};
use crate::tenancy::TenantContext;
use crate::trace::{Step, StepOutcome};

/// A chat's pieces, and what has been seen of them.
pub(super) struct MeteredDeltas {
    inner: ChatDeltas,
    meter: Meter,
    tenant: TenantContext,
    model: String,
    /// When it was called, in microseconds of the monotonic clock.
    since_us: u64,
    /// Its call as a step.
    step: Option<Step>,
    /// Tokens that the model was given, by the tokenizer.
    read: u64,
    /// Most tokens that it may write.
    most: u64,
    /// What it has written so far.
    written: String,
    /// What its host counted.
    counted: Option<Tokens>,
    /// Whether the turn goes on with the answers of tools.
    goes_on: bool,
    charged: bool,
    /// What broke it off, in a word.
    failed: Option<&'static str>,
    closing: Option<BoxFuture<'static, ()>>,
}

impl MeteredDeltas {
    pub(super) fn new(
        inner: ChatDeltas,
        meter: Meter,
        tenant: TenantContext,
        (model, since_us, step): (String, u64, Step),
        read: u64,
        most: u64,
    ) -> Self {
        let (written, counted, closing) = (String::new(), None, None);
        let (goes_on, charged, failed, step) = (false, false, None, Some(step));
        Self {
            inner,
            meter,
            tenant,
            model,
            since_us,
            step,
            read,
            most,
            written,
            counted,
            goes_on,
            charged,
            failed,
            closing,
        }
    }

    pub(super) fn boxed(self) -> ChatDeltas {
        StreamExt::boxed(self)
    }

    fn see(&mut self, delta: &ChatDelta) {
        match delta {
            ChatDelta::Text(text) => self.written.push_str(text),
            ChatDelta::ToolCall(call) => {
                self.written.push(' ');
                self.written.push_str(&call.tool);
                self.written.push(' ');
                self.written.push_str(&call.arguments);
            }
            ChatDelta::Usage { tokens_in, tokens_out } => {
                self.counted = Some(Tokens { read: *tokens_in, written: *tokens_out });
            }
            ChatDelta::Finish(finish) => self.goes_on = *finish == ChatFinish::ToolCalls,
        }
    }

    /// Counts the call, once.
    fn charge(&mut self) {
        if !std::mem::replace(&mut self.charged, true) {
            // A piece may reach beyond the bound before its reader cuts it off; it was not asked for.
            let written = || self.meter.count(&self.written).min(self.most);
            let own = || Tokens { read: self.read, written: written() };
            let tokens = self.counted.unwrap_or_else(own);
            self.meter.charge(&self.tenant, Role::Generation, &self.model, tokens);
            self.meter.ended(&self.tenant, Role::Generation, &self.model, self.failed.unwrap_or("ok"));
            self.meter.generated(&self.tenant, &self.model, self.since_us);
            if let Some(step) = self.step.take() {
                step.end(if self.failed.is_some() { StepOutcome::Error } else { StepOutcome::Ok });
            }
        }
    }
}

impl Stream for MeteredDeltas {
    type Item = Result<ChatDelta, ModelError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(closing) = &mut self.closing {
            return closing.as_mut().poll(context).map(|()| None);
        }
        match self.inner.poll_next_unpin(context) {
            Poll::Ready(Some(piece)) => {
                match &piece {
                    Ok(delta) => self.see(delta),
                    Err(error) => self.failed = Some(failure(error)),
                }
                Poll::Ready(Some(piece))
            }
            Poll::Ready(None) => {
                // What was used is written down before anybody hears of the end.
                self.charge();
                let (meter, tenant, goes_on) = (self.meter.clone(), self.tenant.clone(), self.goes_on);
                let mut closing: BoxFuture<'static, ()> =
                    Box::pin(
                        async move { if goes_on { meter.flush(&tenant).await } else { meter.close(&tenant).await } },
                    );
                let polled = closing.as_mut().poll(context);
                self.closing = Some(closing);
                match polled {
                    Poll::Ready(()) => {
                        self.closing = Some(Box::pin(std::future::ready(())));
                        Poll::Ready(None)
                    }
                    Poll::Pending => Poll::Pending,
                }
            }
            Poll::Pending => Poll::Pending,
        }
    }
}

impl Drop for MeteredDeltas {
    fn drop(&mut self) {
        // Written in the background when the last who knows of the request lets it go.
        self.charge();
    }
}
