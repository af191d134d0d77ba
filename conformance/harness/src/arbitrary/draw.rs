//! Draws values one by one, and shrinks the last one, for a caller that must wait between two of them.
//!
//! What `proptest` shrinks cannot be sent between threads, and a suite that waits for answers is moved between them; so a
//! thread of its own holds it and is asked by message.

use std::{fmt, sync::mpsc, thread};

use proptest::{
    strategy::{BoxedStrategy, Strategy, ValueTree},
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use tokio::sync::oneshot;

use super::SchemaError;

/// Most values that a strategy may throw away in a row of draws.
const MOST_REJECTS: u32 = 1 << 20;

/// Why no value could be drawn.
#[derive(Debug, Clone, thiserror::Error)]
pub enum DrawError {
    /// There is no strategy.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// The strategy threw too much away.
    #[error("no value could be drawn: {0}")]
    Rejected(String),
    /// The thread is gone.
    #[error("the thread that draws values is gone")]
    Gone,
}

/// What is asked of the thread.
#[derive(Debug, Clone, Copy)]
enum Ask {
    Next,
    Simpler,
    LessSimple,
}

type Answer<T> = Result<Option<T>, DrawError>;

/// Draws values of one strategy, always the same ones for the same seed.
pub struct Drawer<T> {
    asks: mpsc::Sender<(Ask, oneshot::Sender<Answer<T>>)>,
}

impl<T> fmt::Debug for Drawer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Drawer").finish_non_exhaustive()
    }
}

impl<T: fmt::Debug + Send + 'static> Drawer<T> {
    /// A drawer of what `make` gives, which is called on the drawer's own thread.
    pub fn new<F>(seed: [u8; 32], make: F) -> Self
    where
        F: FnOnce() -> Result<BoxedStrategy<T>, SchemaError> + Send + 'static,
    {
        let (asks, asked) = mpsc::channel::<(Ask, oneshot::Sender<Answer<T>>)>();
        thread::spawn(move || {
            let config = Config { max_local_rejects: MOST_REJECTS, failure_persistence: None, ..Config::default() };
            let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &seed));
            let strategy = make();
            let mut tree = None;
            for (ask, answer) in asked {
                // Nobody waits for the answer any more when the caller was cut off: then the next ask ends the loop.
                let _ = answer.send(answered(ask, &strategy, &mut runner, &mut tree));
            }
        });
        Self { asks }
    }

    /// A new value.
    ///
    /// # Errors
    ///
    /// [`DrawError`].
    pub async fn next(&self) -> Result<T, DrawError> {
        self.ask(Ask::Next).await?.ok_or(DrawError::Gone)
    }

    /// A simpler value than the last one, to be asked for after one that failed; `None` when there is none.
    ///
    /// # Errors
    ///
    /// [`DrawError::Gone`].
    pub async fn simpler(&self) -> Result<Option<T>, DrawError> {
        self.ask(Ask::Simpler).await
    }

    /// A value between the last one and the one before, to be asked for after one that did not fail; `None` when there is none.
    ///
    /// # Errors
    ///
    /// [`DrawError::Gone`].
    pub async fn less_simple(&self) -> Result<Option<T>, DrawError> {
        self.ask(Ask::LessSimple).await
    }

    async fn ask(&self, ask: Ask) -> Answer<T> {
        let (answer, answered) = oneshot::channel();
        self.asks.send((ask, answer)).map_err(|_| DrawError::Gone)?;
        answered.await.map_err(|_| DrawError::Gone)?
    }
}

fn answered<T: fmt::Debug>(
    ask: Ask,
    strategy: &Result<BoxedStrategy<T>, SchemaError>,
    runner: &mut TestRunner,
    tree: &mut Option<Box<dyn ValueTree<Value = T>>>,
) -> Answer<T> {
    let moved = match (ask, tree.as_mut()) {
        (Ask::Next, _) => {
            let strategy = strategy.as_ref().map_err(|error| DrawError::Schema(error.clone()))?;
            let drawn = strategy.new_tree(runner).map_err(|reason| DrawError::Rejected(reason.to_string()))?;
            return Ok(Some(tree.insert(drawn).current()));
        }
        (Ask::Simpler, Some(tree)) => tree.simplify(),
        (Ask::LessSimple, Some(tree)) => tree.complicate(),
        (Ask::Simpler | Ask::LessSimple, None) => false,
    };
    Ok(tree.as_ref().filter(|_| moved).map(ValueTree::current))
}

/// The seed of one property of a run: different for each name, the same for the same name and run seed.
pub fn seed_of(seed: u64, name: &str) -> [u8; 32] {
    let mut bytes = [0; 32];
    // FNV-1a over the name, then SplitMix64 for as many bytes as are needed: spread matters here, secrecy does not.
    let mut state = name
        .bytes()
        .fold(seed ^ 0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    for part in bytes.chunks_mut(8) {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        part.copy_from_slice(&(mixed ^ (mixed >> 31)).to_le_bytes());
    }
    bytes
}
