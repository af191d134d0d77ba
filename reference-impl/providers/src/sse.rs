//! Event streams: bytes in, the data of whole events out.

/// Longest event, in bytes: no model writes as much in one piece.
const LONGEST: usize = 1 << 20;

/// An event is longer than any model's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooLong;

/// Reads events, however the bytes are cut. Comments and fields other than `data` are passed over.
#[derive(Debug, Default)]
pub(crate) struct Events {
    line: Vec<u8>,
    data: Option<String>,
    /// A `\r` ended the last line, so that a `\n` after it ends none.
    after_return: bool,
}

impl Events {
    /// The events that `bytes` complete.
    pub(crate) fn read(&mut self, bytes: &[u8]) -> Result<Vec<String>, TooLong> {
        let mut events = Vec::new();
        for byte in bytes {
            let after_return = std::mem::take(&mut self.after_return);
            match byte {
                b'\n' if after_return => {}
                b'\n' | b'\r' => {
                    self.after_return = *byte == b'\r';
                    events.extend(self.end_line());
                }
                _ => self.line.push(*byte),
            }
            if self.line.len() + self.data.as_ref().map_or(0, String::len) > LONGEST {
                return Err(TooLong);
            }
        }
        Ok(events)
    }

    /// What the last lines hold when the stream ends without an empty one; some hosts leave it out.
    pub(crate) fn end(&mut self) -> Option<String> {
        let last = if self.line.is_empty() { None } else { self.end_line() };
        last.or_else(|| self.data.take())
    }

    fn end_line(&mut self) -> Option<String> {
        let line = std::mem::take(&mut self.line);
        if line.is_empty() {
            return self.data.take();
        }
        let line = String::from_utf8_lossy(&line);
        let value = line.strip_prefix("data:")?;
        let value = value.strip_prefix(' ').unwrap_or(value);
        match &mut self.data {
            Some(data) => {
                data.push('\n');
                data.push_str(value);
            }
            None => self.data = Some(value.to_owned()),
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_same_events_however_the_bytes_are_cut() {
        let stream = ": hello\r\n\r\ndata: {\"a\":\"ä\"}\n\nevent: x\nid: 1\ndata:one\rdata: two\r\r: ping\n\ndata\ndata: [DONE]\n\n";
        let expected = ["{\"a\":\"ä\"}", "one\ntwo", "[DONE]"];
        for size in 1..=stream.len() {
            let mut events = Events::default();
            let found: Vec<String> =
                stream.as_bytes().chunks(size).flat_map(|chunk| events.read(chunk).unwrap()).collect();
            assert_eq!(found, expected, "pieces of {size}");
            assert_eq!(events.end(), None);
        }
    }

    #[test]
    fn gives_a_last_event_that_is_not_closed_and_refuses_endless_ones() {
        let mut events = Events::default();
        assert_eq!(events.read(b"data: a\ndata: b").unwrap(), Vec::<String>::new());
        assert_eq!((events.end().as_deref(), events.end()), (Some("a\nb"), None));
        let flood = vec![b'x'; LONGEST + 1];
        assert_eq!(Events::default().read(&flood), Err(TooLong));
    }
}
