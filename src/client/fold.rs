// SPDX-License-Identifier: GPL-3.0-or-later
//! Signals become events, events become the next state.

use model::{Event, JobState, State};
use std::collections::HashMap;
use zbus::{Message, OwnedVariant};

/// Folds one signal of the helper into the state. Returns whether it changed anything. What cannot be read is logged
/// and left out: the rest is still true.
pub(crate) fn fold(state: &mut State, signal: &Message) -> bool {
    match events(state, signal) {
        Ok(events) => {
            let mut changed = false;
            for event in events {
                changed |= state.apply(event);
            }
            changed
        }
        Err(error) => {
            tracing::warn!(%error, ?signal, "a signal of the helper cannot be read");
            false
        }
    }
}

fn events(state: &State, signal: &Message) -> zbus::Result<Vec<Event>> {
    let header = signal.header();
    let (Some(interface), Some(member), Some(path)) = (header.interface(), header.member(), header.path())
    else {
        return Ok(Vec::new());
    };
    let body = signal.body();
    Ok(match (interface.as_str(), member.as_str()) {
        (wire::name::MANAGER, "JobNew") => {
            let (_, _, job): (u32, zbus::ObjectPath<'_>, wire::Job) = body.deserialize()?;
            Option::from(job)
                .map(|job| Event::Job(Box::new(job)))
                .into_iter()
                .collect()
        }
        (wire::name::MANAGER, "JobRemoved") => {
            let (id, _): (u32, zbus::ObjectPath<'_>) = body.deserialize()?;
            vec![Event::JobGone(model::JobId(id))]
        }
        (wire::name::SNAPSHOTS, "Changed") => {
            let (present, gone): (Vec<wire::Snapshot>, Vec<u32>) = body.deserialize()?;
            vec![Event::Snapshots {
                present: present.into_iter().map(Into::into).collect(),
                gone: gone.into_iter().map(model::SnapshotId).collect(),
            }]
        }
        (wire::name::CHANGES, "Counted") => {
            let (counts,): (Vec<wire::ChangeCounts>,) = body.deserialize()?;
            vec![Event::Counts(counts.into_iter().map(Into::into).collect())]
        }
        (wire::name::UPDATES, "Changed") => {
            let (updates,): (wire::Updates,) = body.deserialize()?;
            vec![Event::Updates(Box::new(updates.into()))]
        }
        ("org.freedesktop.DBus.Properties", "PropertiesChanged") => {
            let (interface, changed, _): (String, HashMap<String, OwnedVariant>, Vec<String>) =
                body.deserialize()?;
            match interface.as_str() {
                wire::name::MANAGER => manager_events(state, changed)?,
                wire::name::SETTINGS => {
                    vec![Event::Policy(wire::policy_with_properties(
                        &state.policy,
                        changed,
                    ))]
                }
                wire::name::BISECT => bisect_event(changed)?.into_iter().collect(),
                wire::name::JOB => job_event(state, path, changed)?.into_iter().collect(),
                _ => Vec::new(),
            }
        }
        _ => Vec::new(),
    })
}

/// The events that a set of the manager's properties means.
pub(crate) fn manager_events(
    state: &State,
    mut properties: HashMap<String, OwnedVariant>,
) -> zbus::Result<Vec<Event>> {
    let mut events = Vec::new();
    if let Some(capabilities) = properties.remove("Capabilities") {
        let map = HashMap::try_from(capabilities)?;
        events.push(Event::Capabilities(wire::capabilities_from_wire(&map)));
    }
    let mut number = |name| properties.remove(name).map(u32::try_from).transpose();
    let (booted, default, once) = (number("Booted")?, number("Default")?, number("Once")?);
    if booted.is_some() || default.is_some() || once.is_some() {
        events.push(Event::Boot {
            booted: booted.map_or(state.booted, wire::snapshot_id),
            default: default.map_or(state.default, wire::snapshot_id),
            once: once.map_or(state.once, wire::snapshot_id),
        });
    }
    if let Some(receipt) = properties.remove("Receipt") {
        events.push(Event::Receipt(wire::Receipt::try_from(receipt)?.into()));
    }
    Ok(events)
}

/// The event that a set of the search's properties means.
pub(crate) fn bisect_event(mut properties: HashMap<String, OwnedVariant>) -> zbus::Result<Option<Event>> {
    let search = properties
        .remove("Search")
        .map(wire::Bisect::try_from)
        .transpose()?;
    Ok(search.map(|search| Event::Bisect(search.into())))
}

fn job_event(
    state: &State,
    path: &zbus::ObjectPath<'_>,
    mut changed: HashMap<String, OwnedVariant>,
) -> zbus::Result<Option<Event>> {
    // A job this version does not know is not shown.
    let Some(job) = wire::name::job_id(path).and_then(|id| state.jobs.get(&id)) else {
        return Ok(None);
    };
    let mut job = job.clone();
    if let JobState::Running {
        progress,
        cancellable,
        asked,
    } = &mut job.state
    {
        if let Some(value) = changed.remove("Progress") {
            *progress = wire::Progress::try_from(value)?.into();
        }
        if let Some(value) = changed.remove("Cancellable") {
            *cancellable = value.try_into()?;
        }
        if let Some(value) = changed.remove("Question") {
            *asked = Option::from(wire::Question::try_from(value)?).map(Box::new);
        }
    }
    if let Some(value) = changed.remove("Outcome")
        && let Some(outcome) = Option::from(wire::Outcome::try_from(value)?)
    {
        job.state = JobState::Ended(outcome);
    }
    Ok(Some(Event::Job(Box::new(job))))
}

#[cfg(test)]
mod tests;
