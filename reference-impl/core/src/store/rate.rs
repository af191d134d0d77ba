//! Request counts over a sliding window.
//!
//! A window is cut into thirty slots. A request counts from when it is made until its slot lies a whole window back, so no
//! span of a window's length ever admits more than the limit, and a request is forgotten at most a thirtieth late.

mod kept;
mod local;
mod stored;

pub use kept::KeptCounts;
pub use local::LocalCounts;
pub use stored::StoredCounts;

use std::collections::BTreeMap;

use super::{StoreError, read};
use crate::ports::{Database, Row, Statement, UnixMillis, Value};
use crate::sabotage::{self, Sabotage};
use crate::tenancy::TenantContext;
use crate::tenancy::scope::named;

named! {
    /// Kind of operation that shares a limit.
    RouteClass {
        /// Reads what is stored.
        Read = "read",
        /// Changes what is stored.
        Write = "write",
        /// Calls a model.
        Model = "model",
    }
}

/// Slots in a window.
const SLOTS: i64 = 30;

/// Figures of the strictest limit that applied, for the `x-ratelimit-*` headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateFigures {
    /// Requests that the limit allows in a window.
    pub limit: u32,
    /// Requests that are left now.
    pub remaining: u32,
    /// When the whole limit is left again if no request is made meanwhile, in unix seconds, rounded up.
    pub reset_unix_s: i64,
}

/// Whether a request may go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// It was counted and may go on.
    Admitted(RateFigures),
    /// It was not counted; `RATE_LIMITED`.
    Refused {
        /// Figures of the limit that refuses longest.
        figures: RateFigures,
        /// Seconds after which one request would be admitted, rounded up, at least 1.
        retry_after_s: i64,
    },
}

const FORGET_OLD: &str = "DELETE FROM request_counts WHERE slot < ?1";
// Slots ahead of the present one were counted under another window length.
const FORGET_AHEAD: &str = "DELETE FROM request_counts WHERE slot > ?1";
const LOOK: &str = "SELECT bucket, slot, count FROM request_counts WHERE bucket IN (?1, ?2, ?3) ORDER BY slot";
const COUNT: &str = "INSERT INTO request_counts (bucket, slot, count) \
     SELECT bucket, ?4, 1 FROM (SELECT ?1 AS bucket UNION SELECT ?2 UNION SELECT ?3) \
     WHERE (SELECT coalesce(sum(count), 0) FROM request_counts WHERE bucket = ?1) < ?5 \
     AND (SELECT coalesce(sum(count), 0) FROM request_counts WHERE bucket = ?2) < ?6 \
     AND (SELECT coalesce(sum(count), 0) FROM request_counts WHERE bucket = ?3) < ?7 \
     ON CONFLICT (bucket, slot) DO UPDATE SET count = count + 1 RETURNING 1";

/// Counts a request against the limits of its tenant, its credential and its credential's route class, or refuses it.
/// Atomic: all three count it or none does.
///
/// # Errors
///
/// [`StoreError`].
pub async fn admit(
    database: &dyn Database,
    tenant: &TenantContext,
    class: RouteClass,
    now: UnixMillis,
) -> Result<Admission, StoreError> {
    let buckets = buckets(tenant, class);
    let window = Window::of(tenant.settings().times.rate_window_ms, now);
    let answers = database.batch_counts(statements(&buckets, window)).await?;
    let admitted = answers.get(3).is_some_and(|rows| !rows.is_empty());
    let counts = counts(answers.get(2).map_or(&[], Vec::as_slice))?;
    let none = BTreeMap::new();
    let views = buckets.iter().map(|(name, limit)| {
        let mut slots = counts.get(name).unwrap_or(&none).clone();
        if admitted {
            *slots.entry(window.slot).or_default() += 1;
        }
        View::of(&slots, *limit, window)
    });
    Ok(decide(views, admitted, now))
}

/// The limits that count a request, each by its name.
fn buckets(tenant: &TenantContext, class: RouteClass) -> [(String, u32); 3] {
    let limits = tenant.settings().rate_limits;
    let principal = tenant.principal().key();
    let class_limit = match class {
        RouteClass::Read => limits.read_requests,
        RouteClass::Write => limits.write_requests,
        RouteClass::Model => limits.model_requests,
    };
    let mut buckets = [
        ("tenant".to_owned(), limits.tenant_requests),
        (format!("credential:{principal}"), limits.credential_requests),
        (format!("class:{class}:{principal}"), class_limit),
    ];
    let ignored = [
        sabotage::on(Sabotage::RateTenantLimitIgnored),
        sabotage::on(Sabotage::RateCredentialLimitIgnored),
        sabotage::on(Sabotage::RateClassLimitIgnored),
    ];
    buckets.iter_mut().zip(ignored).filter(|(_, ignored)| *ignored).for_each(|((_, limit), _)| *limit = u32::MAX);
    buckets
}

