//! The schema of a tenant's database, as steps that are never edited once released.

/// One step of the schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Migration {
    /// Position, from 1; a host records the last one it ran.
    pub number: u32,
    /// Statements, to be run once, as one transaction.
    pub sql: &'static str,
}

/// Every step, in order. A host runs those after the last one that a database has.
pub const MIGRATIONS: &[Migration] = &[
    Migration { number: 1, sql: include_str!("migrations/0001_corpus.sql") },
    Migration { number: 2, sql: include_str!("migrations/0002_work.sql") },
    Migration { number: 3, sql: include_str!("migrations/0003_words.sql") },
    Migration { number: 4, sql: include_str!("migrations/0004_embedding_hash.sql") },
    Migration { number: 5, sql: include_str!("migrations/0005_segments.sql") },
    Migration { number: 6, sql: include_str!("migrations/0006_sessions.sql") },
    Migration { number: 7, sql: include_str!("migrations/0007_usage.sql") },
    Migration { number: 8, sql: include_str!("migrations/0008_audit.sql") },
    Migration { number: 9, sql: include_str!("migrations/0009_speech.sql") },
    Migration { number: 10, sql: include_str!("migrations/0010_spoken.sql") },
    Migration { number: 11, sql: include_str!("migrations/0011_mark.sql") },
    Migration { number: 12, sql: include_str!("migrations/0012_speech_holds.sql") },
    Migration { number: 13, sql: include_str!("migrations/0013_metrics.sql") },
    Migration { number: 14, sql: include_str!("migrations/0014_counted_words.sql") },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_its_steps_without_a_gap() {
        assert!(MIGRATIONS.iter().map(|step| step.number).eq(1..=u32::try_from(MIGRATIONS.len()).unwrap()));
    }
}
