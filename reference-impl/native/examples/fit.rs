//! Fits how sure an answer is to what `answers.rs --dump` saw: `cargo run -p reference-impl --example fit -- FILE@WEIGHT…`.
//!
//! Each line of a FILE is a question; it counts WEIGHT times (1 where none is given), and `FILE@WEIGHT/2` fits the developing
//! half alone. The fit is a logistic regression with a ridge; a figure whose weight would have the wrong sign is left out, the
//! worst first. What is told of questions that are fitted comes from five folds by position, each judged by a fit to the other
//! four; the other half of a halved file is judged by the fit to all. The weights printed last are those of `evidence.rs`.

use std::io::Write as _;

use anyhow::{Context as _, Result};
use serde_json::Value;

const FOLDS: usize = 5;
/// Strength of the ridge, in questions.
const RIDGE: f64 = 2.0;
/// Steps of Newton's method; it stands still after some eight.
const STEPS: usize = 25;
/// Below this confidence there is no answer, as tenants have it who do not say otherwise.
const LEAST: f64 = 0.2;
/// Which way each figure of `Evidence::features` speaks: for the answer or against it.
const SIGNS: [f64; 14] = [1.0, 1.0, 1.0, 1.0, -1.0, 1.0, 1.0, -1.0, 1.0, 1.0, -1.0, -1.0, -1.0, -1.0];

/// A question with what was seen of it.
struct Row {
    /// Figures with a last one that is always 1; `None` where nothing was cited.
    figures: Option<Vec<f64>>,
    right: bool,
    /// Whether the documents hold no answer.
    unanswerable: bool,
    weight: f64,
    fitted: bool,
    fold: usize,
}

struct Set {
    name: String,
    rows: Vec<Row>,
}

#[expect(clippy::print_stdout, reason = "a measurement tells its figures")]
fn main() -> Result<()> {
    let sets: Vec<Set> = std::env::args().skip(1).map(|argument| read(&argument)).collect::<Result<_>>()?;
    anyhow::ensure!(!sets.is_empty(), "expected dumps of `answers.rs` as arguments");
    let rows = || sets.iter().flat_map(|set| &set.rows);
    let folds: Vec<Vec<f64>> =
        (0..FOLDS).map(|fold| fit(rows().filter(|row| row.fitted && row.fold != fold))).collect();
    let all = fit(rows().filter(|row| row.fitted));
    for set in &sets {
        for fitted in [true, false] {
            let rows: Vec<&Row> = set.rows.iter().filter(|row| row.fitted == fitted).collect();
            let scored = rows.iter().map(|row| {
                let weights = if fitted { &folds[row.fold] } else { &all };
                (*row, row.figures.as_ref().map_or(0.0, |figures| probability(figures, weights)))
            });
            if !rows.is_empty() {
                let how = if fitted { "cross-validated" } else { "judged half" };
                println!("{} ({how}): {}", set.name, told(&scored.collect::<Vec<_>>()));
            }
        }
    }
    let weights: Vec<String> = all.iter().map(|weight| format!("{weight:.2}")).collect();
    writeln!(std::io::stdout(), "[{}]", weights.join(", "))?;
    Ok(())
}

fn read(argument: &str) -> Result<Set> {
    let (file, rest) = argument.split_once('@').unwrap_or((argument, "1"));
    let (weight, halved) = rest.strip_suffix("/2").map_or((rest, false), |weight| (weight, true));
    let weight: f64 = weight.parse().with_context(|| format!("{argument}: expected FILE@WEIGHT or FILE@WEIGHT/2"))?;
    let text = std::fs::read_to_string(file).with_context(|| format!("reading {file}"))?;
    let mut rows = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let seen: Value = serde_json::from_str(line).with_context(|| format!("{file}, line {}", at + 1))?;
        let figures = seen["evidence"].as_array().map(|figures| {
            let figures = figures.iter().filter_map(Value::as_f64);
            figures.chain([1.0]).collect::<Vec<f64>>()
        });
        if let Some(figures) = &figures {
            let (found, expected) = (figures.len() - 1, SIGNS.len());
            anyhow::ensure!(found == expected, "{file}, line {}: expected {expected} figures, found {found}", at + 1);
        }
        rows.push(Row {
            figures,
            right: seen["first"] == true,
            unanswerable: seen["withheld"] == true || seen["gold"].is_null(),
            weight,
            fitted: !halved || seen["half"] == 0,
            fold: at / if halved { 2 } else { 1 } % FOLDS,
        });
    }
    Ok(Set { name: file.rsplit('/').next().unwrap_or(file).to_owned(), rows })
}

