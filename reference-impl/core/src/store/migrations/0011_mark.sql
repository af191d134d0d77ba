-- What tells this store from one that had its place before: numbers such as corpus_version begin anew in each, so that whatever
-- outlives a store (a cache elsewhere, vectors in an index elsewhere) is told apart by this.
INSERT INTO meta VALUES ('mark', lower(hex(randomblob(8))));
