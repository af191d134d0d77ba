-- SHA-256 of the text that a chunk's vector was made of, so that the same text need not be embedded again.
ALTER TABLE chunks ADD COLUMN embedded_hash BLOB;
CREATE INDEX chunks_by_embedded_hash ON chunks (embedded_hash) WHERE embedded_hash IS NOT NULL;
