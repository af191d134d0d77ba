-- Characters of texts that a speech provider spoke; its name stands in the place of a model's.
ALTER TABLE model_usage ADD COLUMN characters INTEGER NOT NULL DEFAULT 0;
