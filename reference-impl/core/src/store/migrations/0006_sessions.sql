-- Chat sessions and their turns.
CREATE TABLE sessions (
    id TEXT PRIMARY KEY,
    title TEXT,                    -- beginning of the first message of the user
    created_at INTEGER NOT NULL,   -- unix milliseconds
    updated_at INTEGER NOT NULL,   -- when the last turn was added
    turns INTEGER NOT NULL,        -- how many are kept
    next INTEGER NOT NULL,         -- position of the next turn
    holder TEXT,                   -- names the request whose turn is under way
    held_until INTEGER NOT NULL    -- a request that died leaves its hold behind; after this time another may take over
) WITHOUT ROWID;
CREATE INDEX sessions_by_time ON sessions (updated_at, id);
CREATE TABLE session_turns (
    session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    role TEXT NOT NULL,            -- 'user' or 'assistant'
    content TEXT NOT NULL,
    citations TEXT,                -- JSON list, for an answer
    tokens INTEGER NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (session_id, position)
) WITHOUT ROWID;
