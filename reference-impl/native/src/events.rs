//! What core has to tell an operator beside requests: one JSON line an event, on standard error.

use std::fmt::Debug;
use std::io::Write;

use serde_json::{Map, Value, json};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// Begins the targets of our own crates.
const OURS: &str = "reference_";

/// Writes warnings and errors of our own crates. Spans are not followed.
struct ErrorLines;

/// Has events written from now on; where something else listens already, it stays.
pub fn listen() {
    let _ = tracing::subscriber::set_global_default(ErrorLines);
}

impl Subscriber for ErrorLines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= LevelFilter::WARN && metadata.is_event() && metadata.target().starts_with(OURS)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::WARN)
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        // Nobody is left to tell when standard error is gone.
        let _ = writeln!(std::io::stderr().lock(), "{}", line(event));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

fn line(event: &Event<'_>) -> Value {
    let mut fields = Fields(Map::new());
    fields.0.insert("level".to_owned(), json!(event.metadata().level().as_str().to_lowercase()));
    fields.0.insert("target".to_owned(), json!(event.metadata().target()));
    event.record(&mut fields);
    Value::Object(fields.0)
}

struct Fields(Map<String, Value>);

impl Visit for Fields {
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.insert(field.name().to_owned(), json!(value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), json!(value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name().to_owned(), json!(format!("{value:?}")));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// Hands over to [`ErrorLines`] and keeps what it would write.
    struct Kept(Arc<Mutex<Vec<Value>>>);

    impl Subscriber for Kept {
        fn enabled(&self, metadata: &Metadata<'_>) -> bool {
            ErrorLines.enabled(metadata)
        }

        fn new_span(&self, attributes: &Attributes<'_>) -> Id {
            ErrorLines.new_span(attributes)
        }

        fn record(&self, _: &Id, _: &Record<'_>) {}

        fn record_follows_from(&self, _: &Id, _: &Id) {}

        fn event(&self, event: &Event<'_>) {
            self.0.lock().unwrap().push(line(event));
        }

        fn enter(&self, _: &Id) {}

        fn exit(&self, _: &Id) {}
    }

    #[test]
    fn writes_our_warnings_with_their_fields_and_nothing_else() {
        let kept = Arc::new(Mutex::new(Vec::new()));
        tracing::subscriber::with_default(Kept(Arc::clone(&kept)), || {
            tracing::error!(target: "reference_core::index", tenant = "a", row = 7_i64, "damaged");
            tracing::info!(target: "reference_core::index", "quiet");
            tracing::error!(target: "hyper", "not ours");
        });
        let expected =
            json!({"level": "error", "target": "reference_core::index", "message": "damaged", "tenant": "a", "row": 7});
        assert_eq!(*kept.lock().unwrap(), [expected]);
    }
}
