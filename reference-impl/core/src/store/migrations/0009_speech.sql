-- The audio that jobs have made, in parts, for as long as their jobs are kept.
CREATE TABLE speech_audio (
    job_id TEXT NOT NULL,
    part INTEGER NOT NULL,        -- from 0
    bytes BLOB NOT NULL,
    PRIMARY KEY (job_id, part)
) WITHOUT ROWID;
CREATE TRIGGER speech_audio_of_gone_jobs AFTER DELETE ON jobs BEGIN
    DELETE FROM speech_audio WHERE job_id = OLD.id;
END;
