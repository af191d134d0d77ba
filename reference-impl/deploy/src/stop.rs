//! Being asked to stop: a run then begins nothing more, and takes back what is under way.

use std::sync::Arc;

use tokio::sync::watch;

/// Whether somebody asked. Clones hear of it too.
#[derive(Debug, Clone)]
pub struct Stop {
    asked: watch::Receiver<bool>,
    /// Kept, or nobody could ask.
    sender: Arc<watch::Sender<bool>>,
}

impl Default for Stop {
    fn default() -> Self {
        let (sender, asked) = watch::channel(false);
        Self { asked, sender: Arc::new(sender) }
    }
}

impl Stop {
    /// Asks.
    pub fn ask(&self) {
        self.sender.send_replace(true);
    }

    /// Whether somebody asked.
    pub fn asked(&self) -> bool {
        *self.asked.borrow()
    }

    /// Waits until somebody asks.
    pub async fn wait(&self) {
        let mut asked = self.asked.clone();
        // The sender lives as long as this does, so it ends by being asked alone.
        let _ = asked.wait_for(|it| *it).await;
    }
}

/// Waits for a signal that ends a program: an interrupt from the keyboard, or the order to terminate.
///
/// # Errors
///
/// Where this system has no signals to listen to.
pub(crate) async fn signal() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}
