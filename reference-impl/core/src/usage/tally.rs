//! What one request has used so far, and what it holds of its tenant's budget.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::sabotage::{self, Sabotage};

/// Tokens that a model read and wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tokens {
    /// Tokens sent to the model.
    pub read: u64,
    /// Tokens that it produced.
    pub written: u64,
}

impl Tokens {
    /// Both together.
    pub fn sum(self) -> u64 {
        self.read.saturating_add(self.written)
    }

    pub(super) fn add(&mut self, other: Self) {
        self.read = self.read.saturating_add(other.read);
        self.written = self.written.saturating_add(other.written);
    }
}

/// What a model was called for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Vectors of documents or of a query.
    Embedding,
    /// Scores of candidates.
    Rerank,
    /// An answer or a turn of a chat.
    Generation,
}

/// How much of the day's budget is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// Tokens used today.
    pub used: u64,
    /// Tokens that may be used today.
    pub limit: u64,
}

impl Share {
    /// The used share; above 1 where the last request went past the limit, and 1 for a budget of 0.
    #[expect(clippy::cast_precision_loss, reason = "a ratio is told with a few digits")]
    pub fn ratio(self) -> f64 {
        if self.limit == 0 { 1.0 } else { self.used as f64 / self.limit as f64 }
    }

    /// What answers say in `x-budget-warning` from four fifths of the budget on: the share with four digits after the point,
    /// cut and not rounded up.
    #[expect(clippy::cast_precision_loss, reason = "a ratio is told with a few digits")]
    pub fn warning(self) -> Option<String> {
        if sabotage::on(Sabotage::BudgetWarningMissing) {
            return None;
        }
        let fifths = if sabotage::on(Sabotage::BudgetWarningEarly) { 0 } else { u128::from(self.limit) * 4 };
        let due = u128::from(self.used) * 5 >= fifths;
        let ten_thousandths = (u128::from(self.used) * 10_000).checked_div(u128::from(self.limit)).unwrap_or(10_000);
        due.then(|| (ten_thousandths as f64 / 10_000.0).to_string())
    }
}

/// What was used, all models together.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Used {
    /// By model.
    pub models: BTreeMap<String, Tokens>,
}

impl Used {
    /// All models together.
    pub fn tokens(&self) -> Tokens {
        let mut sum = Tokens::default();
        self.models.values().for_each(|tokens| sum.add(*tokens));
        sum
    }

    /// What came to it since `earlier`.
    #[must_use]
    pub fn since(mut self, earlier: &Self) -> Self {
        for (model, before) in &earlier.models {
            if let Some(tokens) = self.models.get_mut(model) {
                tokens.read = tokens.read.saturating_sub(before.read);
                tokens.written = tokens.written.saturating_sub(before.written);
            }
        }
        self.models.retain(|_, tokens| *tokens != Tokens::default());
        self
    }
}

/// A place in the budget that a request holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hold(pub(super) String);

/// What has yet to be written down for a request.
#[derive(Debug, Default)]
pub(super) struct Unwritten {
    /// Tokens by model, and whether the request is to be counted for the model.
    pub(super) models: BTreeMap<String, (Tokens, bool)>,
    /// Characters by speech provider, and whether the request is to be counted for it.
    pub(super) spoken: BTreeMap<String, (u64, bool)>,
    /// A hold to take away.
    pub(super) hold: Option<Hold>,
}

impl Unwritten {
    pub(super) fn is_empty(&self) -> bool {
        self.models.is_empty() && self.spoken.is_empty() && self.hold.is_none()
    }
}

/// Writes down what is left of a request that was dropped before its end.
pub(super) type Net = Box<dyn FnOnce(Unwritten) + Send>;

/// The tally of one request. When it is dropped before what was used has been written, that is done in the background.
#[derive(Default)]
pub struct Tally(Mutex<State>);

#[derive(Default)]
struct State {
    used: Used,
    unwritten: BTreeMap<String, Tokens>,
    /// Characters by speech provider that are yet to be written down.
    spoken: BTreeMap<String, u64>,
    /// Models that this request is counted for already.
    counted: BTreeSet<String>,
    generation: Option<String>,
    embedding: Option<String>,
    admitted: bool,
    exempt: bool,
    hold: Option<Hold>,
    share: Option<Share>,
    net: Option<Net>,
}

impl Tally {
    /// A tally of work that counts and that no budget refuses.
    pub(crate) fn exempt() -> Self {
        Self(Mutex::new(State { exempt: true, ..State::default() }))
    }

