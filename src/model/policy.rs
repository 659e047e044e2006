// SPDX-License-Identifier: GPL-3.0-or-later
use crate::Retention;
use crate::code::coded;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

coded! {
    /// How far the system goes with updates by itself. None of it ever restarts the machine.
    Automation {
        /// It looks for them and tells.
        Notify = "notify",
        /// It also downloads them, so that installing them is quick and needs no network.
        Download = "download",
        /// It also installs them into a new snapshot, which starts with the next restart.
        Install = "install",
    }
}

coded! {
    /// How often the system looks for updates by itself.
    Cadence {
        /// Every day.
        Daily = "daily",
        /// Every week.
        Weekly = "weekly",
        /// Every 30 days.
        Monthly = "monthly",
        /// Only when a person asks.
        Never = "never",
    }
}

impl Cadence {
    /// The time between two looks; `None` for never.
    pub const fn interval(self) -> Option<Duration> {
        match self {
            Self::Daily => Some(DAY),
            Self::Weekly => Some(DAY.saturating_mul(7)),
            Self::Monthly => Some(DAY.saturating_mul(30)),
            Self::Never => None,
        }
    }
}

/// What an administrator decided for the whole system: about updates, and about old snapshots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Policy {
    /// How far the system goes by itself.
    pub automation: Automation,
    /// How often it looks.
    pub cadence: Cadence,
    /// Whether it works while the machine runs from its battery.
    pub on_battery: bool,
    /// Whether it works over a network that is paid by volume.
    pub on_metered: bool,
    /// Whether Kedge removes old snapshots by itself. Off at first, so that nothing goes that nobody asked for, and
    /// because many systems have snapper's own clean-up.
    pub clean_up: bool,
    /// How many updates are then kept while there is room.
    pub keep_updates: u32,
    /// How much of the disk snapshots may then hold before fewer are kept: percent, 100 for any.
    pub space_percent: u32,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            automation: Automation::Notify,
            cadence: Cadence::Daily,
            on_battery: false,
            on_metered: false,
            clean_up: false,
            // As in Retention::default.
            keep_updates: 10,
            space_percent: 30,
        }
    }
}

/// New values for some of a policy's fields; what is `None` stays.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct PolicyChange {
    /// [`Policy::automation`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub automation: Option<Automation>,
    /// [`Policy::cadence`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cadence: Option<Cadence>,
    /// [`Policy::on_battery`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_battery: Option<bool>,
    /// [`Policy::on_metered`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_metered: Option<bool>,
    /// [`Policy::clean_up`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clean_up: Option<bool>,
    /// [`Policy::keep_updates`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep_updates: Option<u32>,
    /// [`Policy::space_percent`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub space_percent: Option<u32>,
}

/// A number that is out of its bounds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyError {
    /// Which field, by its code.
    pub field: &'static str,
    /// What it may be.
    pub bounds: RangeInclusive<u32>,
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (least, most) = (self.bounds.start(), self.bounds.end());
        write!(f, "{} is not {least} to {most}", self.field)
    }
}

impl Policy {
    /// What [`Policy::keep_updates`] may be. Two is the running one and one to go back to.
    pub const KEEP_UPDATES: RangeInclusive<u32> = 2..=1000;
    /// What [`Policy::space_percent`] may be.
    pub const SPACE_PERCENT: RangeInclusive<u32> = 1..=100;

    /// What is kept; `None` when nothing is removed automatically.
    pub fn retention(&self) -> Option<Retention> {
        let space = u16::try_from(self.space_percent.min(100) * 10).unwrap_or(1000);
        self.clean_up
            .then(|| Retention::keep_updates(self.keep_updates, space))
    }

