// SPDX-License-Identifier: GPL-3.0-or-later
use super::machine::Base;
use super::wish::Stock;
use super::work::Fault;
use super::{Offer, SimEngine};
use model::{
    Capability, Cleanup, Condition, Edit, Failure, Phase, RefusalCode, SnapshotId, StartFailure, userdata_key,
};

/// What other programs and the world do to a simulated machine: snapper, the platform's tools, repositories. Whoever
/// watches the engine is told as by a real one.
#[derive(Debug)]
pub struct Outside<'a>(&'a SimEngine);

impl<'a> Outside<'a> {
    pub(super) fn new(engine: &'a SimEngine) -> Self {
        Self(engine)
    }

    /// Another program takes a snapshot of the running system.
    pub fn create(&self, description: &str) -> SnapshotId {
        let mut machine = self.0.machine();
        let made = machine.create(Base::Running, self.0.clock.now(), |snapshot| {
            description.clone_into(&mut snapshot.description);
            snapshot.cleanup = Cleanup("timeline".into());
        });
        made.expect("the running system is always there to be copied")
    }

    /// Another program deletes a snapshot. Returns whether it did: nobody can delete what runs or starts next.
    pub fn delete(&self, id: SnapshotId) -> bool {
        let mut machine = self.0.machine();
        let state = machine.state();
        state.booted != Some(id) && state.default != Some(id) && machine.remove(id)
    }

    /// Another program changes a snapshot's books. Returns whether that made a difference.
    pub fn edit(&self, id: SnapshotId, edit: &Edit) -> bool {
        self.0.machine().adjust(id, |snapshot| edit.apply(snapshot))
    }

    /// Another program makes an existing snapshot the default. Returns whether it exists.
    pub fn set_default(&self, id: SnapshotId) -> bool {
        let mut machine = self.0.machine();
        let exists = machine.state().snapshots.contains_key(&id);
        if exists {
            machine.change(|state| state.default = Some(id));
        }
        exists
    }

    /// A snapshot's books are lost or damaged.
    pub fn damage(&self, id: SnapshotId, condition: Condition) {
        self.0.machine().adjust(id, |snapshot| {
            snapshot.condition = condition;
            snapshot.description = String::new();
            snapshot.cleanup = Cleanup::default();
            snapshot.userdata.clear();
        });
    }

    /// The next start falls back, and the journals tell this.
    pub fn fail_starts(&self, failures: Vec<StartFailure>) {
        let mut machine = self.0.machine();
        machine.start_failures = failures;
        let booted = machine.state().booted;
        machine.change(|state| {
            state.default = booted;
            state.once = None;
        });
    }

    /// A transaction of some program was cut short: its snapshot is left, in progress.
    pub fn leave_unfinished(&self) -> SnapshotId {
        let id = self.create("Snapshot Update");
        self.0.machine().adjust(id, |snapshot| {
            let key = userdata_key::IN_PROGRESS.to_owned();
            snapshot.userdata.insert(key, "yes".into());
            snapshot.cleanup = Cleanup("number".into());
            snapshot.read_only = false;
        });
        id
    }

    /// Somebody had the package installed in every version of the system that there is.
    pub fn install(&self, offer: &Offer) {
        self.0
            .machine()
            .every_packages_mut(|packages| offer.apply(packages));
    }

    /// The repositories offer something more, or something newer.
    pub fn offer(&self, offers: impl IntoIterator<Item = Offer>) {
        let mut machine = self.0.machine();
        for offer in offers {
            machine.offers.retain(|it| it.name != offer.name);
            machine.offers.push(offer);
        }
    }

    /// The repositories have something more for those who want it, or another version.
    pub fn stock(&self, stock: impl IntoIterator<Item = Stock>) {
        let mut machine = self.0.machine();
        for one in stock {
            machine.stock.retain(|it| it.offer.name != one.offer.name);
            machine.stock.push(one);
        }
    }

    /// The repositories have and offer nothing any more.
    pub fn withdraw_offers(&self) {
        let mut machine = self.0.machine();
        machine.offers.clear();
        machine.stock.clear();
    }

    /// From now on every job fails in this phase (with `None`: does not any more).
    pub fn fail_always(&self, phase: Phase, failure: Option<Failure>) {
        let broken = &mut self.0.machine().broken;
        match failure {
            Some(failure) => broken.insert(phase, Fault::Fail(failure)),
            None => broken.remove(&phase),
        };
    }

    /// The machine loses a capability for this reason, or gains it.
    pub fn set_capability(&self, capability: Capability, absence: Option<RefusalCode>) {
        let mut machine = self.0.machine();
        machine.change(|state| state.capabilities.0.insert(capability, absence));
    }
}
