//! Chat: the same turn as a stream of events or as one body.

use std::sync::Arc;

use contract_types as wire;
use futures_util::stream;
use reference_core::{
    chat::{ChatError, ChatEvent, ChatRequest, ChatSummary, Turn},
    retrieve::RetrieveError,
    sabotage::{self, Sabotage},
    session::Speaker,
    tenancy::Feature,
};

use super::{ServiceParts, absent, decode, encode, problem, script, search, sessions};
use crate::{
    Call, EventStream, Problem, Reply,
    generated::server::{ChatOkBody, ChatResponse},
    sse::{Content, Done, Start, Step},
};

pub(super) async fn chat(
    parts: &ServiceParts,
    call: &Call,
    request: wire::ChatRequest,
) -> Result<ChatResponse, Problem> {
    let settings = call.tenant.settings();
    if !settings.has_feature(Feature::Chat) {
        return Err(absent::problem(wire::Feature::Chat));
    }
    if request.session_id.is_some() && !settings.has_feature(Feature::Sessions) {
        return Err(absent::problem(wire::Feature::Sessions));
    }
    // This build calls no tools, whatever the tenant's settings say.
    if request.tools.as_ref().is_some_and(|tools| !tools.is_empty()) {
        return Err(absent::problem(wire::Feature::Tools));
    }
    let streamed = request.stream;
    let request = decoded(request)?;
    let body = if streamed {
        ChatOkBody::EventStream(open(parts, call, request).await?)
    } else {
        ChatOkBody::Json(Box::new(whole(parts, call, request).await?))
    };
    Ok(ChatResponse::Ok(Reply::from(body)))
}

fn decoded(request: wire::ChatRequest) -> Result<ChatRequest, Problem> {
    let options = request.options.unwrap_or_default();
    let said = |message: wire::ChatMessage| {
        let speaker = match message.role {
            wire::ChatRole::User => Speaker::User,
            wire::ChatRole::Assistant => Speaker::Assistant,
        };
        (speaker, message.content)
    };
    let filter = decode::filter(request.filter).map_err(|error| problem::retrieve(&RetrieveError::from(error)))?;
    Ok(ChatRequest {
        messages: request.messages.into_iter().map(said).collect(),
        session: request.session_id.as_ref().map(sessions::id).transpose()?,
        model: request.model.map(|model| model.0),
        max_tokens: options.max_tokens.map(decode::small),
        temperature: options.temperature,
        stop: options.stop.unwrap_or_default(),
        rag: request.rag,
        filter,
    })
}

/// Does everything that can fail as a plain error, the call of the model among it, and leaves the rest to the stream.
async fn open(parts: &ServiceParts, call: &Call, request: ChatRequest) -> Result<EventStream, Problem> {
    let at_us = parts.platform.ports().clock.monotonic_us();
    let told = |error: ChatError| problem::chat(&error);
    let started = parts.platform.start_chat(&call.tenant, request).await.map_err(told)?;
    let limit = call.tenant.settings().limits.concurrent_streams;
    // Before the model is called, so that no more calls are under way than streams may be.
    let place = parts.streams.take(&call.tenant).ok_or_else(|| problem::too_many_streams(limit))?;
    let turn = parts.platform.begin_chat(started).await.map_err(told)?;
    let start = Start { session_id: turn.session().map(|id| id.as_str().into()), model: turn.model().map(Into::into) };
    let events = stream::unfold(turn, |mut turn| async move { turn.next().await.map(|event| (event, turn)) });
    let steps = futures_util::StreamExt::flat_map(events, |event| stream::iter(steps(event)));
    Ok(search::opened(parts, call, search::Began { at_us, place }, start, Box::pin(steps)))
}

/// An event of a turn as the steps of a stream.
fn steps(event: Result<ChatEvent, ChatError>) -> Vec<Result<Step, Problem>> {
    match event {
        Ok(ChatEvent::Text(text)) => {
            script::pieces(&text).map(|piece| Ok(Step::Content(Content::Token(piece.to_owned())))).collect()
        }
        Ok(ChatEvent::Citation(citation)) => {
            vec![Ok(Step::Content(Content::Citation(Box::new(encode::citation(citation)))))]
        }
        Ok(ChatEvent::End(summary)) => {
            let ChatSummary { finish, usage, degraded, safety } = *summary;
            let done = Done::Chat {
                finish_reason: encode::word(finish.as_str()),
                degraded: encode::degraded(&degraded),
                safety: encode::safety(&safety),
            };
            vec![Ok(Step::End { usage: encode::usage(usage), done })]
        }
        Err(error) => vec![Err(problem::chat(&error))],
    }
}

/// The turn as one body.
async fn whole(parts: &ServiceParts, call: &Call, request: ChatRequest) -> Result<wire::ChatAnswer, Problem> {
    let told = |error: ChatError| problem::chat(&error);
    let platform = Arc::clone(&parts.platform);
    let started = platform.start_chat(&call.tenant, request).await.map_err(told)?;
    let mut turn: Turn = platform.begin_chat(started).await.map_err(told)?;
    let session_id = turn.session().map(|id| id.as_str().into());
    let (mut text, mut citations) = (String::new(), Vec::new());
    while let Some(event) = turn.next().await {
        match event.map_err(told)? {
            ChatEvent::Text(piece) => text.push_str(&piece),
            ChatEvent::Citation(citation) => citations.push(encode::citation(citation)),
            ChatEvent::End(summary) => {
                let ChatSummary { finish, usage, degraded, safety } = *summary;
                if sabotage::on(Sabotage::ChatBodyLacksCitations) {
                    citations.clear();
                }
                let mut answer = wire::ChatAnswer::new(
                    wire::ChatReply::new(wire::ChatReplyRole::Assistant, text),
                    citations,
                    Vec::new(),
                    Vec::new(),
                    encode::usage(usage),
                    encode::word(finish.as_str()),
                    call.request_id.as_str().into(),
                );
                answer.session_id = session_id;
                answer.degraded = encode::degraded(&degraded);
                answer.safety = encode::safety(&safety);
                return Ok(answer);
            }
        }
    }
    Err(Problem::internal(&std::io::Error::other("a turn stopped without an end")))
}
