// SPDX-License-Identifier: GPL-3.0-or-later
//! Which snapshots may go by themselves on this machine, and who sees to it.

use super::NativeEngine;
use super::restore::write_in;
use crate::native::diff::Viewer;
use crate::packages::Tree;
use crate::platform::{self, shell};
use crate::{Context, Engine, Error, Outcome};
use chrono::{DateTime, Datelike, Local, Timelike};
use model::{Civil, Doomed, Facts, Retention, Room, SnapshotId, State, Timestamp};
use std::cell::Cell;
use std::collections::BTreeSet;

/// Snapper's own clean-up.
const TIMER: &str = "snapper-cleanup.timer";
const FOLDER: &str = "etc/snapper/configs";

/// The wall clock's reading in this process's time zone, which is the machine's.
pub(crate) fn civil(time: Timestamp) -> Civil {
    let seconds = i64::try_from(time.seconds()).unwrap_or(i64::MAX);
    let moment = DateTime::from_timestamp(seconds, 0)
        .unwrap_or_default()
        .with_timezone(&Local);
    let small = |number: u32| u8::try_from(number).unwrap_or(0);
    Civil {
        year: moment.year(),
        month: small(moment.month0()),
        day: small(moment.day()),
        hour: small(moment.hour()),
        year_day: u16::try_from(moment.ordinal0()).unwrap_or(0),
        week_day: small(moment.weekday().num_days_from_sunday()),
    }
}

struct Machine<'a> {
    engine: &'a NativeEngine,
    context: &'a Context<'a>,
    state: &'a State,
    /// The first error: then nothing of the answer counts.
    failed: Cell<Option<Error>>,
}

impl Machine<'_> {
    fn noted<T>(&self, result: Result<T, Error>) -> Option<T> {
        result.map_err(|error| self.failed.set(Some(error))).ok()
    }

    fn measured(&self, gone: &BTreeSet<SnapshotId>) -> Result<Room, Error> {
        let usage = self.engine.space_usage()?;
        let starts = [self.state.booted, self.state.default];
        let all = self.state.snapshots.keys().copied();
        let held: Vec<SnapshotId> = all.filter(|id| !starts.contains(&Some(*id))).collect();
        let gone: Vec<SnapshotId> = gone.iter().copied().collect();
        let held = self.engine.space_freed(&held, self.context)?;
        let freed = self.engine.space_freed(&gone, self.context)?;
        let bytes = |freed: &model::Freed| freed.data.saturating_add(freed.metadata);
        Ok(Room {
            size: usage.size,
            held: bytes(&held).saturating_sub(bytes(&freed)),
            free: usage.free.saturating_add(bytes(&freed)),
        })
    }
}

impl Facts for Machine<'_> {
    fn civil(&self, time: Timestamp) -> Civil {
        civil(time)
    }

    fn is_empty_pair(&self, pre: SnapshotId, post: SnapshotId) -> bool {
        let mut differs = false;
        let compared = self
            .engine
            .file_changes(Some(pre), Some(post), Viewer::Everything, &mut |_| {
                differs = true;
                // One is enough.
                Err(Error::Cancelled)
            });
        match compared {
            Ok(summary) => summary.rows == 0 && summary.left_out == 0,
            Err(Error::Cancelled) if differs => false,
            Err(error) => {
                self.failed.set(Some(error));
                false
            }
        }
    }

    fn room(&self, gone: &BTreeSet<SnapshotId>) -> Option<Room> {
        self.noted(self.measured(gone))
    }
}

/// The text of a configuration with other values: every other line stays as it is, byte for byte.
fn edited(text: &str, values: &[(&str, String)]) -> String {
    let mut new = String::with_capacity(text.len() + 64);
    let key_of = |line: &str| {
        let line = line.trim_start();
        let key = line.split_once('=').map(|(key, _)| key.to_owned());
        key.filter(|_| !line.starts_with('#'))
    };
    let mut missing: Vec<&(&str, String)> = values.iter().collect();
    for line in text.split_inclusive('\n') {
        match key_of(line).and_then(|key| values.iter().find(|(name, _)| *name == key)) {
            Some(found) => {
                new.push_str(&format!("{}=\"{}\"\n", found.0, found.1));
                missing.retain(|it| it.0 != found.0);
            }
            None => new.push_str(line),
        }
    }
    if !new.is_empty() && !new.ends_with('\n') {
        new.push('\n');
    }
    for (name, value) in missing {
        new.push_str(&format!("{name}=\"{value}\"\n"));
    }
    new
}

impl NativeEngine {
    /// The name and text of snapper's configuration of the root, where its timer cleans up.
    fn snapper_config(&self) -> Option<(String, String)> {
        let tree = Tree::new(self.root_directory());
        let is_on = platform::timers(tree)
            .iter()
            .any(|timer| timer.unit == TIMER && timer.enabled);
        let config = platform::configs(tree).into_iter().find(|it| it.subvolume == "/");
        let name = config.filter(|_| is_on)?.name;
        let text = platform::text(tree, &format!("{FOLDER}/{name}"))?;
        Some((name, text))
    }

    pub(super) fn snapper_retention(&self) -> Option<Retention> {
        let (_, text) = self.snapper_config()?;
        Some(Retention::from_snapper(&shell::parse(&text)))
    }

    pub(super) fn set_snapper_keeps(&self, updates: u32) -> Result<Outcome<()>, Error> {
        let Some((name, text)) = self.snapper_config() else {
            return Ok(Outcome::Unchanged);
        };
        let new = edited(&text, &Retention::snapper_keeps(updates));
        if new == text {
            return Ok(Outcome::Unchanged);
        }
        write_in(self.root_directory(), |tree| {
            // As snapper writes its own.
            platform::books::replace(tree, (FOLDER, &name), new.as_bytes(), 0o640)
        })?;
        match self.snapper_config() {
            Some((_, now)) if now == new => Ok(Outcome::Changed(())),
            _ => Err(Error::Damaged {
                path: format!("/{FOLDER}/{name}").into(),
                reason: "it is not as it was left".to_owned(),
            }),
        }
    }

    pub(super) fn doomed_by(
        &self,
        retention: &Retention,
        context: &Context<'_>,
    ) -> Result<Vec<Doomed>, Error> {
        let state = self.system()?.to_state();
        let machine = Machine {
            engine: self,
            context,
            state: &state,
            failed: Cell::new(None),
        };
        let doomed = retention.doomed(&state, self.now(), &machine);
        match machine.failed.take() {
            Some(error) => Err(error),
            None => Ok(doomed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_other_line_stays() {
        let text = "# NUMBER_LIMIT=\"3\"\nSUBVOLUME=\"/\"\n\nNUMBER_LIMIT=\"2-10\"  # mine\n  FOO='x y'\nQGROUP=\"1/0\"";
        let values = [
            ("NUMBER_LIMIT", "7".to_owned()),
            ("NUMBER_CLEANUP", "yes".to_owned()),
        ];
        let expected = "# NUMBER_LIMIT=\"3\"\nSUBVOLUME=\"/\"\n\nNUMBER_LIMIT=\"7\"\n  FOO='x y'\nQGROUP=\"1/0\"\nNUMBER_CLEANUP=\"yes\"\n";
        let new = edited(text, &values);
        assert_eq!(new, expected);
        assert_eq!(edited(&new, &values), new);
        assert_eq!(edited("", &values[..1]), "NUMBER_LIMIT=\"7\"\n");
    }
}
