//! What a tenant is told of its use of models: days, models, sums, and the budget of today.

use contract_types::ErrorCode;
use jiff::ToSpan as _;
use jiff::civil::Date;

use super::ledger::{self, Entry};
use super::tally::{Share, Tokens};
use super::{cost, cost_of_speech, day_of, next_day};
use crate::ports::{Database, DatabaseError, UnixMillis};
use crate::sabotage::{self, Sabotage};
use crate::store::StoreError;
use crate::tenancy::{BudgetSettings, TenantContext};

/// Most days of one report.
pub const MOST_DAYS: i64 = 366;
/// Days of a report whose first day is not asked for.
const USUAL_DAYS: i64 = 30;

/// Use of one model on one day, or of several together.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct UsageSums {
    /// Requests that called the model.
    pub requests: u64,
    /// Tokens.
    pub tokens: Tokens,
    /// Characters of texts that were spoken.
    pub characters: u64,
    /// Cost by the tenant's prices as they are now, in US dollars.
    pub cost_usd: f64,
}

/// Use of one model on one day.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelUse {
    /// Its id.
    pub model: String,
    /// What it was used for.
    pub sums: UsageSums,
}

/// One day with use.
#[derive(Debug, Clone, PartialEq)]
pub struct UsageDay {
    /// The day in UTC, as `2026-11-22`.
    pub date: String,
    /// Models that were used, by id.
    pub models: Vec<ModelUse>,
}

/// The budget of today.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BudgetUse {
    /// Tokens used and allowed.
    pub share: Share,
    /// Tokens left.
    pub remaining: u64,
    /// Characters that may be spoken today and those that were; `None` where nothing bounds them.
    pub speech: Option<Share>,
    /// When the next day begins.
    pub resets_at: UnixMillis,
}

/// A tenant's use of models.
#[derive(Debug, Clone, PartialEq)]
pub struct UsageReport {
    /// First day, as `2026-11-22`.
    pub from: String,
    /// Last day, included.
    pub to: String,
    /// Days with use, oldest first.
    pub days: Vec<UsageDay>,
    /// The days together.
    pub totals: UsageSums,
    /// The budget of today; `None` where the tenant has none.
    pub budget: Option<BudgetUse>,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum UsageError {
    /// A day is none of the calendar.
    #[error("`{name}` must be a day such as 2026-11-22")]
    NoDate {
        /// `from` or `to`.
        name: &'static str,
    },
    /// The days are in the wrong order.
    #[error("`from` must not lie after `to`, or after today where `to` is absent")]
    Order,
    /// More days than may be asked for.
    #[error("from 1 to {limit} days can be asked for")]
    TooManyDays {
        /// How many may be.
        limit: u64,
    },
    /// The books could not be read.
    #[error("usage could not be read")]
    Store(#[from] StoreError),
    /// The tenant's database could not be opened.
    #[error("the tenant's database could not be opened")]
    Database(#[from] DatabaseError),
}

impl UsageError {
    /// Contract code.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::NoDate { .. } | Self::Order | Self::TooManyDays { .. } => ErrorCode::ValidationError,
            Self::Store(error) => error.code(),
            Self::Database(error) => crate::retrieve::database_code(error),
        }
    }
}

/// The days that a report covers, counted from 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) from: i64,
    pub(super) to: i64,
}

impl Span {
    /// The days that are asked for, or what stands for them.
    pub(super) fn of(from: Option<&str>, to: Option<&str>, today: i64) -> Result<Self, UsageError> {
        let day = |name: &'static str, text: Option<&str>| text.map(|text| number(name, text)).transpose();
        let to = day("to", to)?.unwrap_or(today);
        // No calendar of ours reaches further back.
        let first = Date::constant(0, 1, 1);
        let from = day("from", from)?.unwrap_or_else(|| (to + 1 - USUAL_DAYS).max(count(first)));
        if from > to {
            return Err(UsageError::Order);
        }
        if to - from >= MOST_DAYS {
            return Err(UsageError::TooManyDays { limit: MOST_DAYS.unsigned_abs() });
        }
        Ok(Self { from, to })
    }
}

fn number(name: &'static str, text: &str) -> Result<i64, UsageError> {
    let dashed = text.len() == 10 && text.is_ascii();
    let date = text.parse::<Date>().ok().filter(|_| dashed).ok_or(UsageError::NoDate { name })?;
    Ok(count(date))
}

