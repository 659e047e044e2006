// SPDX-License-Identifier: GPL-3.0-or-later
//! The agent's memory on disk: what was told when, so that a restart of the session does not repeat it.

use anyhow::{Context, Result};
use model::{Memory, Timestamp};
use std::fs;
use std::path::{Path, PathBuf};

/// Where it is kept: `$XDG_STATE_HOME/kedge/agent.json`.
pub(crate) fn path() -> Option<PathBuf> {
    let variable = |name: &str| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let state = variable("XDG_STATE_HOME").or_else(|| Some(variable("HOME")?.join(".local/state")))?;
    Some(state.join("kedge/agent.json"))
}

/// Reads it; one that is missing or damaged begins anew, as nothing in it is worth an error.
pub(crate) fn load(path: &Path, now: Timestamp) -> Memory {
    let mut memory = match fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).unwrap_or_else(|error| {
            tracing::warn!(%error, path = %path.display(), "the memory is damaged and begins anew");
            Memory::default()
        }),
        Err(_) => Memory::default(),
    };
    if memory.since == Timestamp::default() {
        memory.since = now;
    }
    memory
}

/// Writes it: whole or not at all.
pub(crate) fn save(path: &Path, memory: &Memory) -> Result<()> {
    let directory = path.parent().context("a file has a directory")?;
    fs::create_dir_all(directory).with_context(|| format!("create {}", directory.display()))?;
    let making = path.with_extension("new");
    fs::write(&making, serde_json::to_vec(memory)?).with_context(|| format!("write {}", making.display()))?;
    fs::rename(&making, path).with_context(|| format!("rename to {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Expected, Notice, Pause, PlannedRestart, Receipt, RestartWhen, Shown, SnapshotId};

    #[test]
    fn a_memory_survives_and_a_damaged_one_begins_anew() {
        let directory = std::env::temp_dir().join(format!("kedge-agent-memory-{}", std::process::id()));
        let path = directory.join("deep/agent.json");
        let shown = Shown {
            at: Timestamp(5),
            about: "7".into(),
            standing: true,
        };
        let memory = Memory {
            shown: [(Notice::RestartReady, shown)].into(),
            pause: Pause::UntilNextStart { boot: "b".into() },
            since: Timestamp(1),
            expected: Some(Expected {
                snapshot: SnapshotId(3),
                rollback: true,
                boot: "b".into(),
            }),
            receipt: Some(Receipt {
                snapshot: SnapshotId(2),
                as_planned: false,
                boot: "a".into(),
            }),
            restart: Some(PlannedRestart {
                when: RestartWhen::Tonight,
                boot: "b".into(),
            }),
        };
        save(&path, &memory).expect("the temporary directory is writable");
        assert_eq!(load(&path, Timestamp(9)), memory);
        for text in ["", "{", "[]", r#"{"shown":{"unknown-notice":{}}}"#] {
            fs::write(&path, text).expect("just written to");
            assert_eq!(load(&path, Timestamp(9)).since, Timestamp(9), "{text}");
        }
        fs::write(&path, r#"{"since":4,"a-key-of-tomorrow":1}"#).expect("just written to");
        assert_eq!(load(&path, Timestamp(9)).since, Timestamp(4));
        fs::remove_dir_all(directory).expect("made above");
    }
}
