// SPDX-License-Identifier: GPL-3.0-or-later
//! List, create, delete, edit, recover, and what others do meanwhile.

use super::{Case, create, refusal};
use crate::bench::{Bench, system};
use engine::Outcome;
use libtest_mimic::Failed;
use model::{
    Capability, Cleanup, Condition, Edit, NewSnapshot, RefusalCode, Snapshot, SnapshotId, SnapshotKind,
    Timestamp,
};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::sync::Arc;

pub(super) fn cases() -> Vec<Case> {
    let mut cases = super::cases!(Transactional, Snapshots:
        a_fresh_system_runs_its_only_snapshot,
        an_unchanged_system_is_the_same_arc,
        a_created_snapshot_has_all_it_was_asked_for,
        numbers_go_on_from_the_highest,
        a_description_comes_back_byte_for_byte,
        a_pinned_snapshot_keeps_its_cleanup_for_later,
        deleting_removes_one_snapshot_only,
        deleting_what_is_not_there_is_no_change,
        what_runs_starts_or_is_pinned_is_not_deleted,
        an_edit_changes_what_it_names,
        an_edit_that_changes_nothing_says_so,
        what_is_not_there_or_damaged_is_not_edited,
        the_read_only_flag_can_be_changed_and_changed_back,
        what_the_system_starts_from_stays_read_only,
        damaged_books_are_shown_as_such,
        leftovers_are_removed_and_nothing_else,
        others_changes_are_seen,
        a_watcher_is_woken_and_reading_drains,
    )
    .to_vec();
    cases.extend(super::cases!(Beside, Snapshots: a_system_beside_its_snapshots_runs_none_of_them));
    cases
}

fn get(bench: &dyn Bench, id: SnapshotId) -> Snapshot {
    system(bench).snapshots[&id].clone()
}

fn a_fresh_system_runs_its_only_snapshot(bench: &mut dyn Bench) -> Result<(), Failed> {
    let system = system(bench);
    let one = SnapshotId(1);
    assert_eq!((system.booted, system.default), (Some(one), Some(one)));
    assert_eq!(system.snapshots.keys().collect::<Vec<_>>(), [&one]);
    let snapshot = &system.snapshots[&one];
    assert_eq!((snapshot.id, snapshot.condition), (one, Condition::Complete));
    assert!(snapshot.read_only && !snapshot.is_not_booted() && !snapshot.is_in_progress());
    for capability in [Capability::Snapshots, Capability::BootDefault] {
        assert!(system.capabilities.has(capability), "{capability}");
    }
    Ok(())
}

fn a_system_beside_its_snapshots_runs_none_of_them(bench: &mut dyn Bench) -> Result<(), Failed> {
    let before = system(bench);
    assert_eq!((before.booted, before.default), (None, None));
    assert!(before.snapshots.is_empty());
    let id = create(bench.engine(), "first")?;
    let after = system(bench);
    assert_eq!((id, after.booted, after.default), (SnapshotId(1), None, None));
    assert!(after.snapshots[&id].read_only);
    Ok(())
}

fn an_unchanged_system_is_the_same_arc(bench: &mut dyn Bench) -> Result<(), Failed> {
    let engine = bench.engine();
    let first = engine.system()?;
    assert!(Arc::ptr_eq(&first, &engine.system()?));
    let id = create(engine, "x")?;
    let second = engine.system()?;
    assert!(!Arc::ptr_eq(&first, &second));
    assert!(
        !first.snapshots.contains_key(&id),
        "what was handed out stays as it was"
    );
    assert!(Arc::ptr_eq(&second, &engine.system()?));
    engine.delete(id)?;
    assert_eq!(*engine.system()?, *first);
    Ok(())
}

