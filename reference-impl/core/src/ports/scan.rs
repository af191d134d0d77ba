//! The inner loop of the dense half, which hosts may do faster than portable code can.

/// Rows of int8 codes, end to end, wherever a host likes to keep them.
pub type Codes = Box<dyn AsRef<[i8]> + Send + Sync>;

/// Multiplies int8 rows. Products are whole numbers, so every host gives the same.
pub trait Scan: Send + Sync {
    /// Writes the dot product of `query` and each row into `out`.
    ///
    /// - `rows`: `out.len()` rows of `query.len()` codes from -127 to 127, end to end.
    fn dots(&self, rows: &[i8], query: &[i8], out: &mut [i32]);

    /// Keeps codes for many scans, in memory that suits the host.
    fn hold(&self, codes: Vec<i8>) -> Codes {
        Box::new(codes)
    }
}

/// Portable code, written so that compilers use the vector registers of the target.
#[derive(Debug, Clone, Copy, Default)]
pub struct PortableScan;

impl Scan for PortableScan {
    fn dots(&self, rows: &[i8], query: &[i8], out: &mut [i32]) {
        for (row, out) in rows.chunks_exact(query.len().max(1)).zip(out) {
            *out = row.iter().zip(query).map(|(one, other)| i32::from(*one) * i32::from(*other)).sum();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn multiplies_every_row() {
        let rows = [1, 2, 3, -127, 127, 0];
        let mut out = [0; 2];
        PortableScan.dots(&rows, &[127, -1, 2], &mut out);
        assert_eq!(out, [127 - 2 + 6, -127 * 127 - 127]);
    }
}