    /// This policy with a change made to it.
    ///
    /// # Errors
    /// When a number is out of its bounds; then nothing of the change counts.
    pub fn changed(&self, change: &PolicyChange) -> Result<Self, PolicyError> {
        let bound = |field, bounds: RangeInclusive<u32>, wanted: Option<u32>, now| match wanted {
            Some(number) if !bounds.contains(&number) => Err(PolicyError { field, bounds }),
            wanted => Ok(wanted.unwrap_or(now)),
        };
        Ok(Self {
            automation: change.automation.unwrap_or(self.automation),
            cadence: change.cadence.unwrap_or(self.cadence),
            on_battery: change.on_battery.unwrap_or(self.on_battery),
            on_metered: change.on_metered.unwrap_or(self.on_metered),
            clean_up: change.clean_up.unwrap_or(self.clean_up),
            keep_updates: bound(
                "keep-updates",
                Self::KEEP_UPDATES,
                change.keep_updates,
                self.keep_updates,
            )?,
            space_percent: bound(
                "space-percent",
                Self::SPACE_PERCENT,
                change.space_percent,
                self.space_percent,
            )?,
        })
    }

    /// The change that makes `next` of this policy; the other way round, it takes that change back.
    pub fn change_to(&self, next: &Self) -> PolicyChange {
        fn differs<T: PartialEq + Copy>(before: T, after: T) -> Option<T> {
            (before != after).then_some(after)
        }
        PolicyChange {
            automation: differs(self.automation, next.automation),
            cadence: differs(self.cadence, next.cadence),
            on_battery: differs(self.on_battery, next.on_battery),
            on_metered: differs(self.on_metered, next.on_metered),
            clean_up: differs(self.clean_up, next.clean_up),
            keep_updates: differs(self.keep_updates, next.keep_updates),
            space_percent: differs(self.space_percent, next.space_percent),
        }
    }
}

impl From<&Policy> for PolicyChange {
    /// The change that makes this policy of any other.
    fn from(policy: &Policy) -> Self {
        Self {
            automation: Some(policy.automation),
            cadence: Some(policy.cadence),
            on_battery: Some(policy.on_battery),
            on_metered: Some(policy.on_metered),
            clean_up: Some(policy.clean_up),
            keep_updates: Some(policy.keep_updates),
            space_percent: Some(policy.space_percent),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_changes_what_it_names_and_can_be_taken_back() {
        let before = Policy::default();
        let change = PolicyChange {
            automation: Some(Automation::Install),
            keep_updates: Some(3),
            ..PolicyChange::default()
        };
        let after = before.changed(&change).expect("it is within the bounds");
        assert_eq!((after.automation, after.keep_updates), (Automation::Install, 3));
        assert_eq!(
            (after.cadence, after.space_percent),
            (before.cadence, before.space_percent)
        );
        assert_eq!(before.change_to(&after), change);
        assert_eq!(after.changed(&after.change_to(&before)), Ok(before));
        assert_eq!(before.changed(&PolicyChange::from(&after)), Ok(after));
        assert_eq!(after.change_to(&after), PolicyChange::default());
    }

    #[test]
    fn numbers_have_bounds() {
        for (keep_updates, space_percent, field) in [
            (Some(1), None, "keep-updates"),
            (Some(1001), None, "keep-updates"),
            (None, Some(0), "space-percent"),
            (None, Some(101), "space-percent"),
        ] {
            let change = PolicyChange {
                keep_updates,
                space_percent,
                ..PolicyChange::default()
            };
            let refused = Policy::default().changed(&change).map_err(|error| error.field);
            assert_eq!(refused, Err(field), "{change:?}");
        }
    }

    #[test]
    fn only_never_has_no_interval() {
        for cadence in Cadence::ALL {
            assert_eq!(
                cadence.interval().is_none(),
                *cadence == Cadence::Never,
                "{cadence}"
            );
        }
    }

    #[test]
    fn nothing_is_removed_unless_it_was_decided() {
        let mut policy = Policy::default();
        assert_eq!(policy.retention(), None);
        policy.clean_up = true;
        assert_eq!(
            policy.retention(),
            Some(Retention::default()),
            "the numbers are the same at first"
        );
        policy.space_percent = 100;
        assert_eq!(policy.retention(), Some(Retention::keep_updates(10, 1000)));
    }
}
