//! A turn of a conversation in two halves: what can refuse it, and what answers it.

use std::sync::Arc;

use super::Platform;
use crate::answer::{self, NO_ANSWER};
use crate::chat::{self, Ask, Begin, ChatError, ChatRequest, Plan, Said, Turn};
use crate::ids::SessionId;
use crate::ports::{ChatCall, ChatMessage, ChatRole, Database, EmbedderKind, GenerationRequest, Passage};
use crate::retrieve::{Degradation, RERANK_DEPTH, RetrieveError, RetrieveRequest, Sources};
use crate::sabotage::{self, Sabotage};
use crate::safety::{self, Blocked, Finding};
use crate::search::{self, Intent};
use crate::session::{self, Hold, Means, Message, SessionError, Speaker};
use crate::tenancy::{Feature, TenantContext};
use crate::usage::MOST_WRITTEN;

/// What is said to a greeting.
const GREETING: &str = "Hello! Ask me anything about the available documents.";
/// Passages that a model sees.
const MAX_PASSAGES: usize = 12;
/// Sentences of an answer that are held against the passages; `max_tokens` bounds an answer before that.
const MAX_SENTENCES: usize = 1_000;

/// A turn that nothing of the request refuses any more, with the session that it holds.
pub struct StartedChat {
    tenant: TenantContext,
    request: ChatRequest,
    /// The new messages, as the safety rules let them through.
    new: Vec<Said>,
    findings: Vec<Finding>,
    /// What was said before, oldest first.
    before: Vec<Said>,
    hold: Option<Hold>,
    database: Arc<dyn Database>,
}

/// Id of the model that is asked to write.
fn writer<'a>(tenant: &'a TenantContext, request: &'a ChatRequest) -> &'a str {
    request.model.as_deref().unwrap_or(&tenant.settings().models.generation)
}

impl Platform {
    /// Checks a turn and waits for its place in its session.
    ///
    /// # Errors
    ///
    /// [`ChatError`]: the request's fault, a safety rule, a session that is not there, or a store that is out of reach.
    pub async fn start_chat(&self, tenant: &TenantContext, request: ChatRequest) -> Result<StartedChat, ChatError> {
        let (new, findings) = chat::check(tenant, &request)?;
        let database = self.ports.databases.open(tenant).await.map_err(SessionError::from)?;
        let (hold, before) = if tenant.settings().has_feature(Feature::Sessions) {
            #[cfg(feature = "sabotage")]
            let request = self.misled(tenant, &database, request.clone()).await;
            let (hold, before) = self.hold(tenant, &database, request.session.as_ref()).await?;
            (Some(hold), before)
        } else {
            (None, Vec::new())
        };
        let before = before.into_iter().map(|it| (it.speaker, it.content)).collect();
        Ok(StartedChat { tenant: tenant.clone(), request, new, findings, before, hold, database })
    }

    async fn hold(
        &self,
        tenant: &TenantContext,
        database: &Arc<dyn Database>,
        known: Option<&SessionId>,
    ) -> Result<(Hold, Vec<Message>), SessionError> {
        let means = || Means {
            database: Arc::clone(database),
            background: Arc::clone(&self.ports.background),
            timer: &*self.ports.timer,
            ids: &*self.ports.ids,
            locks: self.session_locks.as_ref().filter(|_| !sabotage::on(Sabotage::SessionTurnsNotSerialised)),
        };
        let kept = || chat::kept(tenant, &*self.ports.clock);
        let deadline_ms = tenant.settings().times.deadline_ms;
        let found = session::hold(means(), tenant.id(), known, self.fresh_session(), deadline_ms, kept).await;
        #[cfg(feature = "sabotage")]
        if let (Err(SessionError::NotFound), Some(known)) = (&found, known) {
            let foreign =
                sabotage::on(Sabotage::ForeignSessionContinues) && self.foreign_session(tenant, known).await.is_some();
            if foreign || sabotage::on(Sabotage::DeletedSessionContinues) {
                return Ok((Hold::revive(means(), known.clone()), Vec::new()));
            }
        }
        found
    }