    /// Everything used so far.
    pub fn used(&self) -> Used {
        self.lock().used.clone()
    }

    /// Id of the model that wrote, when one was called.
    pub fn generation_model(&self) -> Option<String> {
        self.lock().generation.clone()
    }

    /// Id of the model that embedded, when one was called.
    pub fn embedding_model(&self) -> Option<String> {
        self.lock().embedding.clone()
    }

    /// How much of the day's budget is used, as last seen; `None` without a budget, or where nobody has looked.
    pub fn share(&self) -> Option<Share> {
        self.lock().share
    }

    pub(super) fn charge(&self, role: Role, model: &str, tokens: Tokens) {
        let mut state = self.lock();
        match role {
            Role::Embedding => state.embedding = Some(model.to_owned()),
            Role::Generation => state.generation = Some(model.to_owned()),
            Role::Rerank => {}
        }
        state.used.models.entry(model.to_owned()).or_default().add(tokens);
        let lost = match role {
            Role::Embedding => sabotage::on(Sabotage::UsageOfEmbeddingsLost),
            Role::Rerank => sabotage::on(Sabotage::UsageOfRerankLost),
            Role::Generation => sabotage::on(Sabotage::UsageOfGenerationLost),
        };
        if lost {
            return;
        }
        let unwritten = state.unwritten.entry(model.to_owned()).or_default();
        unwritten.add(tokens);
        if sabotage::on(Sabotage::UsageCountedTwice) {
            unwritten.add(tokens);
        }
    }

    pub(super) fn charge_spoken(&self, provider: &str, characters: u64) {
        let mut state = self.lock();
        let spoken = state.spoken.entry(provider.to_owned()).or_default();
        *spoken = spoken.saturating_add(characters);
    }

    /// Whether the request may call models without asking again.
    pub(super) fn is_admitted(&self) -> bool {
        let state = self.lock();
        state.admitted || state.exempt
    }

    pub(super) fn admit(&self) {
        self.lock().admitted = true;
    }

    pub(super) fn hold(&self, hold: Option<Hold>) {
        self.lock().hold = hold;
    }

    pub(super) fn has_unwritten(&self) -> bool {
        let state = self.lock();
        !state.unwritten.is_empty() || !state.spoken.is_empty() || state.hold.is_some()
    }

    pub(super) fn see(&self, share: Share) {
        self.lock().share = Some(share);
    }

    /// Has what is left at a drop go through `net`.
    pub(super) fn catch_with(&self, net: impl FnOnce() -> Net) {
        let mut state = self.lock();
        if state.net.is_none() {
            state.net = Some(net());
        }
    }

    /// Ends the request as far as the budget goes: what is to be written. The next call asks for room anew.
    pub(super) fn take(&self) -> Unwritten {
        let mut state = self.lock();
        state.admitted = false;
        let taken = take(&mut state);
        state.counted.clear();
        taken
    }

    /// What was used and is to be written, of a request that goes on.
    pub(super) fn take_used(&self) -> Unwritten {
        let mut state = self.lock();
        let hold = state.hold.take();
        let taken = take(&mut state);
        state.hold = hold;
        taken
    }

    /// What could not be written, for another try.
    pub(super) fn put_back(&self, unwritten: Unwritten) {
        let mut state = self.lock();
        for (model, (tokens, counted)) in unwritten.models {
            if counted {
                state.counted.remove(&model);
            }
            state.unwritten.entry(model).or_default().add(tokens);
        }
        for (provider, (characters, counted)) in unwritten.spoken {
            if counted {
                state.counted.remove(&provider);
            }
            *state.spoken.entry(provider).or_default() += characters;
        }
        if unwritten.hold.is_some() {
            state.hold = unwritten.hold;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn take(state: &mut State) -> Unwritten {
    let models = std::mem::take(&mut state.unwritten);
    let models =
        models.into_iter().map(|(model, tokens)| (model.clone(), (tokens, state.counted.insert(model)))).collect();
    let spoken = std::mem::take(&mut state.spoken);
    let spoken = spoken
        .into_iter()
        .map(|(provider, characters)| (provider.clone(), (characters, state.counted.insert(provider))))
        .collect();
    Unwritten { models, spoken, hold: state.hold.take() }
}

impl Drop for Tally {
    fn drop(&mut self) {
        let state = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        let unwritten = take(state);
        if let Some(net) = state.net.take()
            && !unwritten.is_empty()
        {
            net(unwritten);
        }
    }
}

impl fmt::Debug for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tally").field(&self.lock().used).finish()
    }
}
