//! Asks for room in the budget before models are called, and writes down what they used.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::ledger::Unit;
use super::tally::{Hold, Net, Role, Share, Tally, Tokens, Unwritten};
use super::{DAY_MS, cost, day_of, ledger, next_day};
use crate::ingest::Tokenizer;
use crate::metrics::{Metric, Metrics};
use crate::ports::{Background, Clock, Database, DatabaseError, Databases, Ids, ModelError};
use crate::sabotage::{self, Sabotage};
use crate::store::StoreError;
use crate::tenancy::{BudgetSettings, TenantContext};

/// How long a hold outlives the deadline of its request, in milliseconds: what is cut needs some time to be put away.
const HOLD_GRACE_MS: i64 = 60_000;

/// What speech is called where a model's name stands.
const SPEECH: &str = "speech";

/// Whether any tenant was refused, for the flaw that confuses budgets.
static REFUSED: AtomicBool = AtomicBool::new(false);

/// The meter that all models of a platform share.
#[derive(Clone)]
pub(crate) struct Meter {
    pub(super) databases: Arc<dyn Databases>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) ids: Arc<dyn Ids>,
    pub(super) tokenizer: Arc<dyn Tokenizer>,
    pub(super) background: Arc<dyn Background>,
    pub(super) metrics: Metrics,
}

impl Meter {
    /// Tokens of a text, for models whose host does not count.
    pub(crate) fn count(&self, text: &str) -> u64 {
        self.tokenizer.count(text) as u64
    }

    /// Lets the request call models: it has been let through before, no budget bounds it, or there is room. Holds `tokens`, what
    /// the request is expected to use, until [`Meter::close`].
    ///
    /// # Errors
    ///
    /// [`ModelError::BudgetExceeded`] where nothing is left, [`ModelError::Unavailable`] where the books cannot be read: no
    /// model is called then.
    pub(crate) async fn admit(
        &self,
        tenant: &TenantContext,
        model: &str,
        tokens: impl FnOnce() -> u64 + Send,
    ) -> Result<(), ModelError> {
        let Some(budget) = tenant.settings().budget.as_ref().filter(|_| !tenant.tally().is_admitted()) else {
            return Ok(());
        };
        let limit = budget.tokens_per_day;
        let (used, mut room) = self.take_room(tenant, (Unit::Tokens, limit), model, tokens()).await?;
        if sabotage::on(Sabotage::BudgetSharedByTenants) {
            room &= !REFUSED.load(Ordering::Relaxed);
        }
        let now = self.clock.now(tenant.id());
        self.see(tenant, Share { used, limit }, day_of(now));
        if room {
            tenant.tally().admit();
            return Ok(());
        }
        tenant.tally().hold(None);
        REFUSED.store(true, Ordering::Relaxed);
        Err(refused(model, now))
    }

    /// Takes room in the day's budget of `unit` where any is left. Tells what is used today, and whether there was room.
    async fn take_room(
        &self,
        tenant: &TenantContext,
        (unit, limit): (Unit, u64),
        model: &str,
        amount: u64,
    ) -> Result<(u64, bool), ModelError> {
        let now = self.clock.now(tenant.id());
        let hold = self.new_hold();
        let for_ms = tenant.settings().times.deadline_ms.saturating_add(HOLD_GRACE_MS);
        let asked = ledger::Asked { unit, hold: &hold, day: day_of(now), now, amount, limit, for_ms };
        // Before the batch: a request that is dropped while it waits for the answer may hold already.
        self.spread_net(tenant);
        tenant.tally().hold(Some(hold.clone()));
        let held = async {
            let database = self.databases.open(tenant).await?;
            ledger::hold(&*database, &asked).await
        };
        held.await.map_err(|error| out_of_reach(model, &error))
    }

    /// Refuses a request whose work will be done later while nothing is left of the budget. Holds nothing.
    ///
    /// # Errors
    ///
    /// As [`Meter::admit`].
    pub(crate) async fn check(&self, tenant: &TenantContext, model: &str) -> Result<(), ModelError> {
        let Some(budget) = &tenant.settings().budget else { return Ok(()) };
        let now = self.clock.now(tenant.id());
        let (used, held) = self.look(tenant, budget).await.map_err(|error| out_of_reach(model, &error))?;
        let room = used.saturating_add(held) < budget.tokens_per_day || sabotage::on(Sabotage::BudgetNeverRefuses);
        if room { Ok(()) } else { Err(refused(model, now)) }
    }