    fn fresh_session(&self) -> SessionId {
        #[cfg(feature = "sabotage")]
        if let Some(id) = super::sabotaged::counted_session() {
            return id;
        }
        SessionId::random(&*self.ports.ids)
    }

    /// Looks up what a started turn needs and calls its model. From here on the turn is pulled.
    ///
    /// # Errors
    ///
    /// [`ChatError`]: retrieval failed, or nothing can be answered without the model.
    pub async fn begin_chat(&self, started: StartedChat) -> Result<Turn, ChatError> {
        let tenant = started.tenant.clone();
        let begun = self.begin_turn(started).await;
        if begun.is_err() {
            self.meter.close(&tenant).await;
        }
        begun
    }

    async fn begin_turn(&self, started: StartedChat) -> Result<Turn, ChatError> {
        let StartedChat { tenant, request, new, findings, before, hold, database } = started;
        let used = tenant.tally().used();
        let mut said = before;
        said.extend(new.iter().cloned());
        let mut safety = findings;
        let mut degraded = Vec::new();
        let plan = if request.rag || sabotage::on(Sabotage::ChatAlwaysRetrieves) {
            self.look_up(&tenant, &request, &said, &*database, &mut degraded, &mut safety).await?
        } else {
            let messages = self.recent(&tenant, &said, None);
            self.ask(&tenant, &request, messages, String::new(), None)
        };
        let now = self.ports.clock.now(tenant.id());
        let message = |(speaker, content): Said| Message {
            speaker,
            tokens: self.ports.tokenizer.count(&content),
            content,
            at: now,
            // What a client says that an assistant said has no proofs.
            citations: (speaker == Speaker::Assistant).then(Vec::new),
        };
        let begin = Begin {
            clock: Arc::clone(&self.ports.clock),
            tokenizer: Arc::clone(&self.ports.tokenizer),
            meter: self.meter.clone(),
            before: used,
            hold,
            new: new.into_iter().map(message).collect(),
            degraded,
            safety,
            plan,
            tenant,
        };
        Turn::begin(begin).await
    }

    /// What was said before, within the tenant's budget, and the last message, or `prompt` in its place.
    fn recent(&self, tenant: &TenantContext, said: &[Said], prompt: Option<String>) -> Vec<ChatMessage> {
        let Some(((_, last), before)) = said.split_last() else { return Vec::new() };
        let budget = tenant.settings().sessions.context_tokens as usize;
        let mut messages = chat::recent(before, budget, &|text| self.ports.tokenizer.count(text));
        messages.push(chat::spoken(ChatRole::User, prompt.unwrap_or_else(|| last.clone())));
        messages
    }

    fn ask(
        &self,
        tenant: &TenantContext,
        request: &ChatRequest,
        messages: Vec<ChatMessage>,
        question: String,
        grounds: Option<GenerationRequest>,
    ) -> Plan {
        let model_id = writer(tenant, request).to_owned();
        let call = ChatCall {
            messages,
            question,
            passages: grounds.as_ref().map(|it| it.passages.clone()),
            tools: Vec::new(),
            max_tokens: request.max_tokens,
            temperature: request.temperature,
            stop: request.stop.clone(),
        };
        let models = self.ports.chat_models_for(tenant, &model_id);
        Plan::Ask(Box::new(Ask { call, grounds, model_id, models }))
    }

    /// Asks for room for a whole turn: its query twice, what a reranker, a prompt and the turns before may hold, and what may be
    /// written.
    async fn admit_turn(&self, tenant: &TenantContext, request: &ChatRequest, query: &str) -> Result<(), ChatError> {
        let settings = tenant.settings();
        let expected = || {
            let reranks = self.ports.reranker(tenant).is_some();
            let chunks = if reranks { RERANK_DEPTH as u64 } else { 0 };
            2 * self.meter.count(query)
                + chunks * u64::from(settings.chunking.size_tokens)
                + u64::from(settings.answer_prompt.context_tokens)
                + u64::from(settings.sessions.context_tokens)
                + request.max_tokens.map_or(MOST_WRITTEN, u64::from)
        };
        Ok(self.meter.admit(tenant, writer(tenant, request), expected).await?)
    }

