-- The tenant's vocabulary: words as they are written, for corrections and expansions of queries.
CREATE VIRTUAL TABLE words_fts USING fts5 (body, content = '', contentless_delete = 1, detail = 'none', tokenize = 'unicode61 remove_diacritics 0');
CREATE VIRTUAL TABLE words USING fts5vocab ('words_fts', 'row');
