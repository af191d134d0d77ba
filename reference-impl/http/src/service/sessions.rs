//! The tenant's chat sessions.

use contract_types as wire;
use reference_core::{
    ids::SessionId,
    platform::Platform,
    session::{Message, SessionSummary, Speaker},
    tenancy::Feature,
};

use super::{absent, encode, problem};
use crate::{
    Call, Problem,
    generated::server::{DeleteSessionResponse, GetSessionResponse, ListSessionsResponse},
};

/// The id that a request names; one that cannot be an id is one that does not exist.
pub(super) fn id(named: &wire::SessionId) -> Result<SessionId, Problem> {
    SessionId::parse(&named.0).ok_or_else(crate::edge::missing)
}

fn enabled(call: &Call) -> Result<(), Problem> {
    let has = call.tenant.settings().has_feature(Feature::Sessions);
    if has { Ok(()) } else { Err(absent::problem(wire::Feature::Sessions)) }
}

pub(super) async fn list(
    platform: &Platform,
    call: &Call,
    parameters: wire::ListSessionsParameters,
) -> Result<ListSessionsResponse, Problem> {
    enabled(call)?;
    let limit = usize::try_from(parameters.limit).unwrap_or(usize::MAX);
    let cursor = parameters.cursor.as_ref().map(|cursor| cursor.as_str());
    let page = platform.list_sessions(&call.tenant, limit, cursor).await.map_err(|error| problem::session(&error))?;
    let mut list = wire::SessionList::new(page.items.into_iter().map(summary).collect());
    list.next_cursor = page.next_cursor.map(Into::into);
    Ok(ListSessionsResponse::Ok(list.into()))
}

pub(super) async fn get(
    platform: &Platform,
    call: &Call,
    parameters: wire::GetSessionParameters,
) -> Result<GetSessionResponse, Problem> {
    enabled(call)?;
    let found = platform.get_session(&call.tenant, &id(&parameters.id)?).await;
    let session = found.map_err(|error| problem::session(&error))?;
    let about = session.summary;
    let session = wire::Session::new(
        about.id.as_str().into(),
        encode::time(about.created_at),
        encode::time(about.updated_at),
        encode::time(about.expires_at),
        session.messages.into_iter().map(turn).collect(),
    );
    Ok(GetSessionResponse::Ok(session.into()))
}

pub(super) async fn delete(
    platform: &Platform,
    call: &Call,
    parameters: wire::DeleteSessionParameters,
) -> Result<DeleteSessionResponse, Problem> {
    enabled(call)?;
    let deleted = platform.delete_session(&call.tenant, &id(&parameters.id)?).await;
    let turns = deleted.map_err(|error| problem::session(&error))?;
    let deleted = wire::SessionDeleted::new(parameters.id, true, u64::from(turns));
    Ok(DeleteSessionResponse::Ok(deleted.into()))
}

fn summary(session: SessionSummary) -> wire::SessionSummary {
    let mut wire = wire::SessionSummary::new(
        session.id.as_str().into(),
        encode::time(session.created_at),
        encode::time(session.updated_at),
        encode::time(session.expires_at),
        u64::from(session.turns),
    );
    wire.title = session.title;
    wire
}

fn turn(message: Message) -> wire::Turn {
    let role = match message.speaker {
        Speaker::User => wire::ChatRole::User,
        Speaker::Assistant => wire::ChatRole::Assistant,
    };
    let mut wire = wire::Turn::new(role, message.content, encode::time(message.at));
    wire.citations = message.citations.map(|all| all.into_iter().map(encode::citation).collect());
    wire
}
