//! A session like another: behind a proxy, or with a server of its own that begins where the first one's data ended.

use std::{
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize},
    },
};

use harness::{
    client::{Client, ClientError},
    mark,
    pace::Pace,
    prepare::PrepareError,
    target::Target,
};
use tempfile::TempDir;

use super::{Session, not_opened};

impl Session {
    /// The same session with its target behind another address, such as that of a proxy. It shares everything that keeps
    /// cases apart, counts coverage of its own, and stops nothing when it is dropped.
    ///
    /// # Errors
    ///
    /// [`ClientError::Address`].
    pub fn through(&self, base_url: &str) -> Result<Self, ClientError> {
        let client = Client::new(base_url, self.bounds)?.carrying(self.profile.headers())?;
        Ok(self.with(self.target.behind(base_url), client))
    }

    /// The same session with a server of its own, which begins with a copy of `data`. What the first session found and made is
    /// there; nothing that keeps cases apart is shared. Blocks until the server is ready.
    ///
    /// # Errors
    ///
    /// [`PrepareError`].
    pub fn another(&self, data: &Path) -> Result<Self, PrepareError> {
        let target = Target::open_with(&self.profile, &self.root, data).map_err(|error| not_opened(&error))?;
        target.log().into_iter().for_each(|log| log.watch(Arc::clone(&self.forbidden)));
        let client = Client::new(&target.base_url, self.bounds).and_then(|it| it.carrying(self.profile.headers()));
        let client = client.map_err(|error| PrepareError::Usage(error.to_string()))?;
        Ok(Self {
            pace: Arc::new(Pace::new(self.profile.spec.pace.as_ref())),
            apart: Arc::new(self.apart.another()),
            quiet: Arc::default(),
            ..self.with(target, client)
        })
    }

    /// Gives the session another mark, so that what its cases make from now on has ids of its own.
    pub fn mark_anew(&mut self) {
        self.run = mark::of_run(&harness::record::run_id());
    }

    /// Stops the target, where the session has started it, and gives what it has stored: [`Session::another`] begins with it.
    pub fn stop(&mut self) -> Option<TempDir> {
        let behind = self.target.behind(&self.target.base_url);
        std::mem::replace(&mut self.target, behind).stop()
    }

    fn with(&self, target: Target, client: Client) -> Self {
        Self {
            contract: Arc::clone(&self.contract),
            profile: self.profile.clone(),
            fixtures: Arc::clone(&self.fixtures),
            target,
            client,
            bounds: self.bounds,
            judge: Arc::clone(&self.judge),
            scanner: Arc::clone(&self.scanner),
            forbidden: Arc::clone(&self.forbidden),
            redactor: Arc::clone(&self.redactor),
            pace: Arc::clone(&self.pace),
            facts: Arc::clone(&self.facts),
            objects: Arc::clone(&self.objects),
            coverage: Mutex::default(),
            run_id: self.run_id.clone(),
            run: self.run.clone(),
            seed: self.seed,
            property_time: self.property_time,
            examples: Arc::clone(&self.examples),
            planned: AtomicUsize::new(0),
            longest_wait: self.longest_wait,
            enough: AtomicBool::new(false),
            quiet: Arc::clone(&self.quiet),
            disagreements: Vec::new(),
            apart: Arc::clone(&self.apart),
            root: self.root.clone(),
        }
    }
}
