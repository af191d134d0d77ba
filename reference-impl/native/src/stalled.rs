//! Connections whose client takes nothing any more are given up.
//!
//! An answer is made as its client takes it, so one that takes nothing would hold the place of its stream, and what makes the answer, for
//! as long as it likes: no deadline is looked at while a write waits.

use std::io::{Error, ErrorKind, IoSlice, Result};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// A stream of bytes whose writes fail when none of them has gone on for a while.
#[derive(Debug)]
pub(crate) struct Unstalled<S> {
    inner: S,
    longest: Duration,
    /// Ends when the write that waits has waited long enough; `None` while none waits.
    waiting: Option<Pin<Box<Sleep>>>,
}

impl<S> Unstalled<S> {
    /// `inner`, where a write waits for `longest` at most.
    pub(crate) fn new(inner: S, longest: Duration) -> Self {
        Self { inner, longest, waiting: None }
    }

    fn within(&mut self, cx: &mut Context<'_>, written: Poll<Result<usize>>) -> Poll<Result<usize>> {
        if written.is_ready() {
            self.waiting = None;
            return written;
        }
        let longest = self.longest;
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(sleep(longest)));
        match waiting.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Err(Error::new(ErrorKind::TimedOut, "the client takes nothing"))),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Unstalled<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write(cx, bytes);
        self.within(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write_vectored(cx, parts);
        self.within(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Unstalled<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buffer)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test]
    async fn gives_up_a_client_that_takes_nothing() {
        let (ours, _theirs) = tokio::io::duplex(16);
        let mut ours = Unstalled::new(ours, Duration::from_millis(50));
        let began = std::time::Instant::now();
        let failed = ours.write_all(&[0; 17]).await.unwrap_err();
        assert_eq!(failed.kind(), ErrorKind::TimedOut);
        assert!(began.elapsed() >= Duration::from_millis(50));
    }

    #[tokio::test]
    async fn writes_all_to_one_that_takes_it() {
        let (ours, mut theirs) = tokio::io::duplex(16);
        let mut ours = Unstalled::new(ours, Duration::from_secs(30));
        let taken = tokio::spawn(async move {
            let mut taken = Vec::new();
            theirs.read_to_end(&mut taken).await.map(|_| taken)
        });
        ours.write_all(&[7; 64]).await.unwrap();
        drop(ours);
        assert_eq!(taken.await.unwrap().unwrap(), [7; 64]);
    }
}
