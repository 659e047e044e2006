// SPDX-License-Identifier: GPL-3.0-or-later
use super::*;
use crate::cadence::tests::{found, pending};
use crate::{Cadence, Check, Failure, FailureCode, Policy, RefusalCode};

/// A moment an hour after the check of [`found`].
const NOW: Timestamp = Timestamp(crate::cadence::tests::T + 60 * 60 * 1_000_000);
const DAY: u64 = 24 * 60 * 60 * 1_000_000;

fn with(mut state: State, automation: Automation) -> State {
    state.policy.automation = automation;
    state
}

#[test]
fn the_policy_decides_how_far_it_goes() {
    let calm = Surroundings::default();
    let never = |mut state: State| {
        state.policy.cadence = Cadence::Never;
        state
    };
    let old = |mut state: State| {
        let long_ago = Some(Timestamp(NOW.0 - 2 * DAY));
        (state.updates.attempted, state.updates.succeeded) = (long_ago, long_ago);
        state
    };
    let failed = |mut state: State| {
        state.updates.check = Check::Failed {
            failure: Failure::new(FailureCode::Network, "no route"),
        };
        state
    };
    let to_fetch = |bytes| {
        let mut state = with(found(&[false]), Automation::Download);
        state.updates.set.download_size = bytes;
        state
    };
    let install = Automation::Install;
    let next = Timestamp(NOW.0 + 23 * 60 * 60 * 1_000_000);
    for (name, state, step) in [
        (
            "nobody asked",
            with(found(&[true]), Automation::Notify),
            AutomaticStep::Off,
        ),
        (
            "never look",
            never(with(found(&[true]), install)),
            AutomaticStep::Off,
        ),
        ("found", with(found(&[false]), install), AutomaticStep::Install),
        ("found, only to be fetched", to_fetch(7), AutomaticStep::Download),
        ("fetched", to_fetch(0), AutomaticStep::NotBefore(next)),
        (
            "nothing found",
            with(found(&[]), install),
            AutomaticStep::NotBefore(next),
        ),
        (
            "found long ago",
            old(with(found(&[true]), install)),
            AutomaticStep::Check,
        ),
        (
            "nothing found long ago",
            old(with(found(&[]), install)),
            AutomaticStep::Check,
        ),
        (
            "failed just now",
            failed(with(found(&[]), install)),
            AutomaticStep::Check,
        ),
        (
            "one update waits already",
            {
                let mut state = with(pending(1, true), install);
                state.updates = found(&[true]).updates;
                state
            },
            AutomaticStep::Install,
        ),
        (
            "another version was chosen",
            with(pending(1, false), install),
            AutomaticStep::OtherVersionWaits(SnapshotId(1)),
        ),
        (
            "not here",
            with(
                State {
                    capabilities: Default::default(),
                    ..found(&[true])
                },
                install,
            ),
            AutomaticStep::Refused(RefusalCode::NoSnapshots.into()),
        ),
    ] {
        assert_eq!(automatic_step(&state, calm, NOW), step, "{name}");
    }
}

#[test]
fn it_waits_for_power_and_network_unless_it_need_not() {
    let surroundings = |offline, metered, on_battery, saves_power| Surroundings {
        offline,
        metered,
        on_battery,
        saves_power,
    };
    let usual = Policy::default();
    let bold = Policy {
        on_battery: true,
        on_metered: true,
        ..usual
    };
    for (policy, around, wait) in [
        (
            usual,
            surroundings(true, false, false, false),
            Some(Wait::Offline),
        ),
        (
            usual,
            surroundings(false, true, false, false),
            Some(Wait::Metered),
        ),
        (
            usual,
            surroundings(false, false, true, false),
            Some(Wait::OnBattery),
        ),
        (
            usual,
            surroundings(false, false, true, true),
            Some(Wait::SavesPower),
        ),
        (bold, surroundings(false, true, true, false), None),
        (bold, surroundings(true, true, true, false), Some(Wait::Offline)),
        (
            bold,
            surroundings(false, false, true, true),
            Some(Wait::SavesPower),
        ),
    ] {
        let mut state = with(found(&[true]), Automation::Install);
        state.policy = Policy {
            automation: Automation::Install,
            ..policy
        };
        let step = wait.map_or(AutomaticStep::Install, AutomaticStep::Wait);
        assert_eq!(automatic_step(&state, around, NOW), step, "{around:?}");
        // What need not be done need not wait.
        state.updates.set.packages.clear();
        assert!(matches!(
            automatic_step(&state, around, NOW),
            AutomaticStep::NotBefore(_)
        ));
    }
}
