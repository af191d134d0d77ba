//! Dot products of many int8 rows with one query by AVX-512, for processors that have it.
//!
//! The query stays in registers for all rows: its magnitudes as unsigned bytes, its signs as masks that turn the codes of a
//! row around. Magnitudes times signed codes are summed in pairs to 16 bits, which cannot overflow since no code is below
//! -127, and the pairs to 32 bits. Rows are read one after another, as the prefetcher of the processor expects it; that four
//! rows are summed up together at the end spares most of the work of summing one register across.

use std::arch::x86_64::{__m256i, __m512i};

use pulp::x86::V4;
use pulp::{NullaryFnOnce, bytemuck};
use reference_core::ports::{PortableScan, Scan};

/// Codes in a register.
const LANES: usize = 64;
/// Rows whose sums are added across together.
const TILE: usize = 4;

/// Multiplies as [`Scan::dots`] does. `false` where the processor has no such instructions, or where the query does not fill
/// a number of registers that there is code for; then nothing is written.
pub(super) fn dots(rows: &[i8], query: &[i8], out: &mut [i32]) -> bool {
    let Some(simd) = V4::try_new() else { return false };
    // The dimensions of the models in use, each unrolled.
    match query.len() {
        128 => simd.vectorize(Work::<2> { simd, rows, query, out }),
        256 => simd.vectorize(Work::<4> { simd, rows, query, out }),
        384 => simd.vectorize(Work::<6> { simd, rows, query, out }),
        512 => simd.vectorize(Work::<8> { simd, rows, query, out }),
        768 => simd.vectorize(Work::<12> { simd, rows, query, out }),
        1_024 => simd.vectorize(Work::<16> { simd, rows, query, out }),
        _ => return false,
    }
    true
}

/// The work on rows of `WIDTH` registers.
struct Work<'a, const WIDTH: usize> {
    simd: V4,
    rows: &'a [i8],
    query: &'a [i8],
    out: &'a mut [i32],
}

/// What all rows are multiplied with.
struct Query<const WIDTH: usize> {
    magnitudes: [__m512i; WIDTH],
    /// A bit for each code below zero.
    negative: [u64; WIDTH],
}

// Whatever is called within must be inlined, or it is compiled without the instructions and is slower a hundred times.
impl<const WIDTH: usize> NullaryFnOnce for Work<'_, WIDTH> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "not inlined, it is compiled without the instructions")]
    #[inline(always)]
    fn call(self) {
        let Self { simd, rows, query, out } = self;
        let prepared = Query::<WIDTH>::of(simd, query);
        let (rows, _) = rows.as_chunks::<LANES>().0.as_chunks::<WIDTH>();
        let (tiles, rest) = rows.as_chunks::<TILE>();
        let (sums, rest_sums) = out.as_chunks_mut::<TILE>();
        for (tile, sums) in tiles.iter().zip(sums) {
            let [one, two, three, four] = tile;
            let pairs = simd.avx2._mm256_hadd_epi32(prepared.times(simd, one), prepared.times(simd, two));
            let more = simd.avx2._mm256_hadd_epi32(prepared.times(simd, three), prepared.times(simd, four));
            let [low, high]: [[i32; TILE]; 2] = bytemuck::cast(simd.avx2._mm256_hadd_epi32(pairs, more));
            for row in 0..TILE {
                sums[row] = low[row] + high[row];
            }
        }
        PortableScan.dots(rest.as_flattened().as_flattened(), query, rest_sums);
    }
}

impl<const WIDTH: usize> Query<WIDTH> {
    #[expect(clippy::inline_always, reason = "not inlined, it is compiled without the instructions")]
    #[inline(always)]
    fn of(simd: V4, query: &[i8]) -> Self {
        let mut prepared = Self { magnitudes: [simd.avx512f._mm512_setzero_si512(); WIDTH], negative: [0; WIDTH] };
        for (at, codes) in query.as_chunks::<LANES>().0.iter().take(WIDTH).enumerate() {
            let codes: __m512i = bytemuck::cast(*codes);
            prepared.magnitudes[at] = simd.avx512bw._mm512_abs_epi8(codes);
            prepared.negative[at] = simd.avx512bw._mm512_movepi8_mask(codes);
        }
        prepared
    }

    /// Eight sums whose sum is the product with `row`.
    #[expect(clippy::inline_always, reason = "not inlined, it is compiled without the instructions")]
    #[inline(always)]
    fn times(&self, simd: V4, row: &[[i8; LANES]; WIDTH]) -> __m256i {
        let zero = simd.avx512f._mm512_setzero_si512();
        let ones = simd.avx512f._mm512_set1_epi16(1);
        // Two sums, so that an addition need not wait for the one before.
        let mut sums = [zero; 2];
        for at in 0..WIDTH {
            let codes: __m512i = bytemuck::cast(row[at]);
            let turned = simd.avx512bw._mm512_mask_sub_epi8(codes, self.negative[at], zero, codes);
            let pairs = simd.avx512bw._mm512_maddubs_epi16(self.magnitudes[at], turned);
            sums[at % 2] = simd.avx512f._mm512_add_epi32(sums[at % 2], simd.avx512bw._mm512_madd_epi16(pairs, ones));
        }
        let [low, high]: [__m256i; 2] = bytemuck::cast(simd.avx512f._mm512_add_epi32(sums[0], sums[1]));
        simd.avx2._mm256_add_epi32(low, high)
    }
}
