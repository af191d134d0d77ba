//! A YAML file as a JSON value that knows its lines.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Parser, Span, SpannedEventReceiver};
use serde_json::Value;

use super::Problem;

/// A file that was read and is YAML.
#[derive(Debug, Clone)]
pub struct Source {
    /// Its name in messages.
    pub file: String,
    /// What it says.
    pub value: Value,
    lines: BTreeMap<String, usize>,
}

impl Source {
    /// Parses `text`.
    ///
    /// # Errors
    ///
    /// The problems that keep it from being read: bad YAML, a key that stands twice, a key that is no text.
    pub fn parse(file: &str, text: &str) -> Result<Self, Vec<Problem>> {
        // Editors of some systems begin a file with a mark of byte order, which YAML lets stand and not every reader does.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let whole = |line, expected: String, remedy: &str| Problem {
            file: file.to_owned(),
            line,
            place: String::new(),
            expected,
            remedy: remedy.to_owned(),
        };
        let mut places = Places::default();
        if let Err(error) = Parser::new_from_str(text).load(&mut places, true) {
            let line = error.marker().line();
            return Err(vec![whole(line, format!("expected YAML: {}", error.info()), "mend the YAML of this line")]);
        }
        if let Some(line) = places.second {
            return Err(vec![whole(
                line,
                "expected YAML of one document, found a second one".to_owned(),
                "give it a file of its own, or take it out",
            )]);
        }
        if !places.twice.is_empty() {
            let found = places.twice.into_iter().map(|(place, line)| Problem {
                place,
                ..whole(line, "expected this key once, found it again".to_owned(), "keep one of them")
            });
            return Err(found.collect());
        }
        match serde_yaml::from_str::<Value>(text) {
            Ok(value) => Ok(Self { file: file.to_owned(), value, lines: places.lines }),
            Err(error) => {
                let line = error.location().map_or(0, |at| at.line());
                Err(vec![whole(
                    line,
                    format!("expected plain YAML: {error}"),
                    "use maps with texts as keys, and no tags",
                )])
            }
        }
    }

    /// The line of `place`, or of the nearest that surrounds it.
    pub fn line(&self, place: &str) -> usize {
        let mut place = place;
        loop {
            if let Some(line) = self.lines.get(place) {
                return *line;
            }
            match place.rfind('/') {
                Some(at) => place = &place[..at],
                None => return 0,
            }
        }
    }

    /// A problem at `place`.
    pub fn problem(&self, place: &str, expected: impl Into<String>, remedy: impl Into<String>) -> Problem {
        Problem {
            file: self.file.clone(),
            line: self.line(place),
            place: place.to_owned(),
            expected: expected.into(),
            remedy: remedy.into(),
        }
    }
}

/// A key as a segment of a JSON pointer.
pub(crate) fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

enum Open {
    List { place: String, next: usize },
    Map { place: String, key: Option<String> },
}

#[derive(Default)]
struct Places {
    lines: BTreeMap<String, usize>,
    twice: Vec<(String, usize)>,
    open: Vec<Open>,
    begun: bool,
    /// Line at which a second document begins.
    second: Option<usize>,
}

impl Places {
    /// The pointer of the value that begins here, whose place is now taken.
    fn begin(&mut self, line: usize) -> String {
        let place = match self.open.last_mut() {
            None => String::new(),
            Some(Open::List { place, next }) => {
                let here = format!("{place}/{next}");
                *next += 1;
                here
            }
            Some(Open::Map { place, key }) => format!("{place}/{}", escape(&key.take().unwrap_or_default())),
        };
        self.lines.entry(place.clone()).or_insert(line);
        place
    }

    fn awaits_key(&self) -> bool {
        matches!(self.open.last(), Some(Open::Map { key: None, .. }))
    }
}

impl<'input> SpannedEventReceiver<'input> for Places {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the library's events; those left out carry no value")]
    fn on_event(&mut self, event: Event<'input>, span: Span) {
        let line = span.start.line();
        match event {
            Event::DocumentStart(..) if self.begun => self.second = self.second.or(Some(line)),
            Event::DocumentStart(..) => self.begun = true,
            Event::Scalar(text, ..) if self.awaits_key() => {
                let Some(Open::Map { place, key }) = self.open.last_mut() else { return };
                let here = format!("{place}/{}", escape(&text));
                *key = Some(text.into_owned());
                if self.lines.insert(here.clone(), line).is_some() {
                    self.twice.push((here, line));
                }
            }
            Event::Scalar(..) | Event::Alias(_) => {
                self.begin(line);
            }
            Event::SequenceStart(..) => {
                let place = self.begin(line);
                self.open.push(Open::List { place, next: 0 });
            }
            Event::MappingStart(..) => {
                let place = self.begin(line);
                self.open.push(Open::Map { place, key: None });
            }
            Event::SequenceEnd | Event::MappingEnd => {
                self.open.pop();
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_line_of_every_value() {
        let source = Source::parse("f", "a: 1\nb:\n  - {c: 2,\n     d/e: 3}\n  - 4\n").unwrap();
        for (place, line) in
            [("/a", 1), ("/b", 2), ("/b/0", 3), ("/b/0/c", 3), ("/b/0/d~1e", 4), ("/b/1", 5), ("/b/1/none", 5)]
        {
            assert_eq!(source.line(place), line, "{place}");
        }
    }

    #[test]
    fn refuses_a_key_that_stands_twice() {
        let problems = Source::parse("f", "a: {b: 1}\nc: 2\na: 3\n").unwrap_err();
        assert_eq!((problems.len(), problems[0].line, problems[0].place.as_str()), (1, 3, "/a"));
    }
}
