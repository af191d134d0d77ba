//! Sessions in the tenant's database.

use super::codec::{encoded, message, summary};
use super::model::{Message, Session, SessionError, SessionSummary, Speaker};
use crate::ids::SessionId;
use crate::ports::{Database, DatabaseError, Row, Statement, UnixMillis, Value};
use crate::sabotage::{self, Sabotage};
use crate::store::{StoreError, read};
use crate::tenancy::SessionSettings;

/// Most characters of a title.
const TITLE_CHARS: usize = 80;
/// Most turns that a new one looks back at: prompts have no room for more.
const MOST_RECALLED: i64 = 200;

// A session whose turn is under way stays until that has ended.
const EXPIRE: &str = "DELETE FROM sessions WHERE updated_at <= ?1 AND held_until <= ?2";
const TAKE: &str = "UPDATE sessions SET holder = ?2, held_until = ?3 WHERE id = ?1 AND held_until <= ?4 RETURNING 1";
const LOOK: &str = "SELECT held_until FROM sessions WHERE id = ?1";
const RECALL: &str = "SELECT role, content, citations, tokens, at FROM session_turns WHERE session_id = ?1 \
     ORDER BY position DESC LIMIT ?2";
// For the flaw that mixes sessions.
const RECALL_ALL: &str = "SELECT role, content, citations, tokens, at FROM session_turns WHERE ?1 IS NOT NULL \
     ORDER BY at DESC, position DESC LIMIT ?2";
const GIVE_BACK: &str = "UPDATE sessions SET holder = NULL, held_until = 0 WHERE id = ?1 AND holder = ?2";
const BEGIN: &str = "INSERT INTO sessions (id, title, created_at, updated_at, turns, next, holder, held_until) \
     VALUES (?1, NULL, ?2, ?2, 0, 0, ?3, 0) RETURNING 1";
const HELD: &str = "SELECT 1 FROM sessions WHERE id = ?1 AND holder = ?2";
const ANY: &str = "SELECT 1 FROM sessions WHERE id = ?1 AND ?2 IS NOT NULL";
const ADD: &str = "INSERT INTO session_turns (session_id, position, role, content, citations, tokens, at) \
     SELECT id, next, ?2, ?3, ?4, ?5, ?6 FROM sessions WHERE id = ?1";
const COUNT: &str = "UPDATE sessions SET next = next + 1 WHERE id = ?1";
const DROP_TURNS: &str = "DELETE FROM session_turns WHERE session_id = ?1 \
     AND position < (SELECT next FROM sessions WHERE id = ?1) - max(?2, ?3)";
const DROP_TOKENS: &str = "DELETE FROM session_turns WHERE session_id = ?1 \
     AND position < (SELECT next FROM sessions WHERE id = ?1) - ?3 \
     AND (SELECT sum(later.tokens) FROM session_turns AS later \
         WHERE later.session_id = ?1 AND later.position >= session_turns.position) > ?2";
const SETTLE: &str = "UPDATE sessions SET updated_at = ?2, title = coalesce(title, ?3), holder = NULL, held_until = 0, \
     turns = (SELECT count(*) FROM session_turns WHERE session_id = ?1) WHERE id = ?1";
const GET: &str = "SELECT id, title, created_at, updated_at, turns FROM sessions WHERE id = ?1 AND updated_at > ?2";
const TURNS: &str =
    "SELECT role, content, citations, tokens, at FROM session_turns WHERE session_id = ?1 ORDER BY position";
const TURNS_REVERSED: &str =
    "SELECT role, content, citations, tokens, at FROM session_turns WHERE session_id = ?1 ORDER BY position DESC";
const LIST: &str = "SELECT id, title, created_at, updated_at, turns FROM sessions \
     WHERE updated_at > ?1 AND (updated_at, id) < (?2, ?3) ORDER BY updated_at DESC, id DESC LIMIT ?4";
const LIST_OLDEST_FIRST: &str = "SELECT id, title, created_at, updated_at, turns FROM sessions \
     WHERE updated_at > ?1 AND (updated_at, id) > (?2, ?3) ORDER BY updated_at, id LIMIT ?4";
const DELETE: &str = "DELETE FROM sessions WHERE id = ?1 AND updated_at > ?2 RETURNING turns";

/// How the store is asked: the tenant's time, how long a session lives and what is kept of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kept {
    /// The tenant's time.
    pub(crate) now: UnixMillis,
    /// `times.session_ttl_ms`.
    pub(crate) ttl_ms: i64,
    /// Retention by turns and tokens.
    pub(crate) settings: SessionSettings,
}

