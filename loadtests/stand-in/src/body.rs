//! Bodies that arrive at the pace of a script, and break where it says so.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt as _};
use serde_json::{Value, json};

use crate::script::{Fault, Script};
use crate::{Open, shapes};

/// A piece of a body, or the reason why the connection breaks.
pub(crate) type Piece = Result<Bytes, io::Error>;

/// Time that what was written before a break has to reach its reader, in milliseconds.
const FLUSHED_MS: u64 = 20;

fn broken() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionReset, "the script says that the connection breaks here")
}

/// The events of a streamed answer. `open` counts it for as long as it is read.
pub(crate) fn events(script: &Script, body: &Value, open: Open) -> impl Stream<Item = Piece> + Send + use<> {
    let mut gaps = script.gaps();
    let texts = script.text_pieces();
    let dies = match script.fault {
        Some(Fault::Dies(after)) => usize::try_from(after).unwrap_or(usize::MAX),
        Some(Fault::Slow(_) | Fault::Hang | Fault::Status(_) | Fault::TooMany(_) | Fault::Garbage) | None => usize::MAX,
    };
    let mut steps: Vec<(u64, Piece)> = Vec::with_capacity(texts.len() + 3);
    steps.push((0, Ok(shapes::chunk(script, body, &json!({"role": "assistant", "content": ""}), None).into())));
    for (number, text) in texts.iter().enumerate() {
        if number == dies {
            break;
        }
        let piece = shapes::chunk(script, body, &json!({"content": text}), None);
        steps.push((gaps.next().unwrap_or_default(), Ok(piece.into())));
    }
    if dies < usize::MAX {
        steps.push((gaps.next().unwrap_or_default().max(FLUSHED_MS), Err(broken())));
    } else {
        steps.push((0, Ok(shapes::chunk(script, body, &json!({}), Some("stop")).into())));
        if body["stream_options"]["include_usage"] == true {
            steps.push((0, Ok(shapes::usage_chunk(script, body).into())));
        }
        steps.push((0, Ok(Bytes::from_static(b"data: [DONE]\n\n"))));
    }
    let open = Arc::new(open);
    stream::unfold((steps.into_iter(), open), |(mut steps, open)| async move {
        let (after, piece) = steps.next()?;
        if after > 0 {
            tokio::time::sleep(Duration::from_millis(after)).await;
        }
        Some((piece, (steps, open)))
    })
}

/// The first half of `text`, after which the connection breaks.
pub(crate) fn half(text: &str) -> impl Stream<Item = Piece> + Send + 'static {
    let half = Bytes::copy_from_slice(&text.as_bytes()[..text.len() / 2]);
    stream::iter([(0, Ok(half)), (FLUSHED_MS, Err(broken()))]).then(|(after, piece)| async move {
        tokio::time::sleep(Duration::from_millis(after)).await;
        piece
    })
}
