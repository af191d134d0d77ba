//! Dot products of many int8 rows with one query by AVX-512, for processors that multiply bytes with it (VNNI).
//!
//! The instruction multiplies unsigned bytes with signed ones and adds the products to sums of 32 bits, with nothing in between
//! that could overflow. So a row's codes are raised by 128 on the way, which turns a bit around, and what that adds to each sum is
//! taken off again: 128 times the sum of the query, the same for every row. The query stays in registers for all rows.

use std::arch::x86_64::{
    __m512i, _mm512_add_epi32, _mm512_dpbusd_epi32, _mm512_reduce_add_epi32, _mm512_set1_epi8, _mm512_setzero_si512,
    _mm512_xor_si512,
};

use archmage::{SimdToken, X64V4xToken, arcane, rite};

/// Codes in a register.
const LANES: usize = 64;
/// What makes a code an unsigned byte, as a byte and as a number.
const RAISED: (i8, i32) = (i8::MIN, 128);

/// Multiplies as [`reference_core::ports::Scan::dots`] does. `false` where the processor has no such instructions, or where the query
/// does not fill a number of registers that there is code for; then nothing is written.
pub(super) fn dots(rows: &[i8], query: &[i8], out: &mut [i32]) -> bool {
    let Some(token) = X64V4xToken::summon() else { return false };
    // The dimensions of the models in use, each unrolled.
    match query.len() {
        128 => unrolled::<2>(token, rows, query, out),
        256 => unrolled::<4>(token, rows, query, out),
        384 => unrolled::<6>(token, rows, query, out),
        512 => unrolled::<8>(token, rows, query, out),
        768 => unrolled::<12>(token, rows, query, out),
        1_024 => unrolled::<16>(token, rows, query, out),
        _ => return false,
    }
    true
}

/// The work on rows of `WIDTH` registers.
#[arcane]
fn unrolled<const WIDTH: usize>(token: X64V4xToken, rows: &[i8], query: &[i8], out: &mut [i32]) {
    let raise = _mm512_set1_epi8(RAISED.0);
    let added = RAISED.1 * query.iter().map(|code| i32::from(*code)).sum::<i32>();
    let mut held = [_mm512_setzero_si512(); WIDTH];
    for (held, codes) in held.iter_mut().zip(query.as_chunks::<LANES>().0) {
        *held = load(token, codes);
    }
    let (rows, _) = rows.as_chunks::<LANES>().0.as_chunks::<WIDTH>();
    for (row, out) in rows.iter().zip(out) {
        // Two sums, so that a multiplication need not wait for the one before.
        let mut sums = [_mm512_setzero_si512(); 2];
        for at in 0..WIDTH {
            let raised = _mm512_xor_si512(load(token, &row[at]), raise);
            sums[at % 2] = _mm512_dpbusd_epi32(sums[at % 2], raised, held[at]);
        }
        *out = _mm512_reduce_add_epi32(_mm512_add_epi32(sums[0], sums[1])) - added;
    }
}

#[rite]
fn load(_token: X64V4xToken, codes: &[i8; LANES]) -> __m512i {
    archmage::intrinsics::x86_64::_mm512_loadu_epi8(codes)
}