impl Kept {
    /// Sessions that were last updated at this time or before have expired.
    fn gone(self) -> i64 {
        if sabotage::on(Sabotage::SessionNeverExpires) { i64::MIN } else { self.now.saturating_sub(self.ttl_ms) }
    }

    fn expire(self) -> Statement {
        Statement::new(EXPIRE, vec![Value::Integer(self.gone()), Value::Integer(self.now)])
    }
}

/// Where a page of sessions ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionPosition {
    /// When its last session was updated.
    pub updated_at: UnixMillis,
    /// The id of that session.
    pub id: String,
}

/// What became of a request for a session's next turn.
#[derive(Debug)]
pub(super) enum Taken {
    /// It is the request's, with what was said before, oldest first.
    Held(Vec<Message>),
    /// Another request has it.
    Busy,
    /// There is no such session.
    Missing,
}

/// Takes the next turn of a session for `holder` until `until`.
pub(super) async fn take(
    database: &dyn Database,
    id: &SessionId,
    holder: &str,
    until: UnixMillis,
    kept: Kept,
) -> Result<Taken, StoreError> {
    let leaking = sabotage::on(Sabotage::HistoryLeaksBetweenSessions);
    let free = if sabotage::on(Sabotage::SessionTurnsNotSerialised) { i64::MAX } else { kept.now };
    let batch = vec![
        kept.expire(),
        Statement::new(TAKE, vec![text(id.as_str()), text(holder), Value::Integer(until), Value::Integer(free)]),
        Statement::new(LOOK, vec![text(id.as_str())]),
        Statement::new(
            if leaking { RECALL_ALL } else { RECALL },
            vec![text(id.as_str()), Value::Integer(MOST_RECALLED)],
        ),
    ];
    let answers = database.batch(batch).await?;
    let rows = |at: usize| answers.get(at).map_or(&[][..], Vec::as_slice);
    if !rows(1).is_empty() {
        let mut said = rows(3).iter().map(message).collect::<Result<Vec<_>, _>>()?;
        said.reverse();
        return Ok(Taken::Held(said));
    }
    Ok(if rows(2).is_empty() { Taken::Missing } else { Taken::Busy })
}

/// What was said in a session, the last turns of it, oldest first; takes no turn.
pub(crate) async fn recall(database: &dyn Database, id: &SessionId, kept: Kept) -> Result<Vec<Message>, SessionError> {
    let batch = vec![
        kept.expire(),
        Statement::new(GET, vec![text(id.as_str()), Value::Integer(kept.gone())]),
        Statement::new(RECALL, vec![text(id.as_str()), Value::Integer(MOST_RECALLED)]),
    ];
    let answers = database.batch(batch).await?;
    if answers.get(1).is_none_or(Vec::is_empty) {
        return Err(SessionError::NotFound);
    }
    let mut said = answers.get(2).map_or(&[][..], Vec::as_slice).iter().map(message).collect::<Result<Vec<_>, _>>()?;
    said.reverse();
    Ok(said)
}

/// Gives a turn back that was not used.
pub(super) async fn give_back(database: &dyn Database, id: &SessionId, holder: &str) -> Result<(), StoreError> {
    database.batch(vec![Statement::new(GIVE_BACK, vec![text(id.as_str()), text(holder)])]).await?;
    Ok(())
}

