//! The tenant's sessions: listed, read, deleted, and looked at by a search.

use super::{Page, Platform};
use crate::chat;
use crate::ids::SessionId;
#[cfg(feature = "sabotage")]
use crate::sabotage::{self, Sabotage};
use crate::search::Turn;
use crate::session::{self, Session, SessionError, SessionPosition, SessionSummary};
use crate::tenancy::TenantContext;

impl Platform {
    /// One page of the tenant's sessions, the latest updated first.
    ///
    /// # Errors
    ///
    /// [`SessionError::Cursor`], [`SessionError::Store`].
    pub async fn list_sessions(
        &self,
        tenant: &TenantContext,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<Page<SessionSummary>, SessionError> {
        const OPERATION: &str = "list_sessions";
        let position = |text: &str| {
            let (updated_at, id) = text.split_once(' ')?;
            Some(SessionPosition { updated_at: updated_at.parse().ok()?, id: id.to_owned() })
        };
        let after = cursor.map(|cursor| self.cursors.open(tenant, OPERATION, cursor)).transpose()?;
        let after = after.as_deref().and_then(position);
        let database = self.ports.databases.open(tenant).await?;
        let kept = chat::kept(tenant, &*self.ports.clock);
        let found = session::read_list(&*database, after.as_ref(), limit + 1, kept).await?;
        let end = |it: &SessionSummary| format!("{} {}", it.updated_at, it.id);
        Ok(self.page(tenant, OPERATION, found, limit, end))
    }

    /// One session with its history.
    ///
    /// # Errors
    ///
    /// [`SessionError`].
    pub async fn get_session(&self, tenant: &TenantContext, id: &SessionId) -> Result<Session, SessionError> {
        let database = self.ports.databases.open(tenant).await?;
        let found = session::read_session(&*database, id, chat::kept(tenant, &*self.ports.clock)).await;
        #[cfg(feature = "sabotage")]
        if matches!(found, Err(SessionError::NotFound))
            && sabotage::on(Sabotage::ForeignSessionReadable)
            && let Some(session) = self.foreign_session(tenant, id).await
        {
            return Ok(session);
        }
        found
    }

    /// Deletes a session with its turns; returns how many it had. A turn that is under way then fails at its end.
    ///
    /// # Errors
    ///
    /// [`SessionError`].
    pub async fn delete_session(&self, tenant: &TenantContext, id: &SessionId) -> Result<u32, SessionError> {
        let database = self.ports.databases.open(tenant).await?;
        #[cfg(feature = "sabotage")]
        if sabotage::on(Sabotage::SessionDeleteForgotten) {
            let found = session::read_session(&*database, id, chat::kept(tenant, &*self.ports.clock)).await?;
            return Ok(found.summary.turns);
        }
        session::remove(&*database, id, chat::kept(tenant, &*self.ports.clock)).await
    }

    /// What was asked and answered in a session so far, oldest first, for a search within it.
    ///
    /// # Errors
    ///
    /// [`SessionError`].
    pub async fn session_turns(&self, tenant: &TenantContext, id: &SessionId) -> Result<Vec<Turn>, SessionError> {
        let database = self.ports.databases.open(tenant).await?;
        let said = session::recall(&*database, id, chat::kept(tenant, &*self.ports.clock)).await?;
        #[cfg(feature = "sabotage")]
        if sabotage::on(Sabotage::SearchForgetsItsSession) {
            return Ok(Vec::new());
        }
        let said: Vec<_> = said.into_iter().map(|it| (it.speaker, it.content)).collect();
        Ok(chat::turns(&said))
    }
}
