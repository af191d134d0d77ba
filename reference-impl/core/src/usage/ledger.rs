//! The tenant's own books: what was used by day and model, and what requests under way hold of today.

use super::tally::{Hold, Tokens, Unwritten};
use crate::ports::{Database, Row, Statement, UnixMillis, Value};
use crate::sabotage::{self, Sabotage};
use crate::store::{StoreError, read};

/// Days for which usage is kept, today among them: two years. Older rows go away at the next write.
pub const KEPT_DAYS: i64 = 731;

const FORGET_EXPIRED: &str = "DELETE FROM token_holds WHERE expires_at <= ?1 OR expires_at > ?2 OR day <> ?3";
const HOLD: &str = "INSERT INTO token_holds (id, day, tokens, expires_at) SELECT ?1, ?2, ?3, ?4 \
     WHERE (SELECT coalesce(sum(tokens_in + tokens_out), 0) FROM model_usage WHERE day = ?2) \
     + (SELECT coalesce(sum(tokens), 0) FROM token_holds WHERE day = ?2) < ?5 RETURNING 1";
const HOLD_SPOKEN: &str = "INSERT INTO token_holds (id, day, tokens, characters, expires_at) SELECT ?1, ?2, 0, ?3, ?4 \
     WHERE (SELECT coalesce(sum(characters), 0) FROM model_usage WHERE day = ?2) \
     + (SELECT coalesce(sum(characters), 0) FROM token_holds WHERE day = ?2) < ?5 RETURNING 1";
const USED: &str = "SELECT coalesce(sum(tokens_in + tokens_out), 0) FROM model_usage WHERE day = ?1";
const HELD: &str = "SELECT coalesce(sum(tokens), 0) FROM token_holds WHERE day = ?1 AND expires_at > ?2";
const ADD: &str = "INSERT INTO model_usage (day, model, requests, tokens_in, tokens_out) VALUES (?1, ?2, ?3, ?4, ?5) \
     ON CONFLICT (day, model) DO UPDATE SET requests = requests + excluded.requests, \
     tokens_in = tokens_in + excluded.tokens_in, tokens_out = tokens_out + excluded.tokens_out";
const ADD_SPOKEN: &str = "INSERT INTO model_usage (day, model, requests, tokens_in, tokens_out, characters) \
     VALUES (?1, ?2, ?3, 0, 0, ?4) ON CONFLICT (day, model) DO UPDATE SET requests = requests + excluded.requests, \
     characters = characters + excluded.characters";
const SPOKEN: &str = "SELECT coalesce(sum(characters), 0) FROM model_usage WHERE day = ?1";
const HELD_SPOKEN: &str = "SELECT coalesce(sum(characters), 0) FROM token_holds WHERE day = ?1 AND expires_at > ?2";
const RELEASE: &str = "DELETE FROM token_holds WHERE id = ?1";
const FORGET_OLD: &str = "DELETE FROM model_usage WHERE day <= ?1";
const DAYS: &str = "SELECT day, model, requests, tokens_in, tokens_out, characters FROM model_usage \
     WHERE day BETWEEN ?1 AND ?2 ORDER BY day, model";

/// What a budget counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    /// Tokens that models read and write.
    Tokens,
    /// Characters that are spoken.
    Characters,
}

impl Unit {
    const fn hold(self) -> &'static str {
        match self {
            Self::Tokens => HOLD,
            Self::Characters => HOLD_SPOKEN,
        }
    }

    const fn used(self) -> &'static str {
        match self {
            Self::Tokens => USED,
            Self::Characters => SPOKEN,
        }
    }

    const fn held(self) -> &'static str {
        match self {
            Self::Tokens => HELD,
            Self::Characters => HELD_SPOKEN,
        }
    }
}

/// Room in a budget that a request asks for.
pub(super) struct Asked<'a> {
    pub(super) unit: Unit,
    pub(super) hold: &'a Hold,
    pub(super) day: i64,
    pub(super) now: UnixMillis,
    /// How much it is expected to use.
    pub(super) amount: u64,
    /// How much a day has.
    pub(super) limit: u64,
    /// How long the hold counts at most; the same for all of a tenant's requests.
    pub(super) for_ms: i64,
}

