//! The inner loop of the dense half with the vector instructions of this processor, over memory in huge pages.

#[cfg(target_arch = "x86_64")]
mod wide;

use memmap2::{Advice, MmapMut};
use reference_core::ports::{Codes, PortableScan, Scan};
use simsimd::SpatialSimilarity;

/// Size of a huge page. Smaller blocks gain nothing from one.
const HUGE: usize = 2 << 20;

/// Scans with the widest instructions that the processor has, chosen when the program runs.
#[derive(Debug, Clone, Copy, Default)]
pub struct SimdScan;

impl Scan for SimdScan {
    fn dots(&self, rows: &[i8], query: &[i8], out: &mut [i32]) {
        #[cfg(target_arch = "x86_64")]
        if wide::dots(rows, query, out) {
            return;
        }
        for (row, out) in rows.chunks_exact(query.len().max(1)).zip(out) {
            match i8::dot(row, query) {
                // Whole and below 2^31, since a code is at most 127 and no model has more than 130,000 dimensions.
                #[expect(clippy::cast_possible_truncation, reason = "a whole number of at most 2^31")]
                Some(dot) => *out = dot as i32,
                None => PortableScan.dots(row, query, std::slice::from_mut(out)),
            }
        }
    }

    fn hold(&self, codes: Vec<i8>) -> Codes {
        match Pages::of(&codes) {
            Some(pages) => Box::new(pages),
            None => Box::new(codes),
        }
    }
}

/// Codes in anonymous memory that the kernel is asked to back with huge pages: a scan of it misses far fewer addresses.
struct Pages {
    memory: MmapMut,
    length: usize,
}

impl Pages {
    /// `None` for what is small, and where the system gives no memory.
    fn of(codes: &[i8]) -> Option<Self> {
        if codes.len() < HUGE {
            return None;
        }
        let mut memory = MmapMut::map_anon(codes.len().next_multiple_of(HUGE)).ok()?;
        // A kernel that has none, or does not want to, leaves small pages: slower, and the same.
        #[cfg(target_os = "linux")]
        let _ = memory.advise(Advice::HugePage);
        memory.get_mut(..codes.len())?.copy_from_slice(bytemuck::cast_slice(codes));
        Some(Self { memory, length: codes.len() })
    }
}

impl AsRef<[i8]> for Pages {
    fn as_ref(&self) -> &[i8] {
        bytemuck::cast_slice(&self.memory[..self.length])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Codes that go up and down over the whole range.
    fn codes(count: usize, seed: usize) -> Vec<i8> {
        (0..count).map(|at| i8::try_from((at * 7_919 + seed * 104_729) % 255).map_or(-127, |it| it)).collect()
    }

    #[test]
    fn multiplies_as_portable_code_does() {
        for dimensions in [1, 2, 15, 16, 31, 63, 64, 65, 127, 128, 256, 384, 512, 768, 1_000, 1_024, 3_072] {
            for rows in [0, 1, 3, 4, 5, 64] {
                let (block, query) = (codes(rows * dimensions, 3), codes(dimensions, 11));
                let (mut fast, mut plain) = (vec![0; rows], vec![1; rows]);
                SimdScan.dots(&block, &query, &mut fast);
                PortableScan.dots(&block, &query, &mut plain);
                assert_eq!(fast, plain, "{rows} rows of {dimensions}");
            }
            // The greatest sums there are, of either sign.
            let (low, high) = (vec![-127; 4 * dimensions], vec![127; 4 * dimensions]);
            let greatest = 127 * 127 * i32::try_from(dimensions).unwrap();
            for (row, query, product) in [(&low, &high, -greatest), (&high, &low, -greatest), (&low, &low, greatest)] {
                let mut out = [0; 4];
                SimdScan.dots(row, &query[..dimensions], &mut out);
                assert_eq!(out, [product; 4], "{dimensions}");
            }
        }
    }

    #[test]
    fn holds_what_it_is_given() {
        for count in [0, 1, HUGE - 1, HUGE, 2 * HUGE + 5] {
            let given = codes(count, 1);
            assert!((*SimdScan.hold(given.clone())).as_ref() == given, "{count} codes");
        }
    }
}
