// SPDX-License-Identifier: GPL-3.0-or-later
use crate::bench::{Bench, INSTALLED, Layout, Maker, Need};
use engine::sim::{Offer, Stock};
use engine::{Engine, Fault, Scenario, SimEngine};
use model::{Capability, Condition, Edit, Failure, FailureCode, Phase, RefusalCode, SnapshotId, Timestamp};

/// Makes simulated machines.
#[derive(Debug)]
pub(crate) struct Sim;

impl Maker for Sim {
    fn name(&self) -> &'static str {
        "sim"
    }

    fn lacks(&self, _: Need) -> Option<String> {
        None
    }

    fn make(&self, layout: Layout, need: Need) -> Box<dyn Bench> {
        let scenario = match layout {
            Layout::Transactional | Layout::Classic => Scenario::Fresh,
            Layout::Beside => Scenario::Empty,
        };
        let engine = SimEngine::new(scenario);
        let outside = engine.outside();
        outside.withdraw_offers();
        outside.install(&Offer::new(INSTALLED, "1"));
        if layout == Layout::Classic {
            let writable = Edit {
                read_only: Some(false),
                ..Edit::default()
            };
            outside.edit(SnapshotId(1), &writable);
        }
        if need == Need::Snapshots {
            for capability in [Capability::Updates, Capability::PackageChanges] {
                outside.set_capability(capability, Some(RefusalCode::NoPackageManager));
            }
        }
        Box::new(SimBench(engine))
    }
}

#[derive(Debug)]
struct SimBench(SimEngine);

impl Bench for SimBench {
    fn engine(&self) -> &dyn Engine {
        &self.0
    }

    fn set_clock(&self, now: Timestamp) {
        self.0.clock().set(now);
    }

    fn reboot(&mut self) {
        self.0.restart();
    }

    fn outside_create(&self, description: &str) -> SnapshotId {
        self.0.outside().create(description)
    }

    fn outside_delete(&self, id: SnapshotId) -> bool {
        self.0.outside().delete(id)
    }

    fn outside_set_default(&self, id: SnapshotId) {
        assert!(self.0.outside().set_default(id));
    }

    fn damage(&self, id: SnapshotId, condition: Condition) {
        self.0.outside().damage(id, condition);
    }

    fn leave_unfinished(&self) -> SnapshotId {
        self.0.outside().leave_unfinished()
    }

    fn offer(&self, packages: &[(&str, &str)]) {
        let offers = packages.iter().map(|(name, version)| Offer::new(name, version));
        self.0.outside().offer(offers);
    }

    fn stock(&self, packages: &[(&str, &str, &str)]) {
        let outside = self.0.outside();
        outside.withdraw_offers();
        outside.stock(packages.iter().map(|(name, version, needs)| {
            let stock = Stock::new(name, version, "");
            match *needs {
                "" => stock,
                needs => stock.needing(needs),
            }
        }));
    }

    fn offer_failing(&self, package: &str, version: &str) {
        self.offer(&[(package, version)]);
        let failure = Failure::new(FailureCode::PackageScript, "the script failed").with("package", package);
        self.0.inject(Phase::Install, Fault::Fail(failure));
    }

    fn set_reachable(&self, reachable: bool) {
        let failure = Failure::new(FailureCode::RepositoryUnavailable, "the repository is gone");
        self.0
            .outside()
            .fail_always(Phase::Refresh, (!reachable).then_some(failure));
    }
}
