-- The lexical index anew, over the texts that are stored: a row is taken out of it word by word, so that every release of SQLite
-- counts what is there. Of a table with contentless_delete, releases before 3.54 go on counting what was deleted, and score by it.
ALTER TABLE chunks ADD COLUMN indexed_heading TEXT; -- what of the headings is indexed, where it is not they, joined by spaces
ALTER TABLE chunks ADD COLUMN indexed_text TEXT;    -- what of the text is indexed, where it is not the text
CREATE VIEW chunks_indexed (rowid, id, heading, body) AS
    SELECT rowid, id, coalesce(indexed_heading, (SELECT group_concat(value, ' ') FROM json_each(heading_path)), ''), coalesce(indexed_text, text)
    FROM chunks;
DROP TABLE chunks_fts;
CREATE VIRTUAL TABLE chunks_fts USING fts5 (heading, body, content = 'chunks_indexed', tokenize = 'porter unicode61');
INSERT INTO chunks_fts (rowid, heading, body) SELECT rowid, heading, body FROM chunks_indexed ORDER BY rowid;
