-- Tool calls on record. A row of `audit` is one record without its hash, as canonical JSON, and that hash; rows are never
-- changed and never taken away. A row of `audit_open` is a call with a side effect that has begun and is not on record yet.
CREATE TABLE audit (
    sequence INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    record TEXT NOT NULL,
    hash TEXT NOT NULL
) STRICT;
CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit BEGIN SELECT raise(ABORT, 'audit records are not changed'); END;
CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit BEGIN SELECT raise(ABORT, 'audit records are not deleted'); END;
CREATE TABLE audit_open (
    id TEXT PRIMARY KEY,
    call TEXT NOT NULL
) STRICT;
