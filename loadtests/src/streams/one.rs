//! One stream, read piece by piece.

use std::time::Instant;

use harness::sse::{Item, Parser};

use super::Yard;
use crate::order::{End, Order, Seen};

/// Opens a stream and reads it to its end. Times count from `start`.
pub(super) async fn read(yard: &Yard, client: &reqwest::Client, start: Instant) -> Seen {
    let mut order = Order::new();
    let refused = |status| {
        let mut seen = Order::new().seen;
        seen.end = End::Refused(status);
        seen
    };
    let Ok(mut answer) = yard.request(client).send().await else { return refused(0) };
    if answer.status() != 200 {
        return refused(answer.status().as_u16());
    }
    let mut parser = Parser::new();
    loop {
        match answer.chunk().await {
            Ok(Some(bytes)) => {
                let after = start.elapsed();
                for item in parser.push(&bytes) {
                    if let Item::Event(event) = item {
                        order.event(event.name.as_deref().unwrap_or("message"), &event.data, after);
                    }
                }
            }
            Ok(None) => return order.finish(parser.is_cut()),
            Err(_) => return order.finish(true),
        }
    }
}
