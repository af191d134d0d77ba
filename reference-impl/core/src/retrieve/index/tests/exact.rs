//! Exact vectors in memory: asked for once, true through every change, and never in the way of an index.

use super::*;

/// The tenant's index, after it was asked the question.
async fn ask(cache: &IndexCache, world: &World, question: usize) -> Arc<CorpusIndex> {
    let index = cache.current(world.owner.id(), &*world.database).await.unwrap();
    let found = found(&index, world, question).await;
    cache.keep_exact(world.owner.id(), &index, found.read);
    index
}

async fn found(index: &CorpusIndex, world: &World, question: usize) -> Nearest {
    let (mask, query) = (index.mask(&Filter::default()), vector(&format!("question {question}")));
    nearest(index, &mask, &*world.database, &PortableScan, &query, 10).await.unwrap()
}

fn bits(found: &Nearest, index: &CorpusIndex) -> Vec<(String, u64)> {
    found.ranked.iter().map(|(it, score)| (index.chunk_id(*it).to_owned(), score.to_bits())).collect()
}

fn cache(bytes: usize) -> IndexCache {
    IndexCache::new(bytes, Arc::new(PortableScan))
}

fn known(index: &CorpusIndex) -> usize {
    index.positions().filter(|it| index.exact(*it, |_| ()).is_some()).count()
}

#[tokio::test]
async fn asks_the_store_once_and_finds_the_same() {
    let owner = TestTenants::new().owner();
    let databases = MemoryDatabases::new();
    let world = World { database: databases.open(&owner).await.unwrap(), owner };
    world.put(1, 400, 0).await;
    let cache = cache(1 << 20);
    let index = cache.current(world.owner.id(), &*world.database).await.unwrap();
    for question in 0..10 {
        let first = found(&index, &world, question).await;
        let ranked = bits(&first, &index);
        assert!(first.unchanged && ranked.len() == 10);
        cache.keep_exact(world.owner.id(), &index, first.read);
        let batches = databases.batches();
        let second = found(&index, &world, question).await;
        assert_eq!((databases.batches(), bits(&second, &index)), (batches, ranked), "question {question}");
        assert!(second.unchanged && second.read.is_empty());
    }
    assert!((50..index.len()).contains(&known(&index)), "{} are known", known(&index));
}

#[tokio::test]
async fn knows_the_vectors_of_the_store_through_every_change() {
    let world = World::new().await;
    let cache = cache(1 << 20);
    let mut carried = 0;
    for step in 0..60 {
        if step % 7 == 6 {
            world.delete(step % 5).await;
        } else {
            world.put(step % 5, 10 + step * 13 % 100, step).await;
        }
        let index = cache.current(world.owner.id(), &*world.database).await.unwrap();
        carried += known(&index);
        ask(&cache, &world, step).await;
        let index = ask(&cache, &world, step + 1).await;
        for row in world.read("SELECT rowid, embedding FROM chunks").await {
            let mut columns = Columns::of(&row);
            let (row, stored) = (columns.integer().unwrap(), columns.blob().unwrap());
            let same = index.exact(index.position(row).unwrap(), |vector| vector.iter().copied().eq(floats(stored)));
            assert_ne!(same, Some(false), "row {row} in step {step}");
        }
        let real: usize = index.slots.iter().map(|slot| slot.part.exact.room_by_places()).sum();
        assert_eq!(index.exact_bytes(), real, "step {step}");
    }
    assert!(carried > 500, "an index that is refreshed knows what the one before it knew: {carried}");
}

#[tokio::test]
async fn keeps_nothing_of_another_version_or_of_an_index_that_is_not_kept() {
    let world = World::new().await;
    world.put(1, 100, 0).await;
    let cache = cache(1 << 20);
    let index = cache.current(world.owner.id(), &*world.database).await.unwrap();
    let early = found(&index, &world, 1).await;
    world.put(2, 100, 0).await;
    let late = found(&index, &world, 1).await;
    assert!(!late.unchanged && late.read.is_empty() && !early.read.is_empty());
    let refreshed = cache.current(world.owner.id(), &*world.database).await.unwrap();
    cache.keep_exact(world.owner.id(), &index, early.read);
    assert_eq!((known(&index), known(&refreshed)), (0, 0));
    cache.forget(world.owner.id());
    let read = found(&refreshed, &world, 1).await.read;
    assert!(!read.is_empty());
    cache.keep_exact(world.owner.id(), &refreshed, read);
    assert_eq!(known(&refreshed), 0);
}

#[tokio::test]
async fn takes_the_room_that_indexes_leave_and_no_more() {
    let (world, mut other) = (World::new().await, World::new().await);
    other.owner = TestTenants::new().stranger();
    world.put(1, 400, 0).await;
    other.put(1, 400, 0).await;
    let bytes = world.load(None).await.bytes();
    let within = |cache: &IndexCache, most: usize| {
        let held = [cache.held(world.owner.id()), cache.held(other.owner.id())];
        let indexes = held.iter().flat_map(|held| &held.index);
        let (count, taken) = indexes.fold((0, 0), |(count, sum), it| (count + 1, sum + it.bytes() + it.exact_bytes()));
        assert!(taken <= most, "{taken} of {most}");
        count
    };
    // Room for both indexes, and for few vectors beside.
    let most = 2 * bytes + bytes / 4;
    let small = cache(most);
    for question in 0..40 {
        ask(&small, &world, question).await;
        within(&small, most);
    }
    assert!(known(&*ask(&small, &world, 0).await) > 0);
    for question in 0..40 {
        ask(&small, &other, question).await;
        assert_eq!(within(&small, most), 2, "vectors of one tenant never cost another its index");
    }
    assert!(known(&*ask(&small, &other, 0).await) > 0, "who asks now takes the room of who asked before");
    // Room for plenty: a tenant has its share, and begins anew when that is full.
    let share = bytes;
    let wide = cache(4 * share);
    let mut least = usize::MAX;
    for question in 0..40 {
        let index = ask(&wide, &world, question).await;
        assert!(index.exact_bytes() <= share, "{} of {share}", index.exact_bytes());
        least = if question > 20 { least.min(known(&index)) } else { least };
    }
    assert!(least > 0);
    // Room for one index alone, which never gives way to vectors.
    let tight = cache(bytes + 600);
    let index = ask(&tight, &world, 0).await;
    assert_eq!((known(&index), within(&tight, bytes + 600)), (0, 1));
}
