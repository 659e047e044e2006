// SPDX-License-Identifier: GPL-3.0-or-later
//! Files that differ, what is in them, getting one back, and space.

use super::{Case, create, refusal};
use crate::bench::{Bench, INSTALLED, run, system};
use engine::{Error, Outcome, Viewer};
use libtest_mimic::Failed;
use model::{FileChange, FileChangeKind, RefusalCode, RestoreTo, SnapshotId};
use std::io::Read as _;
use std::os::fd::AsRawFd as _;

pub(super) fn cases() -> Vec<Case> {
    let plain = super::cases!(Transactional, Snapshots:
        a_snapshot_has_the_files_of_what_it_was_made_of,
        what_is_no_file_is_refused_and_has_no_versions,
        what_is_not_there_cannot_be_looked_at,
        a_snapshot_can_be_browsed,
        space_is_told_of_every_snapshot,
        room_is_only_made_of_what_may_go,
        what_was_proposed_is_deleted_and_once_only,
    );
    let updated = super::cases!(Transactional, Packages:
        an_update_changes_files_and_every_side_can_be_read,
        a_file_comes_back_into_a_read_only_system_by_a_new_snapshot,
    );
    [plain.to_vec(), updated.to_vec()].concat()
}

const NOBODY_HAS_IT: SnapshotId = SnapshotId(4711);

fn changes(bench: &dyn Bench, from: SnapshotId, to: SnapshotId) -> Result<Vec<FileChange>, Error> {
    let mut rows = Vec::new();
    let mut take = |change| {
        rows.push(change);
        Ok(())
    };
    let engine = bench.engine();
    engine.file_changes(Some(from), Some(to), Viewer::Everything, &mut take)?;
    rows.sort();
    Ok(rows)
}

fn content(bench: &dyn Bench, id: SnapshotId, path: &[u8]) -> Result<Vec<u8>, Failed> {
    let mut bytes = Vec::new();
    let mut file = bench.engine().open_file(Some(id), path)?;
    file.content.read_to_end(&mut bytes)?;
    assert_eq!(bytes.len() as u64, file.size);
    Ok(bytes)
}

fn a_snapshot_has_the_files_of_what_it_was_made_of(bench: &mut dyn Bench) -> Result<(), Failed> {
    let id = create(bench.engine(), "the same")?;
    assert_eq!(changes(bench, SnapshotId(1), id)?, []);
    assert_eq!(changes(bench, id, id)?, []);
    Ok(())
}

fn what_is_no_file_is_refused_and_has_no_versions(bench: &mut dyn Bench) -> Result<(), Failed> {
    let engine = bench.engine();
    let id = Some(SnapshotId(1));
    assert_eq!(
        refusal(engine.open_file(id, b"no/such")).0,
        RefusalCode::NoSuchFile
    );
    assert_eq!(refusal(engine.open_file(id, b"etc")).0, RefusalCode::NotAFile);
    assert_eq!(
        engine.file_versions(b"no/such", Viewer::Everything)?,
        Some(vec![])
    );
    let restored = run(|context| engine.restore(SnapshotId(1), b"no/such", RestoreTo::Beside, context)).0;
    assert_eq!(refusal(restored).0, RefusalCode::NoSuchFile);
    Ok(())
}

fn what_is_not_there_cannot_be_looked_at(bench: &mut dyn Bench) -> Result<(), Failed> {
    let engine = bench.engine();
    let expected = RefusalCode::NoSuchSnapshot;
    assert_eq!(refusal(engine.browse(NOBODY_HAS_IT)).0, expected);
    assert_eq!(
        refusal(engine.open_file(Some(NOBODY_HAS_IT), b"etc/x")).0,
        expected
    );
    assert_eq!(refusal(changes(bench, NOBODY_HAS_IT, SnapshotId(1))).0, expected);
    assert_eq!(
        refusal(run(|context| engine.freed(&[NOBODY_HAS_IT], context)).0).0,
        expected
    );
    Ok(())
}

fn a_snapshot_can_be_browsed(bench: &mut dyn Bench) -> Result<(), Failed> {
    let directory = bench.engine().browse(SnapshotId(1))?;
    let place = format!("/proc/self/fd/{}", directory.as_raw_fd());
    let names: Vec<String> = std::fs::read_dir(&place)?
        .filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()))
        .collect();
    assert!(names.iter().any(|name| name == "etc"), "{names:?}");
    drop(directory);
    assert!(
        std::fs::read_dir(&place).is_err(),
        "it is gone with its descriptor"
    );
    Ok(())
}