fn a_created_snapshot_has_all_it_was_asked_for(bench: &mut dyn Bench) -> Result<(), Failed> {
    let now = Timestamp::from_seconds(1_780_000_123);
    bench.set_clock(Timestamp(now.0 + 456_789));
    let before = system(bench);
    let id = bench.engine().create(&NewSnapshot {
        description: "before the printer".into(),
        cleanup: Cleanup("number".into()),
        pinned: false,
        uid: 1000,
    })?;
    let after = system(bench);
    let made = &after.snapshots[&id];
    assert_eq!((id, made.id), (SnapshotId(2), SnapshotId(2)));
    assert_eq!(
        (made.kind, made.pre, made.uid),
        (SnapshotKind::Single, None, 1000)
    );
    assert_eq!(made.time, now, "whole seconds, as info.xml keeps them");
    assert_eq!(
        (made.description.as_str(), made.cleanup.0.as_str()),
        ("before the printer", "number")
    );
    assert!(made.userdata.is_empty() && made.read_only && made.condition == Condition::Complete);
    assert_eq!(made.parent_uuid, before.snapshots[&SnapshotId(1)].uuid);
    assert!(made.uuid != made.parent_uuid && made.uuid.0 != [0; 16]);
    assert_eq!((after.booted, after.default), (before.booted, before.default));
    assert_eq!(after.snapshots.len(), before.snapshots.len() + 1);
    Ok(())
}

fn numbers_go_on_from_the_highest(bench: &mut dyn Bench) -> Result<(), Failed> {
    let engine = bench.engine();
    let ids: Vec<_> = (0..3)
        .map(|at| create(engine, &format!("{at}")))
        .collect::<Result<_, _>>()?;
    assert_eq!(ids, [2, 3, 4].map(SnapshotId));
    engine.delete(SnapshotId(3))?;
    assert_eq!(create(engine, "a gap is not filled")?, SnapshotId(5));
    engine.delete(SnapshotId(5))?;
    assert_eq!(
        create(engine, "the highest is the one that exists")?,
        SnapshotId(5)
    );
    Ok(())
}

fn a_description_comes_back_byte_for_byte(bench: &mut dyn Bench) -> Result<(), Failed> {
    let long = "ä".repeat(512);
    for text in [
        "",
        " leading and trailing ",
        "<a href=\"x\">&amp; ]]> 'quoted' &#65;</a>",
        "Größe 漢字 🚀 \u{202e}right to left",
        "a,b;c=d|e\\f %s ${HOME} `id`",
        long.as_str(),
    ] {
        let id = create(bench.engine(), text)?;
        assert_eq!(get(bench, id).description, text);
    }
    Ok(())
}

fn a_pinned_snapshot_keeps_its_cleanup_for_later(bench: &mut dyn Bench) -> Result<(), Failed> {
    let id = bench.engine().create(&NewSnapshot {
        cleanup: Cleanup("timeline".into()),
        pinned: true,
        ..NewSnapshot::default()
    })?;
    let pinned = get(bench, id);
    assert!(pinned.is_pinned() && pinned.cleanup.0.is_empty());
    let unpin = Edit {
        pinned: Some(false),
        ..Edit::default()
    };
    assert_eq!(bench.engine().edit(id, &unpin)?, Outcome::Changed(()));
    let free = get(bench, id);
    assert_eq!((free.cleanup.0.as_str(), free.userdata.len()), ("timeline", 0));
    Ok(())
}

fn deleting_removes_one_snapshot_only(bench: &mut dyn Bench) -> Result<(), Failed> {
    let (first, second) = (create(bench.engine(), "a")?, create(bench.engine(), "b")?);
    let before = system(bench);
    assert_eq!(bench.engine().delete(first)?, Outcome::Changed(()));
    let mut expected = before;
    expected.snapshots.remove(&first);
    assert_eq!(system(bench), expected);
    assert!(expected.snapshots.contains_key(&second));
    Ok(())
}

