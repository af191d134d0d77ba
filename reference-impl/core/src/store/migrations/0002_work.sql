-- Jobs, replayed answers, request counts and logical time.
CREATE TABLE jobs (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    status TEXT NOT NULL,
    scope TEXT NOT NULL,
    request TEXT NOT NULL,        -- JSON of the work, kept until it ends
    items TEXT NOT NULL,          -- JSON list of per-item outcomes
    done INTEGER NOT NULL,
    total INTEGER NOT NULL,
    result TEXT,                  -- JSON
    error TEXT,                   -- JSON {code, message}
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    expires_at INTEGER
) WITHOUT ROWID;
CREATE INDEX jobs_by_time ON jobs (created_at, id);
CREATE INDEX jobs_queued ON jobs (created_at, id) WHERE status = 'queued';
CREATE INDEX jobs_by_expiry ON jobs (expires_at) WHERE expires_at IS NOT NULL;
CREATE TABLE idempotency (
    operation TEXT NOT NULL,
    key TEXT NOT NULL,
    request_hash TEXT NOT NULL,
    state TEXT NOT NULL,          -- 'running' or 'done'
    lease_until INTEGER NOT NULL, -- a runner that died leaves its lease behind; after this time another may take over
    status INTEGER,
    headers TEXT,
    body TEXT,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (operation, key)
) WITHOUT ROWID;
CREATE INDEX idempotency_by_expiry ON idempotency (expires_at);
CREATE TABLE request_counts (
    bucket TEXT NOT NULL,         -- 'tenant', 'credential:<principal>' or 'class:<class>:<principal>'
    slot INTEGER NOT NULL,        -- thirtieth of a window, counted from 1970
    count INTEGER NOT NULL,
    PRIMARY KEY (bucket, slot)
) WITHOUT ROWID;
CREATE INDEX request_counts_by_slot ON request_counts (slot);
