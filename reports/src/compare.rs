//! What got worse and what got better since the run before of the same suite and target.

use std::collections::BTreeMap;

use contract_types::{CaseRecordLevel, CaseRecordOutcome};

use crate::{
    judged::{Judged, PROBE, judged, wrong},
    model::Run,
};

/// One thing that was judged differently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) id: String,
    pub(crate) level: CaseRecordLevel,
    /// Its outcome in the run before, where it was there.
    pub(crate) before: Option<CaseRecordOutcome>,
    /// Its outcome now, where it is there.
    pub(crate) now: Option<CaseRecordOutcome>,
}

impl Change {
    /// `MUST, passed before`, `SHOULD, not there before, fails`.
    pub(crate) fn words(&self) -> String {
        let before = self.before.map_or("not there before", |outcome| match outcome {
            CaseRecordOutcome::Pass => "passed before",
            CaseRecordOutcome::Fail => "failed before",
            CaseRecordOutcome::Error => "errored before",
            CaseRecordOutcome::NotApplicable => "did not apply before",
            CaseRecordOutcome::KnownFailure => "known to fail before",
        });
        let now = self.now.map_or("is gone", |outcome| match outcome {
            CaseRecordOutcome::Pass => "passes",
            CaseRecordOutcome::Fail => "fails",
            CaseRecordOutcome::Error => "could not be looked at",
            CaseRecordOutcome::NotApplicable => "does not apply",
            CaseRecordOutcome::KnownFailure => "is known to fail",
        });
        format!("{}, {before}, {now}", self.level)
    }
}

/// Two runs of one suite on one target, side by side. Probes are left out, because they never decide.
#[derive(Debug)]
pub(crate) struct Comparison<'a> {
    /// The run before.
    pub(crate) before: &'a Run,
    /// Wrong now and not wrong before, those that are new among them; MUST first.
    pub(crate) failing: Vec<Change>,
    /// Wrong or known to fail before, passed now.
    pub(crate) mended: Vec<Change>,
    /// Judged before, and now known to fail or not applicable: neither mended nor broken, but no longer looked at.
    pub(crate) set_aside: Vec<Change>,
    /// Not there before.
    pub(crate) appeared: Vec<Change>,
    /// There before and no longer.
    pub(crate) vanished: Vec<Change>,
}

impl<'a> Comparison<'a> {
    /// Nothing where one of the runs judged nothing: an unreachable target has neither mended nor broken anything.
    pub(crate) fn of(now: &Run, before: &'a Run) -> Option<Self> {
        let (new, old) = (by_id(now), by_id(before));
        if new.is_empty() || old.is_empty() {
            return None;
        }
        let mut found = Self {
            before,
            failing: Vec::new(),
            mended: Vec::new(),
            set_aside: Vec::new(),
            appeared: Vec::new(),
            vanished: Vec::new(),
        };
        for (id, item) in &new {
            let before = old.get(id).map(|item| item.outcome);
            found.place(&Change { id: id.clone(), level: item.level, before, now: Some(item.outcome) });
        }
        for (id, item) in old.iter().filter(|(id, _)| !new.contains_key(*id)) {
            let change = Change { id: id.clone(), level: item.level, before: Some(item.outcome), now: None };
            found.vanished.push(change);
        }
        found.failing.sort_by(|a, b| (a.level, &a.id).cmp(&(b.level, &b.id)));
        Some(found)
    }

    fn place(&mut self, change: &Change) {
        use CaseRecordOutcome::{Error, Fail, KnownFailure, NotApplicable, Pass};
        let was_wrong = change.before.is_some_and(wrong);
        if change.before.is_none() {
            self.appeared.push(change.clone());
        }
        match change.now {
            Some(Fail | Error) if !was_wrong => self.failing.push(change.clone()),
            Some(Pass) if was_wrong || change.before == Some(KnownFailure) => self.mended.push(change.clone()),
            Some(KnownFailure | NotApplicable) if was_wrong || change.before == Some(Pass) => {
                self.set_aside.push(change.clone());
            }
            Some(Pass | Fail | Error | KnownFailure | NotApplicable) | None => {}
        }
    }

    /// The lists that hold anything, the worst first, each with its name.
    pub(crate) fn lists(&self) -> Vec<(&'static str, &[Change])> {
        let lists: [(&str, &[Change]); 5] = [
            ("newly failing", &self.failing),
            ("mended", &self.mended),
            ("set aside", &self.set_aside),
            ("appeared", &self.appeared),
            ("vanished", &self.vanished),
        ];
        lists.into_iter().filter(|(_, changes)| !changes.is_empty()).collect()
    }
}

fn by_id(run: &Run) -> BTreeMap<String, Judged<'_>> {
    judged(run).into_iter().filter(|item| item.kind != PROBE).map(|item| (item.id.clone().into_owned(), item)).collect()
}
