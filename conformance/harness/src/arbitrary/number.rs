//! Numbers, most of them at a bound or beside one.

use proptest::{prelude::*, sample::select, strategy::BoxedStrategy};
use serde_json::{Value, json};

use super::EXACT;

/// The bounds of an integer schema, both included.
pub(super) fn whole_bounds(schema: &Value) -> (i64, i64) {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "bounds of the contract lie within what a double holds exactly"
    )]
    let bound = |keyword: &str, round: fn(f64) -> f64| {
        let value = schema.get(keyword)?;
        value.as_i64().or_else(|| value.as_f64().map(|value| round(value) as i64))
    };
    let least = bound("minimum", f64::ceil).max(bound("exclusiveMinimum", f64::floor).map(|bound| bound + 1));
    let mosts = [bound("maximum", f64::floor), bound("exclusiveMaximum", f64::ceil).map(|bound| bound - 1)];
    (least.unwrap_or(-EXACT), mosts.into_iter().flatten().min().unwrap_or(EXACT))
}

/// Integers of `schema`; `spelled` lets some of them be written as `3.0`.
pub(super) fn integers(schema: &Value, spelled: bool) -> BoxedStrategy<Value> {
    let (least, most) = whole_bounds(schema);
    let within = |number: &i64| (least..=most).contains(number);
    let edges = [least, least + 1, most - 1, most, 0, 1, -1].into_iter().filter(within);
    let edges: Vec<i64> = edges.collect();
    let number = if edges.is_empty() {
        (least..=most.max(least)).boxed()
    } else {
        prop_oneof![2 => select(edges), 3 => least..=most].boxed()
    };
    if !spelled {
        return number.prop_map(Value::from).boxed();
    }
    let spelling = (number, prop::bool::weighted(0.1));
    spelling
        .prop_map(|(number, fraction)| if fraction { fraction_of_zero(number) } else { Value::from(number) })
        .boxed()
}

/// `number` with a fraction of zero, where a double holds it.
fn fraction_of_zero(number: i64) -> Value {
    #[expect(clippy::cast_precision_loss, reason = "only numbers that a double holds exactly come here")]
    let written = if number.abs() <= EXACT { json!(number as f64) } else { Value::from(number) };
    written
}

/// Numbers of `schema`: edges, integers and short fractions between the bounds.
pub(super) fn numbers(schema: &Value) -> BoxedStrategy<Value> {
    let bound = |keyword: &str| schema.get(keyword).and_then(Value::as_f64);
    #[expect(clippy::cast_precision_loss, reason = "2^53 - 1 is exact")]
    let far = EXACT as f64;
    let least = bound("minimum").or(bound("exclusiveMinimum")).unwrap_or(-far);
    let most = bound("maximum").or(bound("exclusiveMaximum")).unwrap_or(far);
    let (above, below) = (bound("exclusiveMinimum"), bound("exclusiveMaximum"));
    let within = move |number: f64| {
        (least..=most).contains(&number)
            && above.is_none_or(|above| number > above)
            && below.is_none_or(|below| number < below)
    };
    let middle = least / 2.0 + most / 2.0;
    let edges = [least, most, 0.0, 1.0, -1.0, 0.5, f64::MIN_POSITIVE, 0.1 + 0.2, middle];
    let edges: Vec<f64> = edges.into_iter().filter(|number| within(*number)).collect();
    let between = (0_u32..=1_000_000).prop_map(move |part| least + (most - least) * (f64::from(part) / 1e6));
    let drawn = prop_oneof![2 => select(edges), 3 => between];
    let written = (drawn, any::<bool>()).prop_map(|(number, short)| spell(number, short));
    written.prop_filter("past an exclusive bound", move |value| value.as_f64().is_some_and(within)).boxed()
}

/// A whole number as an integer where `short`, anything else as it is.
fn spell(number: f64, short: bool) -> Value {
    #[expect(clippy::cast_precision_loss, reason = "2^53 - 1 is exact")]
    let exact = number.fract() == 0.0 && number.abs() <= EXACT as f64;
    #[expect(clippy::cast_possible_truncation, reason = "whole and within the exact range")]
    let whole = number as i64;
    if exact && short { Value::from(whole) } else { json!(number) }
}