    /// Retrieves for the last of what was `said` and writes the prompt.
    async fn look_up(
        &self,
        tenant: &TenantContext,
        request: &ChatRequest,
        said: &[Said],
        database: &dyn Database,
        degraded: &mut Vec<Degradation>,
        safety: &mut Vec<Finding>,
    ) -> Result<Plan, ChatError> {
        let fixed = |text: &str| Ok(Plan::Fixed(text.to_owned()));
        let settings = tenant.settings();
        let alone = sabotage::on(Sabotage::ChatForgetsWhatWasSaid);
        let whole = chat::question(if alone { &said[said.len().saturating_sub(1)..] } else { said });
        // What is longer than a query may be is looked up by its beginning.
        let query: String = whole.chars().take(settings.limits.query_chars as usize).collect();
        if query.trim().is_empty() {
            return fixed(NO_ANSWER);
        }
        match search::classify(&query).0 {
            Intent::ChitChat => return fixed(GREETING),
            Intent::OutOfScope => return fixed(NO_ANSWER),
            // Two harmless halves may make a whole that is not.
            Intent::Unsafe => match safety::unsafe_request(&query) {
                Some(finding) => return Err(Blocked(finding).into()),
                None => return fixed(NO_ANSWER),
            },
            Intent::Question | Intent::Navigational | Intent::Command => {}
        }
        let embedder = self.embedder(tenant).map_err(|model| RetrieveError::UnknownModel { model })?;
        let reranker = self.ports.reranker(tenant);
        let sources = Sources { database, embedder: &*embedder, reranker: reranker.as_deref() };
        let index = self.retriever.index(tenant, database).await?;
        let vocabulary = self.retriever.vocabulary(tenant, database).await?;
        let correct = settings.has_feature(Feature::SpellCorrection);
        let understood = search::understand(&query, &vocabulary, index.len(), correct);
        let meaning = embedder.kind() != EmbedderKind::Lexical;
        if !meaning && understood.known == 0 && !index.is_empty() {
            return fixed(NO_ANSWER);
        }
        self.admit_turn(tenant, request, &query).await?;
        let wanted = RetrieveRequest {
            top_k: settings.retrieval.top_k as usize,
            filter: request.filter.clone(),
            ..RetrieveRequest::new(understood.rewritten.as_str())
        };
        let retrieved = self.retriever.retrieve(tenant, &sources, &wanted, &understood.expansions).await?;
        degraded.extend(retrieved.degraded);
        if retrieved.chunks.is_empty() {
            return fixed(NO_ANSWER);
        }
        let passages: Vec<Passage> = retrieved
            .chunks
            .into_iter()
            .take(MAX_PASSAGES)
            .map(|chunk| Passage {
                document_id: chunk.document_id,
                chunk_id: chunk.chunk_id,
                text: chunk.text,
                heading_path: chunk.heading_path,
                score: chunk.score,
                similarity: chunk.similarity.filter(|_| meaning),
            })
            .collect();
        let prompt = answer::assemble_prompt(
            &settings.answer_prompt.template,
            &settings.display_name,
            &understood.rewritten,
            &passages,
            self.ports.context_tokens(tenant, writer(tenant, request)),
            &|text| self.ports.tokenizer.count(text),
        );
        let mut messages = vec![chat::spoken(ChatRole::System, prompt.system.clone())];
        messages.extend(self.recent(tenant, said, Some(prompt.user.clone())));
        let grounds = GenerationRequest {
            question: understood.rewritten.clone(),
            terms: understood.terms,
            passages,
            prompt,
            max_sentences: MAX_SENTENCES,
        };
        safety.extend(answer::planted(tenant, &grounds));
        Ok(self.ask(tenant, request, messages, understood.rewritten, Some(grounds)))
    }
}
