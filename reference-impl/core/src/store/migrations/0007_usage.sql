CREATE TABLE model_usage (
    day INTEGER NOT NULL,         -- UTC day of the tenant's clock, counted from 1970-01-01
    model TEXT NOT NULL,
    requests INTEGER NOT NULL,    -- requests that called the model, however often each did
    tokens_in INTEGER NOT NULL,
    tokens_out INTEGER NOT NULL,
    PRIMARY KEY (day, model)
) WITHOUT ROWID;
CREATE TABLE token_holds (
    id TEXT NOT NULL PRIMARY KEY, -- of one request under way
    day INTEGER NOT NULL,
    tokens INTEGER NOT NULL,      -- what the request is expected to use
    expires_at INTEGER NOT NULL   -- a process that died leaves its holds behind; after this time they count no more
) WITHOUT ROWID;
