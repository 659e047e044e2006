// SPDX-License-Identifier: GPL-3.0-or-later
//! "When did it break?": halving the versions between one that works and one that does not, by trying them.

use crate::code::coded;
use crate::{Capability, Condition, Refusal, RefusalCode, Snapshot, SnapshotId, State, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

coded! {
    /// What a person found about a version.
    Verdict {
        /// It works.
        Good = "good",
        /// It does not.
        Bad = "bad",
        /// It cannot be told.
        Skip = "skip",
    }
}

/// A search that is under way. It survives restarts: each step is one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bisect {
    /// The newest version that is known to work.
    pub good: SnapshotId,
    /// The oldest that is known not to.
    pub bad: SnapshotId,
    /// Those in between of which it cannot be told.
    pub skipped: BTreeSet<SnapshotId>,
    /// When the search began.
    pub began: Timestamp,
}

/// What is to be done next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum BisectStep {
    /// Start this version and see.
    Try(SnapshotId),
    /// Nothing is left between the two that could be tried.
    Found,
    /// One of the two is gone, so that nothing can be told any more.
    Lost,
}

impl Bisect {
    /// A new search between two versions.
    pub fn new(good: SnapshotId, bad: SnapshotId, began: Timestamp) -> Self {
        Self {
            good,
            bad,
            skipped: BTreeSet::new(),
            began,
        }
    }

    /// The versions in between that can be tried, oldest first.
    pub fn left(&self, snapshots: &BTreeMap<SnapshotId, Snapshot>) -> Vec<SnapshotId> {
        let between = |id: &SnapshotId| *id > self.good && *id < self.bad && !self.skipped.contains(id);
        let starts = |it: &Snapshot| it.condition == Condition::Complete && !it.is_in_progress();
        snapshots
            .iter()
            .filter(|(id, it)| between(id) && starts(it))
            .map(|(id, _)| *id)
            .collect()
    }

    /// What is to be done next.
    pub fn step(&self, snapshots: &BTreeMap<SnapshotId, Snapshot>) -> BisectStep {
        if ![self.good, self.bad].iter().all(|id| snapshots.contains_key(id)) {
            return BisectStep::Lost;
        }
        let left = self.left(snapshots);
        match left.get(left.len() / 2) {
            Some(id) => BisectStep::Try(*id),
            None => BisectStep::Found,
        }
    }

    /// How many versions have to be tried at most, as long as none is skipped.
    pub fn tries(&self, snapshots: &BTreeMap<SnapshotId, Snapshot>) -> u32 {
        let left = self.left(snapshots).len();
        usize::BITS - left.leading_zeros()
    }

    /// Whether a verdict on this version says anything.
    pub fn is_between(&self, id: SnapshotId) -> bool {
        id > self.good && id < self.bad
    }

    /// Takes a verdict in. One on a version that is not in between changes nothing.
    pub fn judge(&mut self, id: SnapshotId, verdict: Verdict) {
        if !self.is_between(id) {
            return;
        }
        match verdict {
            Verdict::Good => self.good = id,
            Verdict::Bad => self.bad = id,
            Verdict::Skip => drop(self.skipped.insert(id)),
        }
        let (good, bad) = (self.good, self.bad);
        self.skipped.retain(|id| *id > good && *id < bad);
    }
}

impl State {
    /// Whether a search between these two may begin.
    pub fn may_bisect(&self, good: SnapshotId, bad: SnapshotId) -> Result<(), Refusal> {
        if let Some(absence) = self.capabilities.absence(Capability::Snapshots) {
            return Err(absence.into());
        }
        if self.bisect.is_some() {
            return Err(RefusalCode::BisectRuns.into());
        }
        for id in [good, bad] {
            if !self.snapshots.contains_key(&id) {
                return Err(Refusal::of(RefusalCode::NoSuchSnapshot, id));
            }
        }
        match good < bad {
            true => Ok(()),
            false => Err(Refusal::of(RefusalCode::BisectOrder, good)),
        }
    }