fn statements(buckets: &[(String, u32); 3], window: Window) -> Vec<Statement> {
    let names = || buckets.iter().map(|(name, _)| Value::Text(name.clone()));
    let mut count: Vec<Value> = names().collect();
    count.push(Value::Integer(window.slot));
    count.extend(buckets.iter().map(|(_, limit)| Value::Integer((*limit).into())));
    vec![
        Statement::new(FORGET_OLD, vec![Value::Integer(window.oldest)]),
        Statement::new(FORGET_AHEAD, vec![Value::Integer(window.slot)]),
        Statement::new(LOOK, names().collect()),
        Statement::new(COUNT, count),
    ]
}

/// Requests by slot, by bucket.
fn counts(rows: &[Row]) -> Result<BTreeMap<String, BTreeMap<i64, i64>>, StoreError> {
    let mut counts: BTreeMap<String, BTreeMap<i64, i64>> = BTreeMap::new();
    for row in rows {
        let bucket = read::text(row, 0, "request_counts.bucket")?.to_owned();
        let slot = read::integer(row, 1, "request_counts.slot")?;
        counts.entry(bucket).or_default().insert(slot, read::integer(row, 2, "request_counts.count")?);
    }
    Ok(counts)
}

/// The window that ends now.
#[derive(Debug, Clone, Copy)]
struct Window {
    length_ms: i64,
    slot_ms: i64,
    slot: i64,
    oldest: i64,
}

impl Window {
    fn of(length_ms: i64, now: UnixMillis) -> Self {
        let length_ms = length_ms.max(1);
        let slot_ms = (length_ms / SLOTS).max(1);
        let mut oldest = (now - length_ms).div_euclid(slot_ms);
        if sabotage::on(Sabotage::RateWindowFixed) {
            oldest = (now - now.rem_euclid(length_ms)).div_euclid(slot_ms);
        }
        Self { length_ms, slot_ms, slot: now.div_euclid(slot_ms), oldest }
    }

    /// When the requests of `slot` no longer count.
    fn forgets(self, slot: i64) -> UnixMillis {
        if sabotage::on(Sabotage::RateWindowFixed) {
            return ((slot * self.slot_ms).div_euclid(self.length_ms) + 1) * self.length_ms;
        }
        (slot + 1) * self.slot_ms + self.length_ms
    }
}

/// One bucket, as it is after this request.
#[derive(Debug, Clone, Copy)]
struct View {
    limit: u32,
    remaining: u32,
    /// When nothing counts any more.
    resets_at: UnixMillis,
    /// When one more request is admitted, if none is now.
    admits_at: Option<UnixMillis>,
}

impl View {
    fn of(slots: &BTreeMap<i64, i64>, limit: u32, window: Window) -> Self {
        let used: i64 = slots.values().sum();
        let left = i64::from(limit) - used;
        let mut excess = 1 - left; // requests that must be forgotten before one is admitted
        let admits_at = (excess > 0).then(|| {
            let freed = slots.iter().find(|(_, count)| {
                excess -= **count;
                excess <= 0
            });
            window.forgets(freed.map_or(window.slot, |(slot, _)| *slot))
        });
        let last = slots.keys().next_back().copied().unwrap_or(window.slot);
        let remaining = u32::try_from(left).unwrap_or(0);
        Self { limit, remaining, resets_at: window.forgets(last), admits_at }
    }
}

fn decide(views: impl Iterator<Item = View> + Clone, admitted: bool, now: UnixMillis) -> Admission {
    let figures = |view: View| RateFigures {
        limit: view.limit,
        remaining: if sabotage::on(Sabotage::RateRemainingConstant) { view.limit } else { view.remaining },
        reset_unix_s: seconds_up(view.resets_at),
    };
    let strictest = views.clone().min_by_key(|view| (view.remaining, view.limit));
    let longest = views.filter(|view| view.admits_at.is_some()).max_by_key(|view| view.admits_at);
    match (admitted, strictest, longest) {
        (false, _, Some(view)) if sabotage::on(Sabotage::RateNeverRefuses) => Admission::Admitted(figures(view)),
        (false, _, Some(view)) => {
            let mut retry_after_s = seconds_up(view.admits_at.unwrap_or(now) - now).max(1);
            if sabotage::on(Sabotage::RetryAfterTooShort) {
                retry_after_s = 1;
            }
            if sabotage::on(Sabotage::RetryAfterTooLong) {
                retry_after_s += 5;
            }
            Admission::Refused { figures: figures(view), retry_after_s }
        }
        (_, Some(view), _) => Admission::Admitted(figures(view)),
        (_, None, _) => Admission::Admitted(RateFigures { limit: 0, remaining: 0, reset_unix_s: seconds_up(now) }),
    }
}

/// Whole seconds, rounded up.
fn seconds_up(ms: i64) -> i64 {
    -(-ms).div_euclid(1000)
}

#[cfg(test)]
mod tests;
