//! How many streams a second a target can carry, at the pace of the run that is to follow.
//!
//! Pieces that follow each other without a pause reach the target many at a time and are read, passed on and read again as one.
//! Pieces of a paced stream come one by one, and each costs a read and a write on every side. A capacity measured without pauses is
//! therefore more than what paced streams can reach, and a share of it may be more than it says. It is told beside the other.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use harness::output::say;
use tokio::task::JoinSet;

use super::{End, Yard, one};
use crate::record::Failure;

/// How long each measurement lasts.
const PRESS_FOR: Duration = Duration::from_secs(5);
/// The pause of the first measurement, from which the pause of the second is drawn.
const FIRST_GAP: Duration = Duration::from_millis(1);
/// How much more the clients of the second measurement ask for than the first found.
const PRESSED: f64 = 1.5;

/// A capacity and what it cost.
#[derive(Debug, Clone, Copy)]
pub(super) struct Capacity {
    /// Streams that ended well each second.
    pub(super) per_second: f64,
    /// Processor time of the target for one stream, in milliseconds.
    pub(super) target_ms: f64,
    /// Processor time of the clients and the model for one stream, in milliseconds.
    pub(super) own_ms: f64,
}

impl Capacity {
    fn told(&self, gap: Duration) -> String {
        format!(
            "capacity with pauses of {:.1} ms: {:.1} streams/s, each {:.2} ms of the target's processor time and {:.2} ms of ours",
            gap.as_secs_f64() * 1000.0,
            self.per_second,
            self.target_ms,
            self.own_ms
        )
    }
}

/// The capacity with pieces that come one by one: `clients` that each open a stream as soon as their last has ended, with pauses
/// so long that all of them together ask for more than the target can give.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
pub(super) async fn measure(yard: &Arc<Yard>, pieces: u32, clients: u64) -> Result<(Capacity, String), Failure> {
    let mut told = Vec::new();
    let mut press_with = async |gap: Duration, lasts: Duration| {
        yard.model.follow(yard.script(pieces, Duration::ZERO, gap));
        let capacity = press(yard, clients, lasts).await?;
        say(&capacity.told(gap));
        told.push(capacity.told(gap));
        Ok::<Capacity, Failure>(capacity)
    };
    press_with(Duration::ZERO, PRESS_FOR).await?;
    let hasty = press_with(FIRST_GAP, PRESS_FOR).await?;
    let lasts = Duration::from_secs_f64(clients as f64 / (hasty.per_second.max(1.0) * PRESSED));
    let paced = press_with((lasts / pieces.max(1)).max(FIRST_GAP), PRESS_FOR.max(lasts * 3)).await?;
    // Streams last longer than they must once the target is full; clients that still wait for pauses have not filled it.
    Ok((if paced.per_second < hasty.per_second { paced } else { hasty }, told.join("; ")))
}

/// Lets `clients` open a stream as soon as their last has ended.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
pub(super) async fn press(yard: &Arc<Yard>, clients: u64, lasts: Duration) -> Result<Capacity, Failure> {
    let (target, own) = yard.cpu()?;
    let began = Instant::now();
    let client = Yard::client(5000);
    let mut running = JoinSet::new();
    for _ in 0..clients {
        let (yard, client) = (Arc::clone(yard), client.clone());
        running.spawn(async move {
            let mut count = 0_u64;
            while began.elapsed() < lasts {
                let seen = one::read(&yard, &client, Instant::now()).await;
                count += u64::from(seen.end == End::Done);
            }
            count
        });
    }
    let count = running.join_all().await.into_iter().sum::<u64>() as f64;
    let elapsed = began.elapsed().as_secs_f64();
    let (target_now, own_now) = yard.cpu()?;
    let each = |seconds: f64| seconds * 1000.0 / count.max(1.0);
    Ok(Capacity { per_second: count / elapsed, target_ms: each(target_now - target), own_ms: each(own_now - own) })
}
