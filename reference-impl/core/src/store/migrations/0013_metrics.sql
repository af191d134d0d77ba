-- What was counted of the tenant, on hosts where more than one process counts: each adds to it what it has counted since it last did.
CREATE TABLE metrics (
    metric TEXT NOT NULL,   -- its name by Prometheus's conventions
    labels TEXT NOT NULL,   -- values of its labels, as a JSON list
    part INTEGER NOT NULL,  -- 0: a number; from 1 on: buckets of a histogram; then its sum; -1: the day that a number is of
    value REAL NOT NULL,
    PRIMARY KEY (metric, labels, part)
) WITHOUT ROWID;