const EPOCH: Date = Date::constant(1970, 1, 1);

fn count(date: Date) -> i64 {
    date.duration_since(EPOCH).as_hours() / 24
}

fn date(day: i64) -> String {
    EPOCH.saturating_add(day.days()).to_string()
}

/// The report of the days from `from` to `to`.
pub(crate) async fn report(
    tenant: &TenantContext,
    database: &dyn Database,
    (from, to): (Option<&str>, Option<&str>),
    now: UnixMillis,
) -> Result<UsageReport, UsageError> {
    let today = day_of(now);
    let span = Span::of(from, to, today)?;
    let (entries, used) = ledger::entries(database, span.from, span.to, today).await?;
    let budget = tenant.settings().budget.as_ref();
    let days = days(entries, budget);
    let mut totals = UsageSums::default();
    for sums in days.iter().flat_map(|day| &day.models).map(|it| it.sums) {
        totals.requests = totals.requests.saturating_add(sums.requests);
        totals.tokens.add(sums.tokens);
        totals.characters = totals.characters.saturating_add(sums.characters);
        totals.cost_usd += sums.cost_usd;
    }
    if sabotage::on(Sabotage::UsageTotalsNotTheSum) {
        totals.tokens.read += 1;
    }
    let budget = budget.map(|budget| {
        let share = Share { used: used.tokens, limit: budget.tokens_per_day };
        let mut remaining = budget.tokens_per_day.saturating_sub(used.tokens);
        if sabotage::on(Sabotage::BudgetRemainingWrong) {
            remaining = budget.tokens_per_day;
        }
        let speech = budget.speech_characters_per_day.map(|limit| Share { used: used.characters, limit });
        BudgetUse { share, remaining, speech, resets_at: next_day(now) }
    });
    Ok(UsageReport { from: date(span.from), to: date(span.to), days, totals, budget })
}

/// Rows in the order of their days, as days.
fn days(entries: Vec<Entry>, budget: Option<&BudgetSettings>) -> Vec<UsageDay> {
    let mut days: Vec<(i64, UsageDay)> = Vec::new();
    for Entry { day, model, requests, tokens, characters } in entries {
        let cost_usd = cost(budget, &model, tokens) + cost_of_speech(budget, &model, characters);
        let sums = UsageSums { requests, tokens, characters, cost_usd };
        let used = ModelUse { model, sums };
        match days.last_mut().filter(|(last, _)| *last == day) {
            Some((_, last)) => last.models.push(used),
            None => days.push((day, UsageDay { date: date(day), models: vec![used] })),
        }
    }
    days.into_iter().map(|(_, day)| day).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_days_of_the_calendar() {
        for (text, day) in [("1970-01-01", 0), ("1969-12-31", -1), ("2000-03-01", 11_017), ("2026-01-01", 20_454)] {
            assert_eq!(number("to", text).unwrap(), day, "{text}");
            assert_eq!(date(day), text);
        }
        for text in ["", "2026-02-30", "20260101", "2026-1-01", "2026-01-01T00:00:00Z", "2026-W01-1", "\u{661}026-01-0"]
        {
            assert!(matches!(number("to", text), Err(UsageError::NoDate { name: "to" })), "{text}");
        }
    }

    #[test]
    fn covers_what_is_asked_for_or_the_thirty_days_that_end_today() {
        let today = 20_454;
        let span = |from, to| Span::of(from, to, today);
        assert_eq!(span(None, None).unwrap(), Span { from: today - 29, to: today });
        assert_eq!(span(None, Some("1970-02-01")).unwrap(), Span { from: 2, to: 31 });
        assert_eq!(span(Some("2026-01-01"), None).unwrap(), Span { from: today, to: today });
        assert_eq!(span(Some("2024-01-01"), Some("2024-12-31")).unwrap().to, 20_088, "a leap year has 366 days");
        assert!(matches!(span(Some("2025-01-01"), Some("2026-01-02")), Err(UsageError::TooManyDays { limit: 366 })));
        assert!(matches!(span(Some("2026-01-02"), None), Err(UsageError::Order)), "from tomorrow to today");
        assert!(matches!(span(Some("2026-02-02"), Some("2026-02-01")), Err(UsageError::Order)));
        assert_eq!(span(None, Some("0000-01-01")).map(|it| date(it.from)).unwrap(), "0000-01-01");
    }
}
