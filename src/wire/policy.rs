// SPDX-License-Identifier: GPL-3.0-or-later
//! The system's policy on the bus: each field is a property, and a key of `Change`.

use crate::Error;
use crate::options::{Incoming, Outgoing, no_options, take};
use model::{Automation, Cadence, Policy, PolicyChange};
use std::collections::HashMap;
use zbus::{OwnedVariant, Variant};

/// The changes of `Change` for a change.
pub fn policy_changes(change: &PolicyChange) -> Outgoing {
    let mut changes = Outgoing::new();
    let mut put =
        |name, value: Option<Variant<'static>>| drop(value.map(|value| changes.insert(name, value)));
    put("automation", change.automation.map(|it| it.as_str().into()));
    put("cadence", change.cadence.map(|it| it.as_str().into()));
    put("on-battery", change.on_battery.map(Into::into));
    put("on-metered", change.on_metered.map(Into::into));
    put("clean-up", change.clean_up.map(Into::into));
    put("keep-updates", change.keep_updates.map(Into::into));
    put("space-percent", change.space_percent.map(Into::into));
    changes
}

/// The change that a call of `Change` asks for.
pub fn policy_change_from_wire(mut changes: Incoming) -> Result<PolicyChange, Error> {
    let change = PolicyChange {
        automation: code(&mut changes, "automation", Automation::from_code)?,
        cadence: code(&mut changes, "cadence", Cadence::from_code)?,
        on_battery: take(&mut changes, "on-battery")?,
        on_metered: take(&mut changes, "on-metered")?,
        clean_up: take(&mut changes, "clean-up")?,
        keep_updates: take(&mut changes, "keep-updates")?,
        space_percent: take(&mut changes, "space-percent")?,
    };
    no_options(&changes)?;
    if change == PolicyChange::default() {
        return Err(Error::Invalid("changes is empty".into()));
    }
    Ok(change)
}

/// A code that is known. What a face of a newer version wants and this helper does not know must not be ignored.
fn code<T>(changes: &mut Incoming, name: &str, known: fn(&str) -> Option<T>) -> Result<Option<T>, Error> {
    take::<String>(changes, name)?
        .map(|code| known(&code).ok_or_else(|| Error::Invalid(format!("{name} has an unknown value"))))
        .transpose()
}

/// The properties of a policy, by name.
pub fn policy_properties(policy: &Policy) -> HashMap<&'static str, Variant<'static>> {
    HashMap::from([
        ("Automation", policy.automation.as_str().into()),
        ("Cadence", policy.cadence.as_str().into()),
        ("OnBattery", policy.on_battery.into()),
        ("OnMetered", policy.on_metered.into()),
        ("CleanUp", policy.clean_up.into()),
        ("KeepUpdates", policy.keep_updates.into()),
        ("SpacePercent", policy.space_percent.into()),
    ])
}

/// A policy with the properties that arrived put in. What this version does not know leaves its field as it was.
pub fn policy_with_properties(policy: &Policy, mut properties: HashMap<String, OwnedVariant>) -> Policy {
    fn known<T: TryFrom<OwnedVariant>>(
        properties: &mut HashMap<String, OwnedVariant>,
        name: &str,
    ) -> Option<T> {
        properties.remove(name).and_then(|value| T::try_from(value).ok())
    }
    let it = &mut properties;
    let change = PolicyChange {
        automation: known::<String>(it, "Automation").and_then(|code| Automation::from_code(&code)),
        cadence: known::<String>(it, "Cadence").and_then(|code| Cadence::from_code(&code)),
        on_battery: known(it, "OnBattery"),
        on_metered: known(it, "OnMetered"),
        clean_up: known(it, "CleanUp"),
        keep_updates: known(it, "KeepUpdates"),
        space_percent: known(it, "SpacePercent"),
    };
    // Numbers that only a newer version allows must not hide the rest.
    let without_numbers = PolicyChange {
        keep_updates: None,
        space_percent: None,
        ..change
    };
    let changed = policy
        .changed(&change)
        .or_else(|_| policy.changed(&without_numbers));
    changed.unwrap_or(*policy)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn incoming(outgoing: Outgoing) -> Incoming {
        outgoing
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.try_to_owned().unwrap()))
            .collect()
    }

    fn other() -> Policy {
        let change = PolicyChange {
            automation: Some(Automation::Install),
            cadence: Some(Cadence::Never),
            on_battery: Some(true),
            on_metered: Some(true),
            clean_up: Some(true),
            keep_updates: Some(2),
            space_percent: Some(1),
        };
        Policy::default().changed(&change).unwrap()
    }

    #[test]
    fn changes_and_policies_come_back_as_they_went() {
        let change = PolicyChange::from(&other());
        assert_eq!(
            policy_change_from_wire(incoming(policy_changes(&change))),
            Ok(change)
        );
        let one = PolicyChange {
            keep_updates: Some(9),
            ..PolicyChange::default()
        };
        assert_eq!(policy_changes(&one).len(), 1);
        assert_eq!(policy_change_from_wire(incoming(policy_changes(&one))), Ok(one));
        let properties = incoming(policy_properties(&other()));
        assert_eq!(policy_with_properties(&Policy::default(), properties), other());
    }

    #[test]
    fn a_wish_that_is_not_understood_is_refused_and_news_that_is_not_is_left_out() {
        for (name, value) in [
            ("automation", Variant::from("reboot")),
            ("automation", Variant::from(1_u32)),
            ("keep-updates", Variant::from(-1_i32)),
            ("keep-updates", Variant::from("7")),
            ("path", Variant::from("/etc")),
        ] {
            let asked = policy_change_from_wire(incoming([(name, value)].into()));
            assert!(matches!(asked, Err(Error::Invalid(_))), "{name}");
        }
        let empty = policy_change_from_wire(Incoming::new());
        assert!(matches!(empty, Err(Error::Invalid(_))));
        let news = [
            ("Automation", "fly".into()),
            ("OnBattery", true.into()),
            ("KeepUpdates", 9999_u32.into()),
        ];
        let news = incoming(news.into());
        let policy = policy_with_properties(&Policy::default(), news);
        assert_eq!((policy.automation, policy.on_battery), (Automation::Notify, true));
    }
}
