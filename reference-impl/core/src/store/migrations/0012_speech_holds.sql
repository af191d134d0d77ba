-- Characters that a request under way is to have spoken.
ALTER TABLE token_holds ADD COLUMN characters INTEGER NOT NULL DEFAULT 0;
