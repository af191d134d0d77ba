//! Which tenant asks which question next: seeded, so that a run can be repeated, and skewed as real questions are.

use crate::action::Action;

/// A stream of pseudo-random numbers (`SplitMix64`); the same seed gives the same stream on every machine and release.
#[derive(Debug, Clone)]
pub struct Stream(u64);

impl Stream {
    /// The stream number `index` of a run with `seed`; streams of one run do not overlap in practice.
    pub fn new(seed: u64, index: u64) -> Self {
        let mut start = Self(seed ^ index.wrapping_mul(0xA24B_AED4_963E_E407));
        let first = start.next_u64();
        Self(first)
    }

    fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 (inclusive) to 1 (exclusive).
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit a double exactly")]
    fn unit(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// An index below `bound`, which must not be zero; the bias for such small bounds is below 2^-50.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound).unwrap_or(u64::MAX);
        usize::try_from(self.next_u64() % bound.max(1)).unwrap_or(0)
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

/// Zipf's law over a finite number of items: item of rank `r` comes up in proportion to `r` to the power of `-exponent`.
#[derive(Debug, Clone)]
pub struct Zipf {
    cumulative: Vec<f64>,
}

impl Zipf {
    /// A distribution over `items` items; an exponent of 0 makes them equally likely.
    pub fn new(items: usize, exponent: f64) -> Self {
        let mut sum = 0.0;
        let weights = (1_u32..).take(items).map(|rank| f64::from(rank).powf(-exponent));
        Self {
            cumulative: weights
                .map(|weight| {
                    sum += weight;
                    sum
                })
                .collect(),
        }
    }

    /// The index of an item, from 0; the first is the most frequent.
    fn draw(&self, stream: &mut Stream) -> usize {
        let whole = self.cumulative.last().copied().unwrap_or(0.0);
        let point = stream.unit() * whole;
        self.cumulative.partition_point(|bound| *bound <= point).min(self.cumulative.len().saturating_sub(1))
    }
}

/// The questions of one tenant, the most frequent first.
#[derive(Debug, Clone)]
struct Questions {
    texts: Vec<String>,
    popularity: Zipf,
}

/// The questions of every tenant that takes part.
#[derive(Debug, Clone)]
pub struct Workload {
    tenants: Vec<Questions>,
    mix: Vec<(Action, u32)>,
}

/// One draw: who asks what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Draw<'a> {
    /// Index of the tenant, in the order they were given.
    pub tenant: usize,
    /// What is asked for.
    pub action: Action,
    /// The question.
    pub question: &'a str,
    /// A number drawn evenly, to choose anything else by.
    pub place: usize,
}

impl Workload {
    /// A workload over the questions of each tenant; which of them are popular is drawn from `seed`. `mix` is what is asked for,
    /// and in which proportions.
    ///
    /// Returns `None` when there is no tenant, one without questions, or nothing to ask for.
    pub fn new(tenants: Vec<Vec<String>>, mix: &[(Action, u32)], exponent: f64, seed: u64) -> Option<Self> {
        if tenants.is_empty() || tenants.iter().any(Vec::is_empty) || mix.iter().all(|(_, weight)| *weight == 0) {
            return None;
        }
        let mut stream = Stream::new(seed, u64::MAX);
        let tenants = tenants.into_iter().map(|mut texts| {
            stream.shuffle(&mut texts);
            Questions { popularity: Zipf::new(texts.len(), exponent), texts }
        });
        Some(Self { tenants: tenants.collect(), mix: mix.to_vec() })
    }

    /// Draws a tenant, all equally likely, what it asks for, and one of its questions.
    pub fn draw(&self, stream: &mut Stream) -> Draw<'_> {
        let tenant = stream.below(self.tenants.len());
        self.draw_for(tenant, stream)
    }

    /// Draws what the tenant number `tenant` asks for.
    pub fn draw_for(&self, tenant: usize, stream: &mut Stream) -> Draw<'_> {
        let questions = &self.tenants[tenant];
        let question = &questions.texts[questions.popularity.draw(stream)];
        let action = self.action(stream);
        Draw { tenant, action, question, place: stream.below(usize::MAX) }
    }

    fn action(&self, stream: &mut Stream) -> Action {
        let whole: u32 = self.mix.iter().map(|(_, weight)| weight).sum();
        let mut point = stream.below(whole as usize);
        for (action, weight) in &self.mix {
            if point < *weight as usize {
                return *action;
            }
            point -= *weight as usize;
        }
        self.mix[0].0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEARCHES: [(Action, u32); 1] = [(Action::Search, 1)];

    fn workload(exponent: f64, seed: u64) -> Workload {
        let questions = |tenant: &str| (0..50).map(|number| format!("{tenant}{number}")).collect();
        Workload::new(vec![questions("a"), questions("b")], &SEARCHES, exponent, seed).expect("there are questions")
    }

    fn draws(workload: &Workload, seed: u64, index: u64, count: usize) -> Vec<String> {
        let mut stream = Stream::new(seed, index);
        (0..count).map(|_| workload.draw(&mut stream).question.to_owned()).collect()
    }

    #[test]
    fn repeats_itself_for_the_same_seed_alone() {
        let first = draws(&workload(1.0, 7), 7, 3, 100);
        assert_eq!(first, draws(&workload(1.0, 7), 7, 3, 100));
        assert_ne!(first, draws(&workload(1.0, 8), 8, 3, 100));
        assert_ne!(first, draws(&workload(1.0, 7), 7, 4, 100));
    }

    #[test]
    fn asks_few_questions_often_and_all_sometimes() {
        let drawn = draws(&workload(1.0, 1), 1, 0, 20_000);
        let mut counts = std::collections::BTreeMap::<String, usize>::new();
        for question in drawn {
            *counts.entry(question).or_default() += 1;
        }
        let mut sizes: Vec<usize> = counts.into_values().collect();
        sizes.sort_unstable_by(|left, right| right.cmp(left));
        assert_eq!(sizes.len(), 100);
        // With exponent 1 and 50 items, the first has 1/4.499 of its tenant's half of the draws: 2,223.
        assert!((2_000..2_450).contains(&sizes[0]), "{sizes:?}");
        assert!(sizes[99] < 100, "{sizes:?}");
    }

    #[test]
    fn treats_tenants_alike() {
        let from_a = draws(&workload(1.0, 1), 1, 0, 10_000).iter().filter(|text| text.starts_with('a')).count();
        assert!((4_800..5_200).contains(&from_a), "{from_a}");
    }

    #[test]
    fn refuses_a_tenant_without_questions() {
        let one = || vec![vec!["x".to_owned()]];
        assert!(Workload::new(one(), &SEARCHES, 1.0, 1).is_some());
        assert!(Workload::new(Vec::new(), &SEARCHES, 1.0, 1).is_none());
        assert!(Workload::new(vec![vec!["x".to_owned()], Vec::new()], &SEARCHES, 1.0, 1).is_none());
        assert!(Workload::new(one(), &[], 1.0, 1).is_none());
    }

    #[test]
    fn asks_for_everything_in_its_proportion() {
        let mix = [(Action::Search, 60), (Action::Chat, 40)];
        let workload = Workload::new(vec![vec!["x".to_owned()]], &mix, 1.0, 1).expect("there are questions");
        let mut stream = Stream::new(1, 0);
        let chats = (0..10_000).filter(|_| workload.draw(&mut stream).action == Action::Chat).count();
        assert!((3_800..4_200).contains(&chats), "{chats}");
    }
}
