//! Each kind of failure at each port, and what bounds a call.

mod chat;
mod limits;
mod repeats;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::{FutureExt, StreamExt, stream};

use super::*;
use crate::answer::Prompt;
use crate::ports::{
    BoxFuture, ChatCall, ChatDelta, ChatDeltas, ChatFinish, EmbedPurpose, Embedded, EmbedderKind, Generation,
    GenerationRequest, GeneratorKind, ModelError, RerankCandidate, Reranked, UnixMillis,
};
use crate::tenancy::RequestMark;
use crate::testkit::{SeededIds, TestTenants, TestTimer};
use crate::trace::TracePoint;

/// A clock that tells the time of a timer that a test moves.
struct TimerClock(TestTimer);

impl Clock for TimerClock {
    fn now(&self, _tenant: &TenantId) -> UnixMillis {
        0
    }

    fn system(&self) -> UnixMillis {
        0
    }

    fn monotonic_us(&self) -> u64 {
        self.0.now_ms() * 1000
    }
}

/// How a test's model fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Failure {
    Refused(Option<u64>),
    Unavailable,
    Rejected,
    TimedOut,
    Unusable,
    /// Never answers.
    Hangs,
}

impl Failure {
    fn error(self) -> ModelError {
        let (model, reason) = ("m".to_owned(), "so".to_owned());
        match self {
            Self::Refused(retry_after_ms) => ModelError::Refused { model, reason, retry_after_ms },
            Self::Unavailable => ModelError::Unavailable { model, reason },
            Self::Rejected => ModelError::Rejected { model, reason },
            Self::TimedOut | Self::Hangs => ModelError::TimedOut { model, after_ms: 5 },
            Self::Unusable => ModelError::Unusable { model, reason },
        }
    }
}

/// A model of every kind that fails its first calls.
struct Scripted {
    failure: Failure,
    fails: usize,
    calls: AtomicUsize,
}

impl Scripted {
    fn new(failure: Failure, fails: usize) -> Arc<Self> {
        Arc::new(Self { failure, fails, calls: AtomicUsize::new(0) })
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    async fn meet(&self) -> Result<(), ModelError> {
        if self.calls.fetch_add(1, Ordering::SeqCst) >= self.fails {
            return Ok(());
        }
        if self.failure == Failure::Hangs {
            return std::future::pending().await;
        }
        Err(self.failure.error())
    }
}

impl Embedder for Scripted {
    fn model(&self) -> &'static str {
        "m"
    }

    fn dimensions(&self) -> usize {
        1
    }

    fn kind(&self) -> EmbedderKind {
        EmbedderKind::Remote
    }

    fn embed<'a>(
        &'a self,
        _tenant: &'a TenantContext,
        texts: &'a [String],
        _purpose: EmbedPurpose,
    ) -> BoxFuture<'a, Result<Embedded, ModelError>> {
        Box::pin(async { self.meet().await.map(|()| vec![vec![1.0]; texts.len()].into()) })
    }
}

impl Reranker for Scripted {
    fn model(&self) -> &'static str {
        "m"
    }

    fn rerank<'a>(
        &'a self,
        _tenant: &'a TenantContext,
        _query: &'a str,
        candidates: &'a [RerankCandidate],
    ) -> BoxFuture<'a, Result<Reranked, ModelError>> {
        Box::pin(async { self.meet().await.map(|()| vec![1.0; candidates.len()].into()) })
    }
}

impl Generator for Scripted {
    fn model(&self) -> &'static str {
        "m"
    }

    fn kind(&self) -> GeneratorKind {
        GeneratorKind::Model
    }

    fn generate<'a>(
        &'a self,
        _tenant: &'a TenantContext,
        _request: &'a GenerationRequest,
    ) -> BoxFuture<'a, Result<Generation, ModelError>> {
        let nothing = Generation { sentences: Vec::new(), written: None, tokens_in: None, tokens_out: None };
        Box::pin(async { self.meet().await.map(|()| nothing) })
    }
}

