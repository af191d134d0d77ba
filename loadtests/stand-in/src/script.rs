//! What a stand-in does with the calls that reach it.

use serde::{Deserialize, Serialize};

/// How calls are answered; every field has a default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Script {
    /// Pieces of a written answer.
    pub pieces: u32,
    /// Time before the first piece, or before a whole answer, in milliseconds.
    pub first_ms: u64,
    /// Time before each further piece of a stream, in milliseconds.
    pub gap_ms: u64,
    /// Most that a gap is longer or shorter, in milliseconds; drawn from the seed.
    pub jitter_ms: u64,
    /// The written answer. Absent means words drawn from the seed, one a piece.
    pub text: Option<String>,
    /// Length of vectors.
    pub dimensions: usize,
    /// Seed of everything that is drawn. The same call gets the same answer.
    pub seed: u64,
    /// What goes wrong. Absent means nothing.
    pub fault: Option<Fault>,
}

/// What goes wrong with every call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// It is answered rightly, so many milliseconds late.
    Slow(u64),
    /// It is never answered.
    Hang,
    /// It is answered with this status and a body of an error.
    Status(u16),
    /// It is answered with 429, and `retry-after` says so many seconds.
    TooMany(u32),
    /// It is answered with 200 and a body that makes no sense.
    Garbage,
    /// The connection breaks after so many pieces of a stream, or in the middle of a whole answer.
    Dies(u32),
}

impl Default for Script {
    fn default() -> Self {
        Self { pieces: 20, first_ms: 0, gap_ms: 0, jitter_ms: 0, text: None, dimensions: 64, seed: 1, fault: None }
    }
}

/// Words that answers are made of. None is a greeting, a number, or a term that a safety filter looks for.
const WORDS: [&str; 16] = [
    "amber", "bridge", "canal", "delta", "ember", "field", "garden", "harbour", "island", "juniper", "kettle",
    "lantern", "meadow", "north", "orchard", "river",
];

impl Script {
    /// The pieces of the answer in order; put together they are the whole of it.
    pub fn text_pieces(&self) -> Vec<String> {
        if let Some(text) = &self.text {
            return text.split_inclusive(' ').map(str::to_owned).collect();
        }
        let mut draw = Draw::new(self.seed);
        (0..self.pieces).map(|_| format!("{} ", WORDS[draw.below(WORDS.len())])).collect()
    }

    /// The whole answer.
    pub fn whole_text(&self) -> String {
        self.text_pieces().concat()
    }

    /// Milliseconds before each piece of a stream.
    pub fn gaps(&self) -> impl Iterator<Item = u64> + use<> {
        let (first, gap, jitter) = (self.first_ms, self.gap_ms, self.jitter_ms);
        let mut draw = Draw::new(self.seed ^ 0x5EED);
        std::iter::once(first).chain(std::iter::repeat_with(move || {
            let spread = usize::try_from(2 * jitter + 1).unwrap_or(usize::MAX);
            (gap + draw.below(spread) as u64).saturating_sub(jitter)
        }))
    }
}

/// Pseudo-random numbers (`SplitMix64`), the same on every machine.
#[derive(Debug, Clone)]
pub struct Draw(u64);

impl Draw {
    /// Numbers of `seed`.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`, which is taken for 1 where it is 0.
    pub fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound.max(1)).unwrap_or(u64::MAX);
        usize::try_from(self.next_u64() % bound).unwrap_or(0)
    }
}
