-- Vectors as int8 segments beside the chunks, and rows of chunks that are never used again: a row number names one chunk
-- for ever, so that what is held in memory and what is stored cannot be mistaken for each other.
CREATE TABLE chunks_kept (
    rowid INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    document_id TEXT NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    ordinal INTEGER NOT NULL,
    span_start INTEGER NOT NULL,  -- UTF-8 bytes of the document's text
    span_end INTEGER NOT NULL,
    tokens INTEGER NOT NULL,
    text TEXT NOT NULL,
    heading_path TEXT NOT NULL,   -- JSON list of strings
    embedding_model TEXT NOT NULL,
    dimensions INTEGER NOT NULL,
    embedding BLOB NOT NULL,      -- little-endian f32
    embedded_hash BLOB,           -- SHA-256 of the text that the vector was made of
    UNIQUE (document_id, ordinal)
);
INSERT INTO chunks_kept (rowid, id, document_id, ordinal, span_start, span_end, tokens, text, heading_path, embedding_model, dimensions, embedding, embedded_hash)
    SELECT rowid, id, document_id, ordinal, span_start, span_end, tokens, text, heading_path, embedding_model, dimensions, embedding, embedded_hash FROM chunks ORDER BY rowid;
DROP TABLE chunks;
ALTER TABLE chunks_kept RENAME TO chunks;
CREATE INDEX chunks_by_embedded_hash ON chunks (embedded_hash) WHERE embedded_hash IS NOT NULL;
CREATE TABLE segments (
    last_row INTEGER PRIMARY KEY,  -- of the chunks that it holds; ranges of segments do not overlap
    first_row INTEGER NOT NULL,
    model TEXT NOT NULL,
    dimensions INTEGER NOT NULL,
    count INTEGER NOT NULL,
    checksum INTEGER NOT NULL,     -- CRC-32 over all other columns
    body BLOB NOT NULL             -- all row numbers (i64), all scales (f32), all rows (i8), little-endian
);
CREATE TABLE tombstones (
    rowid INTEGER PRIMARY KEY,     -- of a chunk that is gone; kept until no segment holds it
    version INTEGER NOT NULL       -- of the corpus without it
);
CREATE INDEX tombstones_by_version ON tombstones (version);
CREATE TABLE reindexed (
    rowid INTEGER PRIMARY KEY,     -- of a chunk
    embedding BLOB NOT NULL        -- by the model that `meta.reindex` names, little-endian f32
);
-- index_epoch changes whenever what is in memory must be read anew; every chunk up to sealed_row is in a segment; whoever saw
-- a version older than tombstones_from reads everything anew. Nothing stands behind the last statement: not every host takes it.
INSERT INTO meta VALUES ('index_epoch', '0');
INSERT INTO meta VALUES ('sealed_row', '0');
INSERT INTO meta VALUES ('tombstones_from', '0');
