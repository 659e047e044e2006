// SPDX-License-Identifier: GPL-3.0-or-later
use crate::{
    Bisect, Capabilities, Capability, ChangeCounts, Condition, Event, Job, JobId, JobState, Policy, Refusal,
    RefusalCode, Snapshot, SnapshotId, StartReceipt, Updates,
};
use serde::Serialize;
use std::collections::BTreeMap;

/// Everything Kedge knows about one system. Wanted and actual are two fields: `default` starts next, `booted` runs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct State {
    /// All snapshots by number.
    pub snapshots: BTreeMap<SnapshotId, Snapshot>,
    /// The running one; `None` when the running system is not a snapshot.
    pub booted: Option<SnapshotId>,
    /// The one that starts next; `None` when that is not a snapshot.
    pub default: Option<SnapshotId>,
    /// The one that starts once, before the default is started again; `None` for nothing.
    pub once: Option<SnapshotId>,
    /// What came of the last restart, where something was asked of it.
    pub receipt: Option<StartReceipt>,
    /// What is known about updates.
    pub updates: Updates,
    /// Running jobs, and ended ones that are still remembered.
    pub jobs: BTreeMap<JobId, Job>,
    /// What this system can do.
    pub capabilities: Capabilities,
    /// What is decided for it.
    pub policy: Policy,
    /// The search for the version in which something broke, while there is one.
    pub bisect: Option<Bisect>,
    /// How many packages of a snapshot differ from the version before it, as far as that was counted.
    pub counts: BTreeMap<SnapshotId, ChangeCounts>,
}

impl State {
    /// Folds one event in. Returns whether anything changed.
    pub fn apply(&mut self, event: Event) -> bool {
        match event {
            Event::Reset(state) => replace(self, *state),
            Event::Snapshots { present, gone } => {
                let mut changed = false;
                for id in gone {
                    self.counts.remove(&id);
                    changed |= self.snapshots.remove(&id).is_some();
                }
                for snapshot in present {
                    changed |= self.snapshots.get(&snapshot.id) != Some(&snapshot);
                    self.snapshots.insert(snapshot.id, snapshot);
                }
                changed
            }
            Event::Boot {
                booted,
                default,
                once,
            } => {
                let first = replace(&mut self.booted, booted);
                let second = replace(&mut self.once, once);
                replace(&mut self.default, default) || first || second
            }
            Event::Receipt(receipt) => replace(&mut self.receipt, receipt),
            Event::Updates(updates) => replace(&mut self.updates, *updates),
            Event::Capabilities(capabilities) => replace(&mut self.capabilities, capabilities),
            Event::Policy(policy) => replace(&mut self.policy, policy),
            Event::Bisect(bisect) => replace(&mut self.bisect, bisect),
            Event::Counts(counts) => {
                let mut changed = false;
                for (id, counts) in counts {
                    // A count of what is gone by now would stay for ever.
                    let known = self.snapshots.contains_key(&id);
                    changed |= known && self.counts.insert(id, counts) != Some(counts);
                }
                changed
            }
            Event::Job(job) => {
                let changed = self.jobs.get(&job.id) != Some(&*job);
                self.jobs.insert(job.id, *job);
                changed
            }
            Event::JobGone(id) => self.jobs.remove(&id).is_some(),
        }
    }