fn space_is_told_of_every_snapshot(bench: &mut dyn Bench) -> Result<(), Failed> {
    create(bench.engine(), "one more")?;
    let engine = bench.engine();
    let usage = engine.usage()?;
    assert!(
        usage.used <= usage.size && usage.free_least <= usage.free,
        "{usage:?}"
    );
    let sizes = run(|context| engine.sizes(context)).0?;
    let told: Vec<SnapshotId> = sizes.iter().map(|it| it.id).collect();
    let there: Vec<SnapshotId> = system(bench).snapshots.into_keys().collect();
    assert_eq!(told, there);
    let nothing = run(|context| engine.freed(&[], context)).0?;
    assert_eq!((nothing.data, nothing.held), (0, 0));
    for size in sizes {
        let alone = run(|context| engine.freed(&[size.id], context)).0?;
        assert_eq!(alone.data, size.data, "{}", size.id);
    }
    Ok(())
}

fn room_is_only_made_of_what_may_go(bench: &mut dyn Bench) -> Result<(), Failed> {
    let id = create(bench.engine(), "may go")?;
    let engine = bench.engine();
    let nothing = run(|context| engine.plan_room(0, context)).0?;
    assert!(nothing.is_enough && nothing.snapshots.is_empty());
    let all = run(|context| engine.plan_room(u64::MAX, context)).0?;
    assert!(!all.is_enough);
    assert!(all.snapshots.iter().all(|it| *it == id), "{:?}", all.snapshots);
    Ok(())
}

fn what_was_proposed_is_deleted_and_once_only(bench: &mut dyn Bench) -> Result<(), Failed> {
    let id = create(bench.engine(), "goes")?;
    let engine = bench.engine();
    assert_eq!(
        run(|context| engine.free(&[id], context)).0?,
        Outcome::Changed(())
    );
    assert!(!system(bench).snapshots.contains_key(&id));
    assert_eq!(run(|context| engine.free(&[id], context)).0?, Outcome::Unchanged);
    let refused = run(|context| engine.free(&[SnapshotId(1)], context)).0;
    assert_eq!(refusal(refused).0, RefusalCode::Booted);
    Ok(())
}

/// Installs an update; returns the snapshot that it made.
fn updated(bench: &dyn Bench) -> Result<SnapshotId, Failed> {
    bench.offer(&[(INSTALLED, "2")]);
    match run(|context| bench.engine().update(context)).0? {
        Outcome::Changed(id) => Ok(id),
        Outcome::Unchanged => Err("there was something to update".into()),
    }
}

fn an_update_changes_files_and_every_side_can_be_read(bench: &mut dyn Bench) -> Result<(), Failed> {
    let (old, new) = (SnapshotId(1), updated(bench)?);
    let rows = changes(bench, old, new)?;
    assert!(!rows.is_empty());
    let back = changes(bench, new, old)?;
    let count = |rows: &[FileChange], kind| rows.iter().filter(|it| it.kind == kind).count();
    assert_eq!(
        count(&rows, FileChangeKind::Created),
        count(&back, FileChangeKind::Deleted)
    );
    assert_eq!(
        count(&rows, FileChangeKind::Changed),
        count(&back, FileChangeKind::Changed)
    );
    let is_content = |it: &&FileChange| {
        it.kind == FileChangeKind::Changed
            && it.file == model::FileKind::Regular
            && it.aspects.has(model::Aspects::CONTENT)
    };
    let changed = rows.iter().find(is_content).ok_or("a file has another content")?;
    assert_ne!(
        content(bench, old, &changed.path)?,
        content(bench, new, &changed.path)?
    );
    let versions = bench.engine().file_versions(&changed.path, Viewer::Everything)?;
    let versions = versions.ok_or("everything may be seen")?;
    let of = |id| {
        versions
            .iter()
            .find(|it| it.snapshot == Some(id))
            .map(|it| it.version)
    };
    assert!(
        of(old).is_some() && of(new).is_some() && of(old) != of(new),
        "{versions:?}"
    );
    Ok(())
}

fn a_file_comes_back_into_a_read_only_system_by_a_new_snapshot(bench: &mut dyn Bench) -> Result<(), Failed> {
    let (old, new) = (SnapshotId(1), updated(bench)?);
    bench.reboot();
    let rows = changes(bench, old, new)?;
    let is_content = |it: &&FileChange| {
        it.kind == FileChangeKind::Changed
            && it.file == model::FileKind::Regular
            && it.aspects.has(model::Aspects::CONTENT)
    };
    let path = &rows
        .iter()
        .find(is_content)
        .ok_or("a file has another content")?
        .path;
    let restore =
        |context: &engine::Context<'_>| bench.engine().restore(old, path, RestoreTo::Replace, context);
    let Outcome::Changed(Some(pending)) = run(restore).0? else {
        return Err("a new snapshot has the file".into());
    };
    assert_eq!(system(bench).default, Some(pending));
    // What is in it then is judged on a real disk: the simulated machine has the files of its packages.
    Ok(())
}