    /// Lets the request have `characters` spoken where any are left of the day, and holds them until [`Meter::close`].
    ///
    /// # Errors
    ///
    /// As [`Meter::admit`].
    pub(crate) async fn admit_speech(&self, tenant: &TenantContext, characters: u64) -> Result<(), ModelError> {
        let Some(limit) = speech_limit(tenant) else { return Ok(()) };
        let (_, room) = self.take_room(tenant, (Unit::Characters, limit), SPEECH, characters).await?;
        if room {
            return Ok(());
        }
        tenant.tally().hold(None);
        Err(refused(SPEECH, self.clock.now(tenant.id())))
    }

    /// Refuses speech that will be made later while no characters are left of the day. Holds nothing.
    ///
    /// # Errors
    ///
    /// As [`Meter::admit`].
    pub(crate) async fn check_speech(&self, tenant: &TenantContext) -> Result<(), ModelError> {
        let Some(limit) = speech_limit(tenant) else { return Ok(()) };
        let now = self.clock.now(tenant.id());
        let looked = async {
            let database = self.databases.open(tenant).await?;
            ledger::look(&*database, Unit::Characters, day_of(now), now).await
        };
        let (spoken, held) = looked.await.map_err(|error| out_of_reach(SPEECH, &error))?;
        if spoken.saturating_add(held) < limit { Ok(()) } else { Err(refused(SPEECH, now)) }
    }

    /// Counts characters that a speech provider has taken.
    pub(crate) fn charge_speech(&self, tenant: &TenantContext, provider: &str, characters: u64) {
        if !sabotage::on(Sabotage::UsageOfSpeechLost) {
            self.spread_net(tenant);
            tenant.tally().charge_spoken(provider, characters);
        }
    }

    /// Counts a call.
    pub(crate) fn charge(&self, tenant: &TenantContext, role: Role, model: &str, tokens: Tokens) {
        self.spread_net(tenant);
        tenant.tally().charge(role, model, tokens);
        let times = if sabotage::on(Sabotage::MetricsDoubleTheTokens) { 2.0 } else { 1.0 };
        for (direction, count) in [("in", tokens.read), ("out", tokens.written)] {
            #[expect(clippy::cast_precision_loss, reason = "counts of tokens stay far below 2^52")]
            let count = count as f64 * times;
            self.metrics.add(Some(tenant.id()), Metric::Tokens, &[model, direction], count);
        }
        let cost = cost(tenant.settings().budget.as_ref(), model, tokens);
        self.metrics.add(Some(tenant.id()), Metric::Cost, &[model], cost);
    }

    /// Counts a call of a model by how it ended.
    pub(super) fn ended(&self, tenant: &TenantContext, role: Role, model: &str, outcome: &str) {
        let role = match role {
            Role::Embedding => "embedding",
            Role::Rerank => "rerank",
            Role::Generation => "generation",
        };
        self.metrics.count(Some(tenant.id()), Metric::ModelCalls, &[model, role, outcome]);
    }

    /// Records how long a generation model took that was called at `since_us`.
    pub(super) fn generated(&self, tenant: &TenantContext, model: &str, since_us: u64) {
        let elapsed_us = self.clock.monotonic_us().saturating_sub(since_us);
        self.metrics.took(tenant.id(), Metric::Generation, &[model], elapsed_us);
    }

    /// Sees how much of the budget is used, for the metrics. What cannot be read stays as it was seen last.
    pub(crate) async fn look_at_budget(&self, tenant: &TenantContext) {
        if let Some(budget) = &tenant.settings().budget {
            let _ = self.look(tenant, budget).await;
        }
    }

    fn see(&self, tenant: &TenantContext, share: Share, day: i64) {
        tenant.tally().see(share);
        self.metrics.see_budget(tenant.id(), share, day);
    }

    /// Ends the request as far as its models go: writes down what it used, takes its hold away, and sees how much of the budget
    /// is used. A database that does not answer is tried once more in the background.
    pub(crate) async fn close(&self, tenant: &TenantContext) {
        self.settle(tenant, Tally::take).await;
    }

    /// Writes down what was used so far by a request that goes on.
    pub(super) async fn flush(&self, tenant: &TenantContext) {
        self.settle(tenant, Tally::take_used).await;
    }

