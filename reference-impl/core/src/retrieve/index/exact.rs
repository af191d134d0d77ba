//! Exact vectors of chunks that were candidates before: read from the store once, and in memory the next time.

use std::mem::size_of;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::{CorpusIndex, Position};

/// A vector as its model made it.
pub(crate) type Vector = Arc<[f32]>;

/// Room that one place for a vector takes, whether there is a vector or not.
const PLACE_BYTES: usize = size_of::<Option<Vector>>();
/// Room of a vector beside its values: two counts.
const HEAD_BYTES: usize = 2 * size_of::<usize>();

/// Exact vectors of a part by the places of their chunks, as far as they are known. A row names one chunk for ever, and where
/// vectors are changed in their places the whole index is read anew: what is known here stays true.
#[derive(Default)]
pub(super) struct Exact(RwLock<Known>);

/// What is known. Letting go of many vectors takes a while, so that whoever forgets them chooses when.
#[derive(Default)]
pub(super) struct Known {
    /// Empty, or as long as the part.
    places: Vec<Option<Vector>>,
    bytes: usize,
}

impl Exact {
    /// These; none where none of them is known.
    pub(super) fn of(places: Vec<Option<Vector>>) -> Self {
        if places.iter().all(Option::is_none) {
            return Self::default();
        }
        let bytes = places.len() * PLACE_BYTES + places.iter().flatten().map(room).sum::<usize>();
        Self(RwLock::new(Known { places, bytes }))
    }

    fn read(&self) -> RwLockReadGuard<'_, Known> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Known> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn get(&self, at: usize) -> Option<Vector> {
        self.read().places.get(at)?.clone()
    }

    fn bytes(&self) -> usize {
        self.read().bytes
    }

    #[cfg(test)]
    pub(super) fn room_by_places(&self) -> usize {
        let known = self.read();
        known.places.len() * PLACE_BYTES + known.places.iter().flatten().map(room).sum::<usize>()
    }

    fn put(&self, chunks: usize, at: usize, vector: Vector) {
        let mut known = self.write();
        if known.places.is_empty() {
            known.places.resize(chunks, None);
            known.bytes = chunks * PLACE_BYTES;
        }
        let added = room(&vector);
        let Some(place) = known.places.get_mut(at).filter(|place| place.is_none()) else { return };
        *place = Some(vector);
        known.bytes += added;
    }

    fn forget(&self) -> Known {
        std::mem::take(&mut *self.write())
    }
}

fn room(vector: &Vector) -> usize {
    size_of::<f32>() * vector.len() + HEAD_BYTES
}

impl CorpusIndex {
    /// What `of` makes of the chunk's exact vector, where that is known.
    pub(crate) fn exact<T>(&self, position: Position, of: impl FnOnce(&[f32]) -> T) -> Option<T> {
        let known = self.slot(position).part.exact.read();
        known.places.get(position.row as usize)?.as_deref().map(of)
    }

    /// Room that known vectors take, in bytes.
    pub(super) fn exact_bytes(&self) -> usize {
        self.slots.iter().map(|slot| slot.part.exact.bytes()).sum()
    }

    /// Room that these would take beside, in bytes.
    pub(super) fn exact_bytes_of(&self, vectors: &[(Position, Vector)]) -> usize {
        let new = self.slots.iter().filter(|slot| slot.part.exact.read().places.is_empty());
        let places: usize = new.map(|slot| slot.part.rows.len() * PLACE_BYTES).sum();
        places + vectors.iter().map(|(_, vector)| room(vector)).sum::<usize>()
    }

    /// Keeps these.
    pub(super) fn put_exact(&self, vectors: Vec<(Position, Vector)>) {
        for (position, vector) in vectors {
            let part = &self.slot(position).part;
            part.exact.put(part.rows.len(), position.row as usize, vector);
        }
    }

    /// Forgets all of them and gives what is to be let go of. Whoever else holds the index reads them from the store again.
    pub(super) fn forget_exact(&self) -> Vec<Known> {
        self.slots.iter().map(|slot| slot.part.exact.forget()).collect()
    }
}