fn deleting_what_is_not_there_is_no_change(bench: &mut dyn Bench) -> Result<(), Failed> {
    let before = bench.engine().system()?;
    for number in [2, 99, u32::MAX] {
        assert_eq!(bench.engine().delete(SnapshotId(number))?, Outcome::Unchanged);
    }
    assert!(Arc::ptr_eq(&before, &bench.engine().system()?));
    Ok(())
}

fn what_runs_starts_or_is_pinned_is_not_deleted(bench: &mut dyn Bench) -> Result<(), Failed> {
    let next = create(bench.engine(), "starts next")?;
    let pinned = bench.engine().create(&NewSnapshot {
        pinned: true,
        ..NewSnapshot::default()
    })?;
    bench.outside_set_default(next);
    let before = system(bench);
    let engine = bench.engine();
    for (id, code) in [
        (SnapshotId(1), RefusalCode::Booted),
        (next, RefusalCode::Default),
        (pinned, RefusalCode::Pinned),
    ] {
        assert_eq!(refusal(engine.delete(id)), (code, Some(id)));
    }
    assert_eq!(system(bench), before);
    Ok(())
}

fn an_edit_changes_what_it_names(bench: &mut dyn Bench) -> Result<(), Failed> {
    let id = create(bench.engine(), "old")?;
    let mut expected = get(bench, id);
    for edit in [
        Edit {
            description: Some("new & <improved>".into()),
            ..Edit::default()
        },
        Edit {
            cleanup: Some(Cleanup("number".into())),
            ..Edit::default()
        },
        Edit {
            pinned: Some(true),
            ..Edit::default()
        },
        Edit {
            cleanup: Some(Cleanup("timeline".into())),
            ..Edit::default()
        },
        Edit {
            description: Some(String::new()),
            pinned: Some(false),
            ..Edit::default()
        },
    ] {
        assert_eq!(bench.engine().edit(id, &edit)?, Outcome::Changed(()), "{edit:?}");
        edit.apply(&mut expected);
        assert_eq!(get(bench, id), expected, "{edit:?}");
    }
    Ok(())
}

fn an_edit_that_changes_nothing_says_so(bench: &mut dyn Bench) -> Result<(), Failed> {
    let id = create(bench.engine(), "same")?;
    let before = bench.engine().system()?;
    for edit in [
        Edit::default(),
        Edit {
            description: Some("same".into()),
            cleanup: Some(Cleanup::default()),
            pinned: Some(false),
            read_only: Some(true),
        },
    ] {
        assert_eq!(bench.engine().edit(id, &edit)?, Outcome::Unchanged, "{edit:?}");
    }
    assert_eq!(*bench.engine().system()?, *before);
    Ok(())
}

fn what_is_not_there_or_damaged_is_not_edited(bench: &mut dyn Bench) -> Result<(), Failed> {
    let edit = Edit {
        description: Some("x".into()),
        ..Edit::default()
    };
    let missing = SnapshotId(77);
    assert_eq!(
        refusal(bench.engine().edit(missing, &edit)),
        (RefusalCode::NoSuchSnapshot, Some(missing))
    );
    for condition in [Condition::NoMetadata, Condition::BadMetadata] {
        let id = create(bench.engine(), "y")?;
        bench.damage(id, condition);
        assert_eq!(
            refusal(bench.engine().edit(id, &edit)),
            (RefusalCode::Damaged, Some(id))
        );
    }
    Ok(())
}

fn the_read_only_flag_can_be_changed_and_changed_back(bench: &mut dyn Bench) -> Result<(), Failed> {
    let id = create(bench.engine(), "x")?;
    let before = get(bench, id);
    for read_only in [false, true] {
        let edit = Edit {
            read_only: Some(read_only),
            ..Edit::default()
        };
        assert_eq!(bench.engine().edit(id, &edit)?, Outcome::Changed(()));
        assert_eq!(bench.engine().edit(id, &edit)?, Outcome::Unchanged);
        assert_eq!(get(bench, id).read_only, read_only);
    }
    assert_eq!(get(bench, id), before);
    Ok(())
}

