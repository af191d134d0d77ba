//! The right to a session's next turn: taken before the history is read, used once, given back whatever happens.

use std::sync::Arc;

use super::locks::{Locked, Locks};
use super::model::{Message, SessionError};
use super::store::{Kept, Taken, add, give_back, take};
use crate::ids::SessionId;
use crate::ports::{Background, Database, Ids, Timer};
use crate::tenancy::TenantId;

/// Time between two looks at a session that another process has, in milliseconds.
const LOOK_AGAIN_MS: u64 = 40;
/// How much longer than a request may take its hold lasts, in milliseconds: for storing the turn at its very end.
const GRACE_MS: i64 = 5_000;

/// What a hold works with.
pub(crate) struct Means<'a> {
    pub(crate) database: Arc<dyn Database>,
    pub(crate) background: Arc<dyn Background>,
    pub(crate) timer: &'a dyn Timer,
    pub(crate) ids: &'a dyn Ids,
    /// `None` on a host that lets no request wait for another's work: the lease in the database serves alone there.
    pub(crate) locks: Option<&'a Locks>,
}

/// A session's next turn, in the hands of one request.
pub(crate) struct Hold {
    session: SessionId,
    holder: String,
    /// Whether this turn begins the session.
    begins: bool,
    database: Arc<dyn Database>,
    background: Arc<dyn Background>,
    lock: Option<Locked>,
    /// Whether there is still something to give back.
    open: bool,
}

/// Takes the next turn of the session `known`, or of a new one, waiting while another request has it. Gives what was said
/// before with it, oldest first.
///
/// # Errors
///
/// [`SessionError::NotFound`], also when the session is deleted while this waits.
pub(crate) async fn hold(
    means: Means<'_>,
    tenant: &TenantId,
    known: Option<&SessionId>,
    fresh: SessionId,
    deadline_ms: i64,
    kept: impl Fn() -> Kept,
) -> Result<(Hold, Vec<Message>), SessionError> {
    let session = known.cloned().unwrap_or(fresh);
    let mut bytes = [0; 16];
    means.ids.fill(&mut bytes);
    let holder = hex::encode(bytes);
    let lock = match means.locks {
        Some(locks) => Some(locks.lock(tenant, &session).await),
        None => None,
    };
    let mut held = Hold {
        session,
        holder,
        begins: known.is_none(),
        database: means.database,
        background: means.background,
        lock,
        open: false,
    };
    if held.begins {
        return Ok((held, Vec::new()));
    }
    loop {
        let now = kept();
        let until = now.now.saturating_add(deadline_ms).saturating_add(GRACE_MS);
        // From here on the hold may be in the store, also where nobody hears the answer.
        held.open = true;
        match take(&*held.database, &held.session, &held.holder, until, now).await? {
            Taken::Held(said) => return Ok((held, said)),
            Taken::Missing => {
                held.open = false;
                return Err(SessionError::NotFound);
            }
            Taken::Busy => {
                held.open = false;
                means.timer.sleep(LOOK_AGAIN_MS).await;
            }
        }
    }
}

impl Hold {
    /// The session.
    pub(crate) fn session(&self) -> &SessionId {
        &self.session
    }

    /// Stores the turn as one whole and gives the session free.
    ///
    /// # Errors
    ///
    /// [`SessionError::NotFound`] when the session was deleted meanwhile; nothing of the turn is stored then.
    pub(crate) async fn add(&mut self, messages: &[Message], kept: Kept) -> Result<(), SessionError> {
        add(&*self.database, &self.session, &self.holder, self.begins, messages, kept).await?;
        self.open = false;
        self.lock = None;
        Ok(())
    }

    /// Where work beside requests is done.
    #[cfg(feature = "sabotage")]
    pub(crate) fn background(&self) -> Arc<dyn Background> {
        Arc::clone(&self.background)
    }

    /// For the flaw of a session that goes on after it was deleted, or that is another's: this turn begins it again.
    #[cfg(feature = "sabotage")]
    pub(crate) fn revive(means: Means<'_>, session: SessionId) -> Self {
        Self {
            session,
            holder: "revived".to_owned(),
            begins: false,
            database: means.database,
            background: means.background,
            lock: None,
            open: false,
        }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if !self.open {
            return;
        }
        let (database, session, holder) = (Arc::clone(&self.database), self.session.clone(), self.holder.clone());
        let lock = self.lock.take();
        self.background.spawn(Box::pin(async move {
            // Where the store does not answer, the hold ends by itself.
            let _ = give_back(&*database, &session, &holder).await;
            drop(lock);
        }));
    }
}
