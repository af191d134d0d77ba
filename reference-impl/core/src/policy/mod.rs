//! What a call to a model may cost while its host is in trouble: a deadline, few repetitions, a breaker, and places that one
//! tenant cannot all take.
//!
//! [`Policies`] puts a policy around each model when a host assembles its ports. What it hands back is the same port again,
//! so that who calls a model knows nothing of it.

mod breaker;
mod bulkhead;
mod call;
mod chat;
mod fallback;
mod models;
mod pauses;
mod settings;
#[cfg(test)]
mod tests;

pub use breaker::BreakerState;
pub use fallback::chat_first;
pub use settings::PolicySettings;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use self::call::Policy;
use self::models::Policed;
use crate::ports::{ChatModel, Clock, Embedder, Generator, Ids, Reranker, SpeechProvider, Timer};
use crate::tenancy::{TenantContext, TenantId};

/// What a model is called for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PolicyPort {
    /// Vectors.
    Embedding,
    /// Answers and conversations: one host, one policy.
    Generation,
    /// Scores.
    Rerank,
    /// Sound.
    Speech,
}

impl PolicyPort {
    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Embedding => "embedding",
            Self::Generation => "generation",
            Self::Rerank => "rerank",
            Self::Speech => "speech",
        }
    }
}

/// The breaker of one tenant at one model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BreakerFigure {
    /// What the model is called for.
    pub port: PolicyPort,
    /// Its id.
    pub model: String,
    /// Whose breaker it is.
    pub tenant: TenantId,
    /// Its state.
    pub state: BreakerState,
}

/// What happened at the models of a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PolicyFigures {
    /// Calls that were made again.
    pub retries: u64,
    /// The worst state among the breakers.
    pub breaker: BreakerState,
}

/// What policies stand on.
#[derive(Clone)]
pub(crate) struct Means {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) timer: Arc<dyn Timer>,
    pub(crate) ids: Arc<dyn Ids>,
    pub(crate) retries: Arc<Retries>,
    /// Whether no call may be woken by the end of another one's; see [`Policies::apart`].
    pub(crate) apart: bool,
}

/// Repetitions by port and tenant.
#[derive(Debug, Default)]
pub(crate) struct Retries(Mutex<BTreeMap<(PolicyPort, TenantId), u64>>);

impl Retries {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<(PolicyPort, TenantId), u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn count(&self, port: PolicyPort, tenant: &TenantId) {
        *self.lock().entry((port, tenant.clone())).or_default() += 1;
    }

    fn of(&self, port: PolicyPort, tenant: Option<&TenantId>) -> u64 {
        let retries = self.lock();
        let of = retries.iter().filter(|((at, id), _)| *at == port && tenant.is_none_or(|tenant| tenant == id));
        of.map(|(_, count)| count).sum()
    }
}

/// The policies of a deployment, one for each model.
pub struct Policies {
    means: Means,
    models: Mutex<BTreeMap<(PolicyPort, String), Arc<Policy>>>,
}

impl Policies {
    /// Policies that read `clock`, wait on `timer` and draw their pauses from `ids`. Clock and timer must tell the same time.
    pub fn new(clock: Arc<dyn Clock>, timer: Arc<dyn Timer>, ids: Arc<dyn Ids>) -> Self {
        Self { means: Means { clock, timer, ids, retries: Arc::default(), apart: false }, models: Mutex::default() }
    }

    /// The same for a host that lets no request be woken by another one's work: calls that wait for a place look again by
    /// themselves.
    #[must_use]
    pub fn apart(mut self) -> Self {
        self.means.apart = true;
        self
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(PolicyPort, String), Arc<Policy>>> {
        self.models.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The policy of a model; a generator and a chat model of one id share theirs.
    fn policy(&self, port: PolicyPort, model: &str, settings: PolicySettings) -> Arc<Policy> {
        let mut models = self.lock();
        let new = || Arc::new(Policy::new(port, model, settings, self.means.clone()));
        Arc::clone(models.entry((port, model.to_owned())).or_insert_with(new))
    }

    /// `inner` behind its policy.
    pub fn embedder(&self, inner: Arc<dyn Embedder>, settings: PolicySettings) -> Arc<dyn Embedder> {
        let policy = self.policy(PolicyPort::Embedding, inner.model(), settings);
        Arc::new(Policed::new(inner, policy))
    }

    /// `inner` behind its policy.
    pub fn reranker(&self, inner: Arc<dyn Reranker>, settings: PolicySettings) -> Arc<dyn Reranker> {
        let policy = self.policy(PolicyPort::Rerank, inner.model(), settings);
        Arc::new(Policed::new(inner, policy))
    }

    /// `inner` behind its policy. What it says is asked for again only where it did not take the call.
    pub fn speech(&self, inner: Arc<dyn SpeechProvider>, settings: PolicySettings) -> Arc<dyn SpeechProvider> {
        let policy = self.policy(PolicyPort::Speech, inner.name(), settings);
        Arc::new(Policed::new(inner, policy))
    }

    /// `inner` behind its policy, which the chat model of the same id shares; the settings of the first count.
    pub fn generator(&self, inner: Arc<dyn Generator>, settings: PolicySettings) -> Arc<dyn Generator> {
        let policy = self.policy(PolicyPort::Generation, inner.model(), settings);
        Arc::new(Policed::new(inner, policy))
    }

    /// `inner` behind its policy, which the generator of the same id shares; the settings of the first count.
    pub fn chat_model(&self, inner: Arc<dyn ChatModel>, settings: PolicySettings) -> Arc<dyn ChatModel> {
        let policy = self.policy(PolicyPort::Generation, inner.model(), settings);
        Arc::new(Policed::new(inner, policy))
    }

    /// What happened at the models of `port`: of all tenants, or of one at the models that it is configured with.
    pub fn figures(&self, port: PolicyPort, tenant: Option<&TenantContext>) -> PolicyFigures {
        let uses = |model: &str| {
            let Some(tenant) = tenant else { return true };
            let models = &tenant.settings().models;
            match port {
                PolicyPort::Embedding => models.embedding == model,
                PolicyPort::Generation => {
                    tenant.settings().allows_model(model) || models.fallback.iter().any(|it| it == model)
                }
                PolicyPort::Rerank => models.rerank.as_deref() == Some(model),
                PolicyPort::Speech => tenant.settings().tts.providers.iter().any(|it| it == model),
            }
        };
        let policies = self.lock();
        let of = policies.iter().filter(|((at, model), _)| *at == port && uses(model));
        let id = tenant.map(TenantContext::id);
        let breaker = of.map(|(_, policy)| policy.breaker(id)).max().unwrap_or(BreakerState::Closed);
        PolicyFigures { retries: self.means.retries.of(port, id), breaker }
    }

    /// Every breaker that there is: one for each tenant that called a model.
    pub fn breakers(&self) -> Vec<BreakerFigure> {
        let policies = self.lock();
        let of = |((port, model), policy): (&(PolicyPort, String), &Arc<Policy>)| {
            let figure = |(tenant, state)| BreakerFigure { port: *port, model: model.clone(), tenant, state };
            policy.breakers().into_iter().map(figure).collect::<Vec<_>>()
        };
        policies.iter().flat_map(of).collect()
    }

    /// Closes every breaker and counts from nothing.
    pub fn reset(&self) {
        self.means.retries.lock().clear();
        self.lock().values().for_each(|policy| policy.reset());
    }
}