/// Takes room in the budget where any is left, in one batch; tells what is used today and whether there was room.
pub(super) async fn hold(database: &dyn Database, asked: &Asked<'_>) -> Result<(u64, bool), StoreError> {
    let until = asked.now.saturating_add(asked.for_ms);
    let mut limit = number(asked.limit);
    if sabotage::on(Sabotage::BudgetNeverRefuses) {
        limit = Value::Integer(i64::MAX);
    }
    let answers = database
        .batch_counts(vec![
            // Holds that would end later than a new one were made under a clock that has been set back.
            Statement::new(
                FORGET_EXPIRED,
                vec![Value::Integer(asked.now), Value::Integer(until), Value::Integer(asked.day)],
            ),
            Statement::new(
                asked.unit.hold(),
                vec![
                    Value::Text(asked.hold.0.clone()),
                    Value::Integer(asked.day),
                    number(asked.amount),
                    Value::Integer(until),
                    limit,
                ],
            ),
            Statement::new(asked.unit.used(), vec![Value::Integer(asked.day)]),
        ])
        .await?;
    let room = answers.get(1).is_some_and(|rows| !rows.is_empty());
    Ok((sum(answers.get(2))?, room))
}

/// What is used and what is held today.
pub(super) async fn look(
    database: &dyn Database,
    unit: Unit,
    day: i64,
    now: UnixMillis,
) -> Result<(u64, u64), StoreError> {
    let answers = database
        .batch(vec![
            Statement::new(unit.used(), vec![Value::Integer(day)]),
            Statement::new(unit.held(), vec![Value::Integer(day), Value::Integer(now)]),
        ])
        .await?;
    Ok((sum(answers.first())?, sum(answers.get(1))?))
}

/// Writes down what a request used and takes its hold away, in one batch; returns what is used today.
pub(super) async fn write(database: &dyn Database, day: i64, unwritten: &Unwritten) -> Result<u64, StoreError> {
    let mut statements: Vec<Statement> = unwritten
        .models
        .iter()
        .map(|(model, (tokens, counted))| {
            let values = vec![
                Value::Integer(day),
                Value::Text(model.clone()),
                Value::Integer(i64::from(*counted)),
                number(tokens.read),
                number(tokens.written),
            ];
            Statement::new(ADD, values)
        })
        .collect();
    statements.extend(unwritten.spoken.iter().map(|(provider, (characters, counted))| {
        let values = vec![
            Value::Integer(day),
            Value::Text(provider.clone()),
            Value::Integer(i64::from(*counted)),
            number(*characters),
        ];
        Statement::new(ADD_SPOKEN, values)
    }));
    if let Some(hold) = &unwritten.hold
        && !sabotage::on(Sabotage::BudgetHoldKept)
    {
        statements.push(Statement::new(RELEASE, vec![Value::Text(hold.0.clone())]));
    }
    statements.push(Statement::new(FORGET_OLD, vec![Value::Integer(day - KEPT_DAYS)]));
    statements.push(Statement::new(USED, vec![Value::Integer(day)]));
    let answers = database.batch_counts(statements).await?;
    sum(answers.last())
}

/// What is used on one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Today {
    /// Tokens.
    pub(super) tokens: u64,
    /// Characters that were spoken.
    pub(super) characters: u64,
}

/// One row of the books.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) day: i64,
    pub(super) model: String,
    pub(super) requests: u64,
    pub(super) tokens: Tokens,
    pub(super) characters: u64,
}

/// The rows of the days from `from` to `to`, both included, and what is used on the day `today`; of one moment.
pub(super) async fn entries(
    database: &dyn Database,
    from: i64,
    to: i64,
    today: i64,
) -> Result<(Vec<Entry>, Today), StoreError> {
    let answers = database
        .batch(vec![
            Statement::new(DAYS, vec![Value::Integer(from), Value::Integer(to)]),
            Statement::new(USED, vec![Value::Integer(today)]),
            Statement::new(SPOKEN, vec![Value::Integer(today)]),
        ])
        .await?;
    let entries = answers.first().map_or(&[][..], Vec::as_slice).iter().map(entry).collect::<Result<_, _>>()?;
    Ok((entries, Today { tokens: sum(answers.get(1))?, characters: sum(answers.get(2))? }))
}

fn entry(row: &Row) -> Result<Entry, StoreError> {
    let count = |column: usize, what: &'static str| {
        read::integer(row, column, what).map(|number| u64::try_from(number).unwrap_or(0))
    };
    Ok(Entry {
        day: read::integer(row, 0, "model_usage.day")?,
        model: read::text(row, 1, "model_usage.model")?.to_owned(),
        requests: count(2, "model_usage.requests")?,
        tokens: Tokens { read: count(3, "model_usage.tokens_in")?, written: count(4, "model_usage.tokens_out")? },
        characters: count(5, "model_usage.characters")?,
    })
}

fn sum(rows: Option<&Vec<Row>>) -> Result<u64, StoreError> {
    const WHAT: &str = "model_usage.tokens_in";
    let row = rows.and_then(|rows| rows.first()).ok_or(StoreError::Damaged { what: WHAT })?;
    read::integer(row, 0, WHAT).map(|number| u64::try_from(number).unwrap_or(0))
}

fn number(count: u64) -> Value {
    Value::Integer(i64::try_from(count).unwrap_or(i64::MAX))
}
