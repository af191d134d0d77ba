-- Documents, their chunks, the lexical index and the vectors.
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
INSERT INTO meta VALUES ('corpus_version', '0');
CREATE TABLE documents (
    id TEXT PRIMARY KEY,
    content_type TEXT NOT NULL,
    content_hash TEXT NOT NULL,   -- of the content as it was sent
    fingerprint TEXT NOT NULL,    -- of everything that the stored chunks depend on: equal means unchanged
    text TEXT NOT NULL,           -- extracted text, the one that spans point into
    size_bytes INTEGER NOT NULL,
    metadata TEXT NOT NULL,       -- JSON, as the caller sent it
    chunks INTEGER NOT NULL,
    created_at INTEGER NOT NULL,  -- unix milliseconds
    updated_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE chunks (
    rowid INTEGER PRIMARY KEY,
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
    UNIQUE (document_id, ordinal)
);
CREATE VIRTUAL TABLE chunks_fts USING fts5 (heading, body, content = '', contentless_delete = 1, tokenize = 'porter unicode61');