    async fn settle(&self, tenant: &TenantContext, take: fn(&Tally) -> Unwritten) {
        let budget = tenant.settings().budget.as_ref();
        if !tenant.tally().has_unwritten() {
            if let Some(budget) = budget
                && tenant.tally().share().is_none()
            {
                // Whoever asks for nothing but what is kept is warned all the same.
                let _ = self.look(tenant, budget).await;
            }
            return;
        }
        // Opened before anything is taken out: what a request that is dropped here leaves goes through its net.
        let (written, unwritten) = match self.books(tenant).await {
            Ok((database, day)) => {
                let unwritten = take(tenant.tally());
                (ledger::write(&*database, day, &unwritten).await.map(|used| (used, day)), unwritten)
            }
            Err(error) => (Err(error.into()), Unwritten::default()),
        };
        match (written, budget) {
            (Ok((used, day)), Some(budget)) => self.see(tenant, Share { used, limit: budget.tokens_per_day }, day),
            (Ok(_), None) => {}
            (Err(error), _) => {
                tracing::warn!(tenant = tenant.id().as_str(), %error, "usage could not be written; it is tried again");
                tenant.tally().put_back(unwritten);
            }
        }
    }

    /// Where a tenant's use is written, and the day that it is written for.
    async fn books(&self, tenant: &TenantContext) -> Result<(Arc<dyn Database>, i64), DatabaseError> {
        #[cfg(feature = "sabotage")]
        let other = sabotage::others(tenant).into_iter().next();
        #[cfg(feature = "sabotage")]
        let tenant = other.as_ref().filter(|_| sabotage::on(Sabotage::UsageOfAnotherTenant)).unwrap_or(tenant);
        Ok((self.databases.open(tenant).await?, day_of(self.clock.now(tenant.id()))))
    }

    fn new_hold(&self) -> Hold {
        let mut bytes = [0; 16];
        self.ids.fill(&mut bytes);
        Hold(hex::encode(bytes))
    }

    async fn look(&self, tenant: &TenantContext, budget: &BudgetSettings) -> Result<(u64, u64), StoreError> {
        let now = self.clock.now(tenant.id());
        let database = self.databases.open(tenant).await?;
        let (used, held) = ledger::look(&*database, Unit::Tokens, day_of(now), now).await?;
        self.see(tenant, Share { used, limit: budget.tokens_per_day }, day_of(now));
        Ok((used, held))
    }

    /// What a request leaves unwritten when it is dropped is written in the background, under a context of its own.
    fn spread_net(&self, tenant: &TenantContext) {
        tenant.tally().catch_with(|| {
            let (meter, owner) = (self.clone(), tenant.anew());
            let net: Net = Box::new(move |unwritten| {
                let background = Arc::clone(&meter.background);
                background.spawn(Box::pin(async move {
                    let written = match meter.books(&owner).await {
                        Ok((database, day)) => ledger::write(&*database, day, &unwritten).await,
                        Err(error) => Err(error.into()),
                    };
                    if let Err(error) = written {
                        tracing::warn!(tenant = owner.id().as_str(), %error, "usage could not be written; it is lost");
                    }
                }));
            });
            net
        });
    }
}

/// Characters that the tenant may have spoken in a day, where that is bounded.
fn speech_limit(tenant: &TenantContext) -> Option<u64> {
    let limit = tenant.settings().budget.as_ref().and_then(|budget| budget.speech_characters_per_day);
    limit.filter(|_| !sabotage::on(Sabotage::SpeechBudgetIgnored))
}

/// How a call failed, in a word.
pub(super) fn failure(error: &ModelError) -> &'static str {
    match error {
        ModelError::Unavailable { .. } => "unavailable",
        ModelError::TimedOut { .. } => "timed_out",
        ModelError::Refused { .. } => "refused",
        ModelError::Rejected { .. } => "rejected",
        ModelError::Unusable { .. } => "unusable",
        ModelError::BudgetExceeded { .. } => "over_budget",
    }
}

fn refused(model: &str, now: i64) -> ModelError {
    let left_ms = next_day(now).saturating_sub(now).clamp(1, DAY_MS);
    let retry_after_s = u64::try_from(left_ms).unwrap_or(1).div_ceil(1000);
    ModelError::BudgetExceeded { model: model.to_owned(), retry_after_s }
}

fn out_of_reach(model: &str, error: &StoreError) -> ModelError {
    ModelError::Unavailable { model: model.to_owned(), reason: format!("the tenant's budget cannot be read: {error}") }
}