impl ChatModel for Scripted {
    fn model(&self) -> &'static str {
        "m"
    }

    fn kind(&self) -> GeneratorKind {
        GeneratorKind::Model
    }

    fn chat<'a>(
        &'a self,
        _tenant: &'a TenantContext,
        call: &'a ChatCall,
    ) -> BoxFuture<'a, Result<ChatDeltas, ModelError>> {
        Box::pin(async {
            self.meet().await?;
            let usage = ChatDelta::Usage { tokens_in: 1, tokens_out: 1 };
            let pieces = match call.question.as_str() {
                "breaks" => vec![Ok(ChatDelta::Text("a".to_owned()))],
                "fails" => vec![Ok(ChatDelta::Text("a".to_owned())), Err(Failure::Unavailable.error())],
                _ => vec![Ok(ChatDelta::Text("a".to_owned())), Ok(ChatDelta::Finish(ChatFinish::Stop)), Ok(usage)],
            };
            let pieces = stream::iter(pieces);
            let hangs = call.question == "hangs";
            Ok(if hangs { pieces.take(1).chain(stream::pending()).boxed() } else { pieces.boxed() })
        })
    }
}

fn question(text: &str) -> ChatCall {
    ChatCall {
        messages: Vec::new(),
        question: text.to_owned(),
        passages: None,
        tools: Vec::new(),
        max_tokens: None,
        temperature: None,
        stop: Vec::new(),
    }
}

/// A port of every kind behind a policy, and what moves its time.
struct Stand {
    policies: Policies,
    timer: TestTimer,
    tenants: TestTenants,
    settings: PolicySettings,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Embed,
    Rerank,
    Generate,
    Chat,
}

const KINDS: [Kind; 4] = [Kind::Embed, Kind::Rerank, Kind::Generate, Kind::Chat];

impl Kind {
    fn port(self) -> PolicyPort {
        match self {
            Self::Embed => PolicyPort::Embedding,
            Self::Rerank => PolicyPort::Rerank,
            Self::Generate | Self::Chat => PolicyPort::Generation,
        }
    }
}

impl Stand {
    fn new(change: impl Fn(&mut PolicySettings)) -> Self {
        let (timer, mut settings) = (TestTimer::default(), PolicySettings::default());
        change(&mut settings);
        let clock = Arc::new(TimerClock(timer.clone()));
        let policies = Policies::new(clock, Arc::new(timer.clone()), Arc::new(SeededIds::new(3)));
        let tenants = TestTenants::with(|settings| {
            settings.models.embedding = "m".to_owned();
            settings.models.generation = "m".to_owned();
            settings.models.rerank = Some("m".to_owned());
        });
        Self { policies, timer, tenants, settings }
    }

    /// One call of the kind by `tenant` through the policy; time passes whenever the call waits. Gives the milliseconds too.
    fn call(&self, kind: Kind, model: &Arc<Scripted>, tenant: &TenantContext) -> (Result<(), ModelError>, u64) {
        let began = self.timer.now_ms();
        let mut call: BoxFuture<'_, Result<(), ModelError>> = self.begin(kind, model, tenant);
        loop {
            if let Some(result) = call.as_mut().now_or_never() {
                return (result, self.timer.now_ms() - began);
            }
            let next = self.timer.next().expect("a call that waits has a bound");
            self.timer.pass(next);
        }
    }

    fn begin<'a>(
        &'a self,
        kind: Kind,
        model: &Arc<Scripted>,
        tenant: &'a TenantContext,
    ) -> BoxFuture<'a, Result<(), ModelError>> {
        let (model, settings) = (Arc::clone(model), self.settings);
        Box::pin(async move {
            match kind {
                Kind::Embed => {
                    let port = self.policies.embedder(model, settings);
                    port.embed(tenant, &["t".to_owned()], EmbedPurpose::Query).await.map(|_| ())
                }
                Kind::Rerank => self.policies.reranker(model, settings).rerank(tenant, "q", &[]).await.map(|_| ()),
                Kind::Generate => {
                    let request = GenerationRequest {
                        question: String::new(),
                        terms: Vec::new(),
                        passages: Vec::new(),
                        prompt: Prompt { system: String::new(), user: String::new() },
                        max_sentences: 1,
                    };
                    self.policies.generator(model, settings).generate(tenant, &request).await.map(|_| ())
                }
                Kind::Chat => {
                    let deltas = self.policies.chat_model(model, settings).chat(tenant, &question("")).await?;
                    deltas.map(|delta| delta.map(|_| ())).collect::<Vec<_>>().await.into_iter().collect()
                }
            }
        })
    }

    fn in_request(&self, left_ms: u64) -> TenantContext {
        let deadline_us = Some((self.timer.now_ms() + left_ms) * 1000);
        let trace = TracePoint { trace_id: 1, span_id: 1, sampled: false };
        let mark = RequestMark { request_id: "r".to_owned(), trace, state: None, deadline_us, trail: None };
        self.tenants.owner().for_request(mark)
    }
}