fn probability(figures: &[f64], weights: &[f64]) -> f64 {
    let sum: f64 = figures.iter().zip(weights).map(|(figure, weight)| figure * weight).sum();
    1.0 / (1.0 + (-sum).exp())
}

/// Weights of all figures and the constant.
fn fit<'a>(rows: impl Iterator<Item = &'a Row>) -> Vec<f64> {
    let rows: Vec<(&Vec<f64>, f64, f64)> =
        rows.filter_map(|row| Some((row.figures.as_ref()?, f64::from(u8::from(row.right)), row.weight))).collect();
    let mut kept: Vec<usize> = (0..=SIGNS.len()).collect();
    loop {
        let weights = newton(&rows, &kept);
        let wrong = |at: &usize| SIGNS.get(*at).map_or(0.0, |sign| weights[*at] * sign);
        let worst = kept.iter().copied().min_by(|one, other| wrong(one).total_cmp(&wrong(other)));
        match worst {
            Some(worst) if wrong(&worst) < 0.0 => kept.retain(|at| *at != worst),
            Some(_) | None => return weights,
        }
    }
}

/// The weights of the figures `kept`, 0 for the others.
fn newton(rows: &[(&Vec<f64>, f64, f64)], kept: &[usize]) -> Vec<f64> {
    let mut weights = vec![0.0; SIGNS.len() + 1];
    for _ in 0..STEPS {
        let size = kept.len();
        let mut system = vec![vec![0.0; size + 1]; size];
        for (row, at) in system.iter_mut().zip(kept) {
            // The constant is free.
            if *at < SIGNS.len() {
                let place = kept.iter().position(|it| it == at).unwrap_or_default();
                row[place] += RIDGE;
                row[size] -= RIDGE * weights[*at];
            }
        }
        for (figures, right, weight) in rows {
            let found = probability(figures, &weights);
            let (slope, off) = (found * (1.0 - found) * weight, (right - found) * weight);
            for (row, one) in system.iter_mut().zip(kept) {
                for (cell, other) in row.iter_mut().zip(kept) {
                    *cell += slope * figures[*one] * figures[*other];
                }
                row[size] += off * figures[*one];
            }
        }
        for (step, at) in solve(system).into_iter().zip(kept) {
            weights[*at] += step;
        }
    }
    weights
}

/// Solves a symmetric positive system whose rows end in the right-hand side, by elimination.
fn solve(mut system: Vec<Vec<f64>>) -> Vec<f64> {
    let size = system.len();
    for at in 0..size {
        let (done, rest) = system.split_at_mut(at + 1);
        for row in rest {
            let factor = row[at] / done[at][at].max(f64::MIN_POSITIVE);
            for (cell, above) in row.iter_mut().zip(&done[at]) {
                *cell -= factor * above;
            }
        }
    }
    let mut found = vec![0.0; size];
    for at in (0..size).rev() {
        let known: f64 = (at + 1..size).map(|other| system[at][other] * found[other]).sum();
        found[at] = (system[at][size] - known) / system[at][at].max(f64::MIN_POSITIVE);
    }
    found
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts of questions, and a score is 0 to 1"
)]
fn told(scored: &[(&Row, f64)]) -> String {
    let share = |part: usize, of: usize| 100.0 * part as f64 / of.max(1) as f64;
    let answered = |it: &&(&Row, f64)| it.1 >= LEAST;
    let (without, with): (Vec<_>, Vec<_>) = scored.iter().copied().partition(|(row, _)| row.unanswerable);
    let mut bins = [(0.0, 0.0); 10];
    for (row, score) in scored {
        let bin = &mut bins[((score * 10.0) as usize).min(9)];
        bin.0 += score;
        bin.1 += f64::from(u8::from(row.right));
    }
    let error: f64 =
        bins.iter().map(|(scores, right)| (scores - right).abs()).sum::<f64>() / scored.len().max(1) as f64;
    let answers = with.iter().filter(answered).count();
    let right = with.iter().filter(answered).filter(|(row, _)| row.right).count();
    let refused = without.len() - without.iter().filter(answered).count();
    format!(
        "{} with an answer, {:.1} % answered, {:.1} % of those by the first quote; {refused} of {} without one refused ({:.1} %); \
         calibration error {error:.3}",
        with.len(),
        share(answers, with.len()),
        share(right, answers),
        without.len(),
        share(refused, without.len()),
    )
}
