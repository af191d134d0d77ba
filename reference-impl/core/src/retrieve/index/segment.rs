//! One stored segment: quantised rows of chunks, with a checksum over all of it.

use crate::ports::{Columns, DatabaseError, Row, Value};
use crate::retrieve::quantised::quantise;

/// Most chunks in a segment.
pub(super) const MOST_ROWS: usize = 2048;
/// Most bytes of a segment's body: below the 2 MB that every host stores in one value.
const MOST_BYTES: usize = 1_500_000;

/// Quantised rows of chunks by rising row number.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Segment {
    pub(super) model: String,
    pub(super) dimensions: usize,
    pub(super) rows: Vec<i64>,
    pub(super) scales: Vec<f32>,
    /// Codes of all rows, end to end.
    pub(super) codes: Vec<i8>,
}

/// Most rows of a segment of such vectors.
pub(super) fn most_rows(dimensions: usize) -> usize {
    (MOST_BYTES / (dimensions + 12)).clamp(1, MOST_ROWS)
}

impl Segment {
    pub(super) fn new(model: &str, dimensions: usize) -> Self {
        Self { model: model.to_owned(), dimensions, rows: Vec::new(), scales: Vec::new(), codes: Vec::new() }
    }

    /// Adds the chunk at `row`, whose vector is little-endian f32.
    pub(super) fn add(&mut self, row: i64, vector: &[u8]) {
        self.scales.push(quantise(floats(vector), &mut self.codes));
        self.rows.push(row);
    }

    /// Adds the row at `at` of another segment of the same model.
    pub(super) fn copy(&mut self, other: &Self, at: usize) {
        self.rows.push(other.rows[at]);
        self.scales.push(other.scales[at]);
        self.codes.extend_from_slice(other.row(at));
    }

    /// Codes of the row at `at`.
    pub(super) fn row(&self, at: usize) -> &[i8] {
        &self.codes[at * self.dimensions..(at + 1) * self.dimensions]
    }

    /// The body as it is stored.
    fn body(&self) -> Vec<u8> {
        let mut body = Vec::with_capacity(self.rows.len() * (12 + self.dimensions));
        body.extend(self.rows.iter().flat_map(|row| row.to_le_bytes()));
        body.extend(self.scales.iter().flat_map(|scale| scale.to_le_bytes()));
        body.extend(self.codes.iter().map(|code| code.cast_unsigned()));
        body
    }

    /// Values of the columns `last_row, first_row, model, dimensions, count, checksum, body`; covers all chunks from `first`
    /// to `last`.
    pub(super) fn columns(&self, first: i64, last: i64) -> Vec<Value> {
        let number = |size: usize| i64::try_from(size).unwrap_or(i64::MAX);
        let body = self.body();
        let (dimensions, count) = (number(self.dimensions), number(self.rows.len()));
        let checksum = checksum(last, first, &self.model, dimensions, count, &body);
        vec![
            Value::Integer(last),
            Value::Integer(first),
            Value::Text(self.model.clone()),
            Value::Integer(dimensions),
            Value::Integer(count),
            Value::Integer(checksum),
            Value::Blob(body),
        ]
    }

    /// Reads those columns; `None` when they are damaged.
    pub(super) fn read(row: &Row) -> Result<Option<Self>, DatabaseError> {
        let mut columns = Columns::of(row);
        let (last, first, model) = (columns.integer()?, columns.integer()?, columns.text()?);
        let (dimensions, count, stored) = (columns.integer()?, columns.integer()?, columns.integer()?);
        let body = columns.blob()?;
        if checksum(last, first, model, dimensions, count, body) != stored {
            return Ok(None);
        }
        let (Ok(dimensions), Ok(count)) = (usize::try_from(dimensions), usize::try_from(count)) else {
            return Ok(None);
        };
        if body.len() != count * (12 + dimensions) {
            return Ok(None);
        }
        let (rows, rest) = body.split_at(count * 8);
        let (scales, codes) = rest.split_at(count * 4);
        Ok(Some(Self {
            model: model.to_owned(),
            dimensions,
            rows: rows.as_chunks::<8>().0.iter().map(|bytes| i64::from_le_bytes(*bytes)).collect(),
            scales: floats(scales).collect(),
            codes: codes.iter().map(|byte| byte.cast_signed()).collect(),
        }))
    }
}

fn checksum(last: i64, first: i64, model: &str, dimensions: i64, count: i64, body: &[u8]) -> i64 {
    let mut hash = crc32fast::Hasher::new();
    for number in [last, first, dimensions, count] {
        hash.update(&number.to_le_bytes());
    }
    hash.update(model.as_bytes());
    hash.update(body);
    i64::from(hash.finalize())
}

/// Little-endian f32 values.
pub(crate) fn floats(bytes: &[u8]) -> impl Iterator<Item = f32> + Clone + '_ {
    bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_wrote_and_sees_any_damage() {
        let mut segment = Segment::new("m", 3);
        for row in [3_i64, 4, 9] {
            let vector: Vec<u8> = [0.5_f32, -1.0, 0.25].iter().flat_map(|value| value.to_le_bytes()).collect();
            segment.add(row, &vector);
        }
        let columns = segment.columns(3, 11);
        assert_eq!(Segment::read(&columns).unwrap(), Some(segment.clone()));
        assert_eq!(segment.row(2), [64, -127, 32]);
        for column in [0, 1, 3, 4, 5] {
            let mut damaged = columns.clone();
            if let Value::Integer(number) = &mut damaged[column] {
                *number += 1;
            }
            assert_eq!(Segment::read(&damaged).unwrap(), None, "column {column}");
        }
        let Value::Blob(body) = &columns[6] else { panic!("no body") };
        for at in 0..body.len() {
            let mut body = body.clone();
            body[at] ^= 4;
            let mut damaged = columns.clone();
            damaged[6] = Value::Blob(body);
            assert_eq!(Segment::read(&damaged).unwrap(), None, "byte {at}");
        }
    }

    #[test]
    fn stays_below_what_a_host_stores_in_one_value() {
        for dimensions in [1, 384, 1_024, 3_072, 1_000_000] {
            assert!(most_rows(dimensions) * (dimensions + 12) < 2_000_000, "{dimensions}");
        }
    }
}
