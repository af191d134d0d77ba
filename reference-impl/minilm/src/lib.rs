//! all-MiniLM-L6-v2 on the CPU: texts to vectors of 384 dimensions, and the word pieces that it reads them by.
//!
//! Weights and word pieces are compiled in. Matrices stay 8 bits wide in memory and are widened panel by panel as they are
//! used, so that a process holds the 23 MB of the file and no second copy. One call uses one thread; a text gives the same bits
//! whichever texts are embedded beside it.

#[cfg(feature = "encoder")]
mod attention;
#[cfg(feature = "encoder")]
mod encoder;
#[cfg(feature = "encoder")]
mod function;
#[cfg(feature = "encoder")]
mod matrix;
#[cfg(feature = "encoder")]
mod pack;
mod wordpiece;

#[cfg(feature = "encoder")]
use std::sync::Arc;

#[cfg(feature = "encoder")]
pub use pack::PackError;
pub use wordpiece::{Piece, WordPiece};

/// Id of the model with its weights as they are here.
pub const MODEL: &str = "all-minilm-l6-v2-int8";
/// Length of every vector.
pub const DIMENSIONS: usize = 384;
/// Most word pieces of a text that count, the two marks around it included; the rest of the text is left out.
pub const MAX_PIECES: usize = 256;

/// The model: word pieces and encoder.
#[cfg(feature = "encoder")]
#[derive(Debug)]
pub struct MiniLm {
    pieces: Arc<WordPiece>,
    encoder: encoder::Encoder,
}

#[cfg(feature = "encoder")]
impl MiniLm {
    /// The model as it is compiled in. Reads the small tables and checks the sum of the weights: some ten milliseconds.
    ///
    /// # Errors
    ///
    /// [`PackError`] where the compiled-in file is damaged or of another version.
    pub fn load() -> Result<Self, PackError> {
        Ok(Self { pieces: Arc::new(WordPiece::new()), encoder: encoder::Encoder::load()? })
    }

    /// The word pieces.
    pub fn pieces(&self) -> &Arc<WordPiece> {
        &self.pieces
    }

    /// Embeds texts: one vector of unit length and [`DIMENSIONS`] numbers for each, in order.
    ///
    /// What lies beyond [`MAX_PIECES`] word pieces of a text is not looked at. An empty text has a vector too.
    pub fn embed<T: AsRef<str>>(&self, texts: &[T]) -> Vec<Vec<f32>> {
        let ids: Vec<Vec<u32>> = texts.iter().map(|text| self.pieces.ids(text.as_ref(), MAX_PIECES)).collect();
        self.encoder.embed(&ids)
    }
}