    /// The events that turn `self` into `next`: what a service emits after it re-read the disk.
    pub fn changes_to(&self, next: &Self) -> Vec<Event> {
        let mut events = Vec::new();
        let gone: Vec<_> = self
            .snapshots
            .keys()
            .filter(|id| !next.snapshots.contains_key(id))
            .copied()
            .collect();
        let present: Vec<_> = next
            .snapshots
            .values()
            .filter(|new| self.snapshots.get(&new.id) != Some(new))
            .cloned()
            .collect();
        if !gone.is_empty() || !present.is_empty() {
            events.push(Event::Snapshots { present, gone });
        }
        if (self.booted, self.default, self.once) != (next.booted, next.default, next.once) {
            events.push(Event::Boot {
                booted: next.booted,
                default: next.default,
                once: next.once,
            });
        }
        if self.receipt != next.receipt {
            events.push(Event::Receipt(next.receipt));
        }
        if self.updates != next.updates {
            events.push(Event::Updates(Box::new(next.updates.clone())));
        }
        if self.capabilities != next.capabilities {
            events.push(Event::Capabilities(next.capabilities.clone()));
        }
        if self.policy != next.policy {
            events.push(Event::Policy(next.policy));
        }
        if self.bisect != next.bisect {
            events.push(Event::Bisect(next.bisect.clone()));
        }
        let counted = next
            .counts
            .iter()
            .filter(|(id, counts)| self.counts.get(id) != Some(counts));
        let counted: Vec<_> = counted.map(|(id, counts)| (*id, *counts)).collect();
        if !counted.is_empty() {
            events.push(Event::Counts(counted));
        }
        events.extend(
            self.jobs
                .keys()
                .filter(|id| !next.jobs.contains_key(id))
                .map(|id| Event::JobGone(*id)),
        );
        events.extend(
            next.jobs
                .values()
                .filter(|new| self.jobs.get(&new.id) != Some(new))
                .map(|new| Event::Job(Box::new(new.clone()))),
        );
        events
    }

    /// The snapshot that waits for a restart: the default one, when something else runs.
    pub fn pending(&self) -> Option<SnapshotId> {
        self.default.filter(|_| self.default != self.booted)
    }

    /// The snapshots that were made by updates since the running system started and lead to the pending one: what
    /// discarding deletes. Newest first; empty when the pending one is a rollback target.
    pub fn pending_updates(&self) -> Vec<SnapshotId> {
        let mut chain = Vec::new();
        let mut next = self.pending().and_then(|id| self.snapshots.get(&id));
        while let Some(snapshot) =
            next.filter(|snapshot| snapshot.is_not_booted() && !chain.contains(&snapshot.id))
        {
            chain.push(snapshot.id);
            next = self
                .snapshots
                .values()
                .find(|origin| origin.uuid == snapshot.parent_uuid);
        }
        chain
    }

    /// The job that is changing the system, if any. There is at most one; a check changes nothing.
    pub fn working(&self) -> Option<&Job> {
        self.jobs
            .values()
            .find(|job| matches!(job.state, JobState::Running { .. }) && job.kind.changes_the_system())
    }

    fn existing(&self, id: SnapshotId) -> Result<&Snapshot, Refusal> {
        self.snapshots
            .get(&id)
            .ok_or(Refusal::of(RefusalCode::NoSuchSnapshot, id))
    }

    fn idle(&self) -> Result<(), Refusal> {
        match self.working() {
            Some(_) => Err(RefusalCode::Busy.into()),
            None => Ok(()),
        }
    }

    fn capable(&self, capability: Capability) -> Result<(), Refusal> {
        if self.capabilities.has(capability) {
            return Ok(());
        }
        Err(self
            .capabilities
            .absence(capability)
            .unwrap_or(RefusalCode::NoSnapshots)
            .into())
    }

    /// Whether a snapshot of the running system may be made.
    pub fn may_create(&self) -> Result<(), Refusal> {
        self.capable(Capability::Snapshots).and_then(|()| self.idle())
    }

    /// Whether this snapshot may be deleted, by the rules alone (not whether another job runs).
    pub fn is_deletable(&self, id: SnapshotId) -> Result<(), Refusal> {
        let snapshot = self.existing(id)?;
        let code = if self.booted == Some(id) {
            RefusalCode::Booted
        } else if self.default == Some(id) {
            RefusalCode::Default
        } else if self.once == Some(id) {
            RefusalCode::StartsOnce
        } else if snapshot.is_pinned() {
            RefusalCode::Pinned
        } else {
            return Ok(());
        };
        Err(Refusal::of(code, id))
    }

