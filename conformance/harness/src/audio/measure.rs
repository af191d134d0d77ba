//! Measures by which speech differs from silence, a tone and noise: it changes its sound all the time.
#![expect(clippy::cast_precision_loss, reason = "counts of samples are far below 2^52")]

use std::f64::consts::PI;

/// Frames that are measured, a second.
const FRAMES: u32 = 40;
/// Frames quieter than this share of the loudest are pauses.
const PAUSE: f64 = 0.05;
/// Length of the transform.
const SIZE: usize = 512;

/// How much the sound changes between its frames, pauses aside.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measures {
    /// Loudness of the loudest frame, of 32,767.
    pub loudest: f64,
    /// Standard deviation of the share of samples at which the sign changes.
    pub crossings: f64,
    /// Standard deviation of the centre of the spectrum, in hertz.
    pub centre_hz: f64,
}

/// Measures samples.
pub fn measures(samples: &[i16], sample_rate_hz: u32) -> Measures {
    let length = usize::try_from(sample_rate_hz / FRAMES).unwrap_or(1).max(2);
    let frames: Vec<Vec<f64>> =
        samples.chunks_exact(length).map(|frame| frame.iter().map(|it| f64::from(*it)).collect()).collect();
    let loudness = envelope(samples, sample_rate_hz);
    let loudest = loudness.iter().copied().fold(0.0, f64::max);
    let heard: Vec<&Vec<f64>> = frames
        .iter()
        .zip(&loudness)
        .filter(|(_, loud)| **loud > loudest * PAUSE && **loud > 0.0)
        .map(|(frame, _)| frame)
        .collect();
    let crossings: Vec<f64> = heard.iter().map(|frame| crossed(frame)).collect();
    let centres: Vec<f64> = heard.iter().map(|frame| centre(frame, sample_rate_hz)).collect();
    Measures { loudest, crossings: deviation(&crossings), centre_hz: deviation(&centres) }
}

/// Loudness of each frame.
fn envelope(samples: &[i16], sample_rate_hz: u32) -> Vec<f64> {
    let length = usize::try_from(sample_rate_hz / FRAMES).unwrap_or(1).max(2);
    let power = |frame: &[i16]| frame.iter().map(|it| f64::from(*it).powi(2)).sum::<f64>() / frame.len() as f64;
    samples.chunks_exact(length).map(|frame| power(frame).sqrt()).collect()
}

/// How alike two sounds are in the rise and fall of their loudness, from -1 to 1, as far as the shorter of them goes.
pub fn likeness(one: &[i16], other: &[i16], sample_rate_hz: u32) -> f64 {
    let (one, other) = (envelope(one, sample_rate_hz), envelope(other, sample_rate_hz));
    let length = one.len().min(other.len());
    let (one, other) = (one.get(..length).unwrap_or_default(), other.get(..length).unwrap_or_default());
    let (a, b) = (mean(one), mean(other));
    let product: f64 = one.iter().zip(other).map(|(x, y)| (x - a) * (y - b)).sum();
    let spread = |values: &[f64], mean: f64| values.iter().map(|it| (it - mean).powi(2)).sum::<f64>().sqrt();
    let both = spread(one, a) * spread(other, b);
    if both > 0.0 { product / both } else { 0.0 }
}

fn crossed(frame: &[f64]) -> f64 {
    let changes = frame.windows(2).filter(|pair| matches!(pair, [a, b] if (*a >= 0.0) != (*b >= 0.0))).count();
    changes as f64 / frame.len() as f64
}

/// The centre of a frame's spectrum, in hertz.
fn centre(frame: &[f64], sample_rate_hz: u32) -> f64 {
    let used = frame.len().min(SIZE);
    let mut values: Vec<(f64, f64)> = vec![(0.0, 0.0); SIZE];
    for (at, (slot, sample)) in values.iter_mut().zip(frame.iter().take(used)).enumerate() {
        let window = 0.5 - 0.5 * (2.0 * PI * at as f64 / used as f64).cos();
        slot.0 = sample * window;
    }
    transform(&mut values);
    let step = f64::from(sample_rate_hz) / SIZE as f64;
    let half = values.iter().take(SIZE / 2).enumerate();
    let (weighted, whole) = half.fold((0.0, 0.0), |(weighted, whole), (at, (re, im))| {
        let power = re * re + im * im;
        (weighted + power * at as f64 * step, whole + power)
    });
    if whole > 0.0 { weighted / whole } else { 0.0 }
}

/// The discrete Fourier transform by halves; the length is a power of two.
fn transform(values: &mut [(f64, f64)]) {
    let length = values.len();
    if length < 2 {
        return;
    }
    let mut even: Vec<(f64, f64)> = values.iter().step_by(2).copied().collect();
    let mut odd: Vec<(f64, f64)> = values.iter().skip(1).step_by(2).copied().collect();
    transform(&mut even);
    transform(&mut odd);
    let (low, high) = values.split_at_mut(length / 2);
    for (at, ((low, high), (even, odd))) in low.iter_mut().zip(high).zip(even.iter().zip(&odd)).enumerate() {
        let (sin, cos) = (-2.0 * PI * at as f64 / length as f64).sin_cos();
        let turned = (odd.0 * cos - odd.1 * sin, odd.0 * sin + odd.1 * cos);
        *low = (even.0 + turned.0, even.1 + turned.1);
        *high = (even.0 - turned.0, even.1 - turned.1);
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

fn deviation(values: &[f64]) -> f64 {
    let mean = mean(values);
    (values.iter().map(|it| (it - mean).powi(2)).sum::<f64>() / values.len().max(1) as f64).sqrt()
}