    /// Whether a verdict on this version may be given now.
    pub fn may_judge(&self, id: SnapshotId) -> Result<(), Refusal> {
        let bisect = self.bisect.as_ref().ok_or(Refusal::from(RefusalCode::NoBisect))?;
        match bisect.is_between(id) {
            true => Ok(()),
            false => Err(Refusal::of(RefusalCode::NotInBisect, id)),
        }
    }

    /// Whether there is a search to end.
    pub fn may_stop_bisect(&self) -> Result<(), Refusal> {
        match self.bisect {
            Some(_) => Ok(()),
            None => Err(RefusalCode::NoBisect.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::tests::snapshot;
    use proptest::prelude::*;

    fn snapshots(numbers: impl IntoIterator<Item = u32>) -> BTreeMap<SnapshotId, Snapshot> {
        let made = numbers.into_iter().map(snapshot);
        made.map(|it| (it.id, it)).collect()
    }

    fn between(good: u32, bad: u32) -> Bisect {
        Bisect::new(SnapshotId(good), SnapshotId(bad), Timestamp(1))
    }

    #[test]
    fn the_middle_is_tried_and_what_is_damaged_is_not() {
        let mut all = snapshots(1..=9);
        let bisect = between(1, 9);
        assert_eq!(bisect.step(&all), BisectStep::Try(SnapshotId(5)));
        assert_eq!(bisect.tries(&all), 3);
        all.get_mut(&SnapshotId(5)).unwrap().condition = Condition::BadMetadata;
        assert_eq!(bisect.left(&all).len(), 6);
        assert_ne!(bisect.step(&all), BisectStep::Try(SnapshotId(5)));
        assert_eq!(between(1, 2).step(&all), BisectStep::Found);
        assert_eq!(between(1, 77).step(&all), BisectStep::Lost);
    }

    #[test]
    fn a_verdict_on_another_version_says_nothing() {
        let mut bisect = between(3, 9);
        for id in [1, 3, 9, 10] {
            bisect.judge(SnapshotId(id), Verdict::Bad);
        }
        assert_eq!(bisect, between(3, 9));
        bisect.judge(SnapshotId(5), Verdict::Skip);
        bisect.judge(SnapshotId(7), Verdict::Skip);
        bisect.judge(SnapshotId(6), Verdict::Good);
        assert_eq!(bisect.skipped, BTreeSet::from([SnapshotId(7)]));
    }

    proptest! {
        /// Whatever broke where, and whatever is skipped or deleted on the way: it ends, and names the step.
        #[test]
        fn it_finds_what_broke(
            numbers in prop::collection::btree_set(1_u32..200, 2..60),
            broken in 0_usize..1000,
            unknown in prop::collection::btree_set(1_u32..200, 0..20),
        ) {
            let numbers: Vec<u32> = numbers.into_iter().collect();
            let first_bad = numbers[1 + broken % (numbers.len() - 1)];
            let all = snapshots(numbers.iter().copied());
            let mut bisect = between(numbers[0], *numbers.last().unwrap());
            let mut tried = 0;
            let most = bisect.tries(&all) as usize;
            while let BisectStep::Try(id) = bisect.step(&all) {
                let verdict = match (unknown.contains(&id.0), id.0 >= first_bad) {
                    (true, _) => Verdict::Skip,
                    (false, true) => Verdict::Bad,
                    (false, false) => Verdict::Good,
                };
                bisect.judge(id, verdict);
                tried += 1;
                prop_assert!(tried <= numbers.len());
            }
            prop_assert_eq!(bisect.step(&all), BisectStep::Found);
            prop_assert!(bisect.good.0 < first_bad && bisect.bad.0 >= first_bad);
            if unknown.is_empty() {
                prop_assert_eq!(bisect.bad.0, first_bad);
                prop_assert!(tried <= most, "{} of {}", tried, most);
            }
            // What is left in between was skipped.
            let inside = numbers.iter().filter(|it| **it > bisect.good.0 && **it < bisect.bad.0);
            prop_assert!(inside.copied().all(|it| bisect.skipped.contains(&SnapshotId(it))));
        }
    }
}