    /// Whether this snapshot may be deleted now.
    pub fn may_delete(&self, id: SnapshotId) -> Result<(), Refusal> {
        self.capable(Capability::Snapshots)?;
        self.is_deletable(id)?;
        self.idle()
    }

    /// Whether a file may be fetched back out of this snapshot now.
    pub fn may_restore_from(&self, id: SnapshotId) -> Result<(), Refusal> {
        self.capable(Capability::Snapshots)?;
        self.existing(id)?;
        self.idle()
    }

    /// Whether the rules of keeping snapshots may be followed now.
    pub fn may_clean_up(&self) -> Result<(), Refusal> {
        self.capable(Capability::Snapshots).and_then(|()| self.idle())
    }

    /// Whether this snapshot's books may be changed now.
    pub fn may_edit(&self, id: SnapshotId) -> Result<(), Refusal> {
        self.capable(Capability::Snapshots)?;
        match self.existing(id)?.condition {
            Condition::Complete => self.idle(),
            _ => Err(Refusal::of(RefusalCode::Damaged, id)),
        }
    }

    /// Whether updates may be looked for now.
    pub fn may_check(&self) -> Result<(), Refusal> {
        self.capable(Capability::Updates).and_then(|()| self.idle())
    }

    /// Whether an update may be installed now.
    pub fn may_update(&self) -> Result<(), Refusal> {
        self.may_check()
    }

    /// Whether packages may be installed or removed now.
    pub fn may_change_packages(&self) -> Result<(), Refusal> {
        self.may_check()
    }

    /// Whether this snapshot may become the default, by the rules alone.
    pub fn is_rollback_target(&self, id: SnapshotId) -> Result<(), Refusal> {
        let snapshot = self.existing(id)?;
        let code = if self.default == Some(id) {
            RefusalCode::AlreadyDefault
        } else if snapshot.is_in_progress() {
            RefusalCode::InProgress
        } else if snapshot.condition != Condition::Complete {
            RefusalCode::Damaged
        } else {
            return Ok(());
        };
        Err(Refusal::of(code, id))
    }

    /// Whether this snapshot may become the default now.
    pub fn may_roll_back(&self, id: SnapshotId) -> Result<(), Refusal> {
        self.capable(Capability::BootDefault)?;
        self.is_rollback_target(id)?;
        self.idle()
    }

    /// Whether this snapshot may be started once now.
    pub fn may_try_once(&self, id: SnapshotId) -> Result<(), Refusal> {
        self.capable(Capability::BootOnce)?;
        let snapshot = self.existing(id)?;
        let code = if self.booted == Some(id) {
            RefusalCode::Booted
        } else if snapshot.is_in_progress() {
            RefusalCode::InProgress
        } else if snapshot.condition != Condition::Complete {
            RefusalCode::Damaged
        } else if !self.pending_updates().is_empty() {
            RefusalCode::PendingFirst
        } else {
            return self.idle();
        };
        Err(Refusal::of(code, id))
    }

    /// Whether what was to start once may be forgotten now.
    pub fn may_forget_once(&self) -> Result<(), Refusal> {
        self.capable(Capability::BootOnce)?;
        match self.once {
            Some(_) => self.idle(),
            None => Err(RefusalCode::NothingPending.into()),
        }
    }

    /// Whether what waits for the restart may be discarded now.
    pub fn may_discard(&self) -> Result<(), Refusal> {
        self.capable(Capability::BootDefault)?;
        match (self.pending(), self.booted) {
            (Some(_), Some(_)) => self.idle(),
            _ => Err(RefusalCode::NothingPending.into()),
        }
    }
}

fn replace<T: PartialEq>(place: &mut T, value: T) -> bool {
    let changed = *place != value;
    *place = value;
    changed
}

#[cfg(test)]
pub(crate) mod tests;
