//! Direct prompt injection, weighed: pieces of evidence, each worth what a logistic fit says, over the readings of a text.

mod evidence;
mod plain;

use std::ops::Range;

use evidence::Piece;

/// Category of what no single wording shows and all evidence together does.
pub(super) const WEIGHED: &str = "weighed_evidence";

/// What the sum begins with.
const BIAS: f64 = -3.31;
/// What each piece is worth, in the order of [`Piece::ALL`]; fitted once by logistic regression.
const WEIGHTS: [f64; 21] = [
    2.01, 2.79, 2.91, 4.73, 3.82, 4.43, 4.17, 3.82, 2.40, 3.33, 3.33, 2.38, 1.00, 3.79, 2.43, 3.69, 4.45, 2.87, 3.60,
    1.06, 4.10,
];
/// What it is worth that a piece stands only in a hidden reading.
const HIDDEN: f64 = 0.53;
/// What eight equal words in a row are worth.
const REPETITION: f64 = 1.01;
/// What four questions or more are worth.
const MANY_QUESTIONS: f64 = 2.95;
/// No weighing is surer than this.
const MOST: f64 = 0.97;
/// Most bytes that are weighed; queries are shorter.
const MAX_BYTES: usize = 65_536;

/// How sure it is that `text` steers the assistant (0 to 1), and the whole of it as the place; `None` without evidence.
pub(super) fn weigh(text: &str) -> Option<(f64, Range<usize>)> {
    let head = &text[..text.floor_char_boundary(MAX_BYTES)];
    let readings = plain::read(head);
    let mut held: Vec<Piece> = evidence::find(&readings.folded).into_iter().map(|(piece, _)| piece).collect();
    let shown = held.len();
    for (piece, _) in readings.hidden.iter().flat_map(|hidden| evidence::find(hidden)) {
        if !held.contains(&piece) {
            held.push(piece);
        }
    }
    let mut sum: f64 = held.iter().map(|piece| WEIGHTS[*piece as usize]).sum();
    let extras =
        [(held.len() > shown, HIDDEN), (repeats(head), REPETITION), (head.matches('?').count() >= 4, MANY_QUESTIONS)];
    sum += extras.iter().filter(|(is, _)| *is).map(|(_, worth)| worth).sum::<f64>();
    (sum > 0.0).then(|| ((1.0 / (1.0 + (-(sum + BIAS)).exp())).min(MOST), 0..text.len()))
}

/// Whether a word stands eight times in a row.
fn repeats(text: &str) -> bool {
    let (mut last, mut run) = ("", 0);
    text.split_whitespace().any(|word| {
        run = if word == last { run + 1 } else { 1 };
        last = word;
        run >= 8
    })
}
