//! Server-sent events, read as they arrive: a read may end anywhere, in the middle of a character too.

/// What a stream holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// An event.
    Event(Event),
    /// A comment, such as a heartbeat; without the colon and one blank after it.
    Comment(String),
}

/// One event.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Event {
    /// Its name; `None` where the stream gave none.
    pub name: Option<String>,
    /// Its data lines, joined by line feeds.
    pub data: String,
    /// Its id, where it has one.
    pub id: Option<String>,
}

/// A parser that is fed what was read.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each remembers one thing about what was read")]
pub struct Parser {
    line: Vec<u8>,
    event: Event,
    has_data: bool,
    after_cr: bool,
    begun: bool,
    invalid_utf8: bool,
}

impl Parser {
    /// A parser at the beginning of a stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes and gives what they complete.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<Item> {
        let mut items = Vec::new();
        let mut rest = bytes;
        while let Some(first) = rest.first() {
            if std::mem::take(&mut self.after_cr) && *first == b'\n' {
                rest = &rest[1..];
                continue;
            }
            let Some(end) = memchr::memchr2(b'\n', b'\r', rest) else {
                self.line.extend_from_slice(rest);
                break;
            };
            self.after_cr = rest[end] == b'\r';
            if self.line.is_empty() {
                self.end_of_line(&rest[..end], &mut items);
            } else {
                let mut line = std::mem::take(&mut self.line);
                line.extend_from_slice(&rest[..end]);
                self.end_of_line(&line, &mut items);
            }
            rest = &rest[end + 1..];
        }
        items
    }

    /// Whether the stream ended in the middle of a line or of an event.
    pub fn is_cut(&self) -> bool {
        !self.line.is_empty() || self.has_data || self.event.name.is_some()
    }

    /// Whether something in the stream was not UTF-8.
    pub fn saw_invalid_utf8(&self) -> bool {
        self.invalid_utf8
    }

    fn end_of_line(&mut self, bytes: &[u8], items: &mut Vec<Item>) {
        let text = String::from_utf8_lossy(bytes);
        // It is owned where something had to be replaced.
        self.invalid_utf8 |= matches!(text, std::borrow::Cow::Owned(_));
        let line = if std::mem::replace(&mut self.begun, true) { &*text } else { text.trim_start_matches('\u{feff}') };
        if line.is_empty() {
            let event = std::mem::take(&mut self.event);
            if std::mem::take(&mut self.has_data) {
                items.push(Item::Event(event));
            }
            return;
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "" => items.push(Item::Comment(value.to_owned())),
            "event" => self.event.name = Some(value.to_owned()),
            "id" => self.event.id = Some(value.to_owned()),
            "data" => {
                if std::mem::replace(&mut self.has_data, true) {
                    self.event.data.push('\n');
                }
                self.event.data.push_str(value);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(chunks: &[&[u8]]) -> (Vec<Item>, Parser) {
        let mut parser = Parser::new();
        let items = chunks.iter().flat_map(|chunk| parser.push(chunk)).collect();
        (items, parser)
    }

    fn event(name: Option<&str>, data: &str) -> Item {
        Item::Event(Event { name: name.map(str::to_owned), data: data.to_owned(), id: None })
    }

    #[test]
    fn gives_the_same_wherever_the_reads_split() {
        let stream =
            "\u{feff}event: start\ndata: {\"a\":\"é\"}\n\n: beat\r\n\r\ndata: one\r\ndata: two\r\n\r\ndata: [DONE]\n\n";
        let whole = all(&[stream.as_bytes()]).0;
        assert_eq!(
            whole,
            [
                event(Some("start"), "{\"a\":\"é\"}"),
                Item::Comment("beat".to_owned()),
                event(None, "one\ntwo"),
                event(None, "[DONE]")
            ]
        );
        for at in 0..stream.len() {
            let (before, after) = stream.as_bytes().split_at(at);
            assert_eq!(all(&[before, after]).0, whole, "split at {at}");
        }
        let single: Vec<&[u8]> = stream.as_bytes().chunks(1).collect();
        assert_eq!(all(&single).0, whole);
    }

    #[test]
    fn tells_a_cut_stream_from_an_ended_one() {
        assert!(!all(&[b"data: a\n\n"]).1.is_cut());
        assert!(all(&[b"data: a\n"]).1.is_cut());
        assert!(all(&[b"data: a\n\nev"]).1.is_cut());
        assert!(!all(&[b": beat\n"]).1.is_cut());
    }

    #[test]
    fn notices_what_is_not_utf8() {
        assert!(all(&[b"data: \xff\n\n"]).1.saw_invalid_utf8());
        assert!(!all(&["data: é\n\n".as_bytes()]).1.saw_invalid_utf8());
    }
}
