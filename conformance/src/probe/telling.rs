//! Whether a response time tells one thing from another.
//!
//! Both are asked for in turns, in an order that a fixed sequence of bits decides, and their times are compared by the area
//! under the curve of the best threshold classifier: one half says that the times tell nothing.

use std::time::Duration;

use harness::auc::{Auc, auc};

use super::{Finding, Stop, pair, search, timed};
use crate::{isolation, session::Session};

/// Measurements of each of the two.
const PAIRS: usize = 150;
/// Pairs before those that count: connections and caches are warm then.
const WARM_UP: usize = 10;
/// The bound of rule TEN-013 on the upper end of the interval.
const MOST: f64 = 0.60;

/// Another tenant's object against one that exists nowhere.
pub(super) async fn objects(session: &Session, operation: &str) -> Result<Finding, Stop> {
    let mut times = (Vec::new(), Vec::new());
    for round in 0..WARM_UP + PAIRS {
        let mut order = [isolation::Object::Foreign, isolation::Object::Missing];
        if flipped(round) {
            order.reverse();
        }
        for object in order {
            let judged = isolation::ask(session, operation, object).await?;
            let kept = if object == isolation::Object::Foreign { &mut times.0 } else { &mut times.1 };
            kept.extend((round >= WARM_UP).then_some(judged.exchange.elapsed));
        }
    }
    Ok(told("an object of another tenant", "one that exists nowhere", &times))
}

/// A query that another tenant asked, whose answer is stored for it, against one that nobody asked.
pub(super) async fn queries(session: &Session) -> Result<Finding, Stop> {
    let (tenant, stranger) = pair(session)?;
    let query = |round: usize, kind: &str| format!("Which {kind} thing has the mark {}{round}?", session.run);
    let mut times = (Vec::new(), Vec::new());
    for round in 0..WARM_UP + PAIRS {
        // The words are the same but for one of the same length, so that nothing else differs.
        let (asked, fresh) = (query(round, "known"), query(round, "novel"));
        timed(session, stranger, search(&asked), 200).await?;
        let mut order = [(&asked, true), (&fresh, false)];
        if flipped(round) {
            order.reverse();
        }
        for (query, known) in order {
            let time = timed(session, tenant, search(query), 200).await?;
            let kept = if known { &mut times.0 } else { &mut times.1 };
            kept.extend((round >= WARM_UP).then_some(time));
        }
    }
    Ok(told("a query that another tenant asked", "one that nobody asked", &times))
}

/// Whether the order of this round is turned around: a fixed sequence without a period that a target could have.
fn flipped(round: usize) -> bool {
    (round.wrapping_mul(0x9E37_79B9) >> 7) & 1 == 1
}

fn told(one: &str, other: &str, times: &(Vec<Duration>, Vec<Duration>)) -> Finding {
    let Auc { value, low, high } = auc(&times.0, &times.1);
    let figures =
        format!("{one} and {other}, {PAIRS} of each: AUC {value:.3} with a 95 % interval from {low:.3} to {high:.3}");
    // The lower end: what may be chance is no finding, though the rule holds for certain only where the upper end is low.
    let text = match (low > MOST, high > MOST) {
        (true, _) => format!("{figures}; expected at most {MOST:.2}: the time tells them apart"),
        (false, true) => format!("{figures}; a bound of {MOST:.2} is neither shown nor refuted"),
        (false, false) => figures,
    };
    Finding { figure: value, bad: low > MOST, text }
}