fn what_the_system_starts_from_stays_read_only(bench: &mut dyn Bench) -> Result<(), Failed> {
    let next = create(bench.engine(), "starts next")?;
    bench.outside_set_default(next);
    let before = system(bench);
    let writable = Edit {
        description: Some("both or nothing".into()),
        read_only: Some(false),
        ..Edit::default()
    };
    for id in [SnapshotId(1), next] {
        assert_eq!(
            refusal(bench.engine().edit(id, &writable)),
            (RefusalCode::MustStayReadOnly, Some(id))
        );
    }
    assert_eq!(system(bench), before);
    let kept = Edit {
        description: Some("the running system".into()),
        read_only: Some(true),
        ..Edit::default()
    };
    assert_eq!(bench.engine().edit(SnapshotId(1), &kept)?, Outcome::Changed(()));
    assert_eq!(get(bench, SnapshotId(1)).description, "the running system");
    Ok(())
}

fn damaged_books_are_shown_as_such(bench: &mut dyn Bench) -> Result<(), Failed> {
    for condition in [Condition::NoMetadata, Condition::BadMetadata] {
        let id = create(bench.engine(), "to be damaged")?;
        bench.damage(id, condition);
        let shown = get(bench, id);
        assert_eq!((shown.id, shown.condition), (id, condition));
        assert!(shown.read_only);
        assert_eq!(
            bench.engine().delete(id)?,
            Outcome::Changed(()),
            "it can be cleared away"
        );
    }
    Ok(())
}

fn leftovers_are_removed_and_nothing_else(bench: &mut dyn Bench) -> Result<(), Failed> {
    create(bench.engine(), "stays")?;
    let before = system(bench);
    assert_eq!(bench.engine().recover()?, Outcome::Unchanged);
    let left = [bench.leave_unfinished(), bench.leave_unfinished()];
    assert!(left.iter().all(|id| get(bench, *id).is_in_progress()));
    assert_eq!(bench.engine().recover()?, Outcome::Changed(left.to_vec()));
    assert_eq!(system(bench), before);
    assert_eq!(bench.engine().recover()?, Outcome::Unchanged);
    Ok(())
}

fn others_changes_are_seen(bench: &mut dyn Bench) -> Result<(), Failed> {
    let before = bench.engine().system()?;
    let id = bench.outside_create("by another program");
    assert_eq!(get(bench, id).description, "by another program");
    bench.outside_set_default(id);
    assert_eq!(system(bench).default, Some(id));
    assert!(!bench.outside_delete(id), "btrfs deletes no default");
    bench.outside_set_default(SnapshotId(1));
    assert!(bench.outside_delete(id));
    assert_eq!(*bench.engine().system()?, *before);
    assert_eq!(bench.engine().delete(id)?, Outcome::Unchanged);
    Ok(())
}

fn a_watcher_is_woken_and_reading_drains(bench: &mut dyn Bench) -> Result<(), Failed> {
    let watch = bench.engine().watch()?.ok_or("these engines can be watched")?;
    let readable = || {
        let limit = Timespec {
            tv_sec: 0,
            tv_nsec: 50_000_000,
        };
        poll(&mut [PollFd::new(&watch, PollFlags::IN)], Some(&limit)).map(|count| count > 0)
    };
    bench.engine().system()?;
    assert!(!readable()?, "nothing happened since the last reading");
    for round in 0..3 {
        let id = bench.outside_create("by another program");
        assert!(readable()?, "creation {round}");
        bench.engine().system()?;
        assert!(!readable()?, "drained after creation {round}");
        assert!(bench.outside_delete(id));
        assert!(readable()?, "deletion {round}");
        // The kernel may tell of the end of what was deleted a moment later, and wake once more.
        let mut readings = 0;
        while readings == 0 || readable()? {
            bench.engine().system()?;
            readings += 1;
            assert!(readings < 10, "drained after deletion {round}");
        }
    }
    Ok(())
}