/// Adds `messages` as one whole, ends the hold and drops what is no longer kept. `begins`: the session is new.
///
/// # Errors
///
/// [`SessionError::NotFound`] when the session was deleted meanwhile, or `holder` has it no more; nothing was written then.
pub(super) async fn add(
    database: &dyn Database,
    id: &SessionId,
    holder: &str,
    begins: bool,
    messages: &[Message],
    kept: Kept,
) -> Result<(), SessionError> {
    let name = || text(id.as_str());
    let revives = sabotage::on(Sabotage::DeletedSessionContinues) || sabotage::on(Sabotage::ForeignSessionContinues);
    let unguarded = sabotage::on(Sabotage::SessionTurnsNotSerialised);
    let mut batch = Vec::new();
    if begins {
        batch.push(Statement::guard(BEGIN, vec![name(), Value::Integer(kept.now), text(holder)]));
    } else if revives {
        batch.push(Statement::new(
            "INSERT INTO sessions (id, created_at, updated_at, turns, next, holder, held_until) \
             VALUES (?1, ?2, ?2, 0, 0, ?3, 0) ON CONFLICT (id) DO NOTHING",
            vec![name(), Value::Integer(kept.now), text(holder)],
        ));
    } else {
        batch.push(Statement::guard(if unguarded { ANY } else { HELD }, vec![name(), text(holder)]));
    }
    for it in messages {
        let tokens = i64::try_from(it.tokens).unwrap_or(i64::MAX);
        let citations = it.citations.as_deref().map_or(Value::Null, |all| Value::Text(encoded(all)));
        let params = vec![
            name(),
            text(it.speaker.as_str()),
            text(&it.content),
            citations,
            Value::Integer(tokens),
            Value::Integer(it.at),
        ];
        batch.push(Statement::new(ADD, params));
        batch.push(Statement::new(COUNT, vec![name()]));
    }
    let added = Value::Integer(i64::try_from(messages.len()).unwrap_or(i64::MAX));
    if !sabotage::on(Sabotage::SessionKeepsEveryTurn) {
        let bound = |most: u32| vec![name(), Value::Integer(most.into()), added.clone()];
        batch.push(Statement::new(DROP_TURNS, bound(kept.settings.max_turns)));
        batch.push(Statement::new(DROP_TOKENS, bound(kept.settings.max_tokens)));
    }
    let mut updated_at = kept.now;
    if sabotage::on(Sabotage::TurnKeepsNoSessionAlive) && !begins {
        updated_at = kept.now.saturating_sub(kept.ttl_ms / 2);
    }
    batch.push(Statement::new(SETTLE, vec![name(), Value::Integer(updated_at), title(messages)]));
    match database.batch(batch).await {
        Ok(_) => Ok(()),
        Err(DatabaseError::GuardFailed { .. }) => Err(SessionError::NotFound),
        Err(error @ (DatabaseError::Unavailable { .. } | DatabaseError::Refused { .. })) => Err(error.into()),
    }
}

/// The session with its history.
///
/// # Errors
///
/// [`SessionError`].
pub(crate) async fn read_session(database: &dyn Database, id: &SessionId, kept: Kept) -> Result<Session, SessionError> {
    let turns = if sabotage::on(Sabotage::HistoryReversed) { TURNS_REVERSED } else { TURNS };
    let batch = vec![
        kept.expire(),
        Statement::new(GET, vec![text(id.as_str()), Value::Integer(kept.gone())]),
        Statement::new(turns, vec![text(id.as_str())]),
    ];
    let answers = database.batch(batch).await?;
    let row = answers.get(1).and_then(|rows| rows.first()).ok_or(SessionError::NotFound)?;
    let messages = answers.get(2).map_or(&[][..], Vec::as_slice).iter().map(message).collect::<Result<_, _>>()?;
    Ok(Session { summary: summary(row, kept.ttl_ms)?, messages })
}

/// Up to `limit` sessions that come after `after`, the latest updated first.
pub(crate) async fn read_list(
    database: &dyn Database,
    after: Option<&SessionPosition>,
    limit: usize,
    kept: Kept,
) -> Result<Vec<SessionSummary>, StoreError> {
    let oldest = sabotage::on(Sabotage::SessionsOldestFirst);
    let first = if oldest { (i64::MIN, "") } else { (i64::MAX, "~") };
    let (updated_at, id) = after.map_or(first, |it| (it.updated_at, it.id.as_str()));
    let params = vec![
        Value::Integer(kept.gone()),
        Value::Integer(updated_at),
        text(id),
        Value::Integer(i64::try_from(limit).unwrap_or(i64::MAX)),
    ];
    let list = if oldest { LIST_OLDEST_FIRST } else { LIST };
    let answers = database.batch(vec![kept.expire(), Statement::new(list, params)]).await?;
    answers.get(1).map_or(&[][..], Vec::as_slice).iter().map(|row| summary(row, kept.ttl_ms)).collect()
}

/// Deletes a session with its turns, also while one of them is under way; returns how many it had.
pub(crate) async fn remove(database: &dyn Database, id: &SessionId, kept: Kept) -> Result<u32, SessionError> {
    let batch = vec![kept.expire(), Statement::new(DELETE, vec![text(id.as_str()), Value::Integer(kept.gone())])];
    let answers = database.batch(batch).await?;
    let row: &Row = answers.get(1).and_then(|rows| rows.first()).ok_or(SessionError::NotFound)?;
    let turns = read::integer(row, 0, "sessions.turns")?;
    Ok(u32::try_from(turns).map_err(|_| StoreError::Damaged { what: "sessions.turns" })?)
}

/// The beginning of the first message of the user, on one line.
fn title(messages: &[Message]) -> Value {
    let Some(first) = messages.iter().find(|it| it.speaker == Speaker::User) else { return Value::Null };
    let flat = first.content.split_whitespace().collect::<Vec<_>>().join(" ");
    let short: String = flat.chars().take(TITLE_CHARS).collect();
    let short = short.trim_end();
    if short.is_empty() { Value::Null } else { Value::Text(short.to_owned()) }
}

fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}
