// SPDX-License-Identifier: GPL-3.0-or-later
//! On what package managers do, our rows are snapper's.

use crate::Case;
use crate::random::Random;
use crate::stage::Stage;
use model::{Aspects, FileChangeKind};
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use support::loop_btrfs::run;

pub(crate) const CASES: &[Case] = &[("snapper::updates_of_packages_have_its_rows", updates)];

fn updates() {
    let stage = Stage::new(600);
    let system = stage.disk.top().join("@");
    fs::create_dir_all(system.join("etc/snapper/configs")).unwrap();
    fs::create_dir_all(system.join("etc/default")).unwrap();
    fs::write(
        system.join("etc/snapper/configs/root"),
        "SUBVOLUME=\"/\"\nFSTYPE=\"btrfs\"\n",
    )
    .unwrap();
    fs::write(system.join("etc/default/snapper"), "SNAPPER_CONFIGS=\"root\"\n").unwrap();
    let mut random = Random(7);
    let usr = system.join("usr");
    for directory in 0..40 {
        fs::create_dir(usr.join(format!("p{directory}"))).unwrap();
        for file in 0..25 {
            fs::write(
                usr.join(format!("p{directory}/f{file}")),
                format!("{directory} {file}\n"),
            )
            .unwrap();
        }
    }
    let numbered = |stage: &Stage, number: u32| {
        let text = format!(
            "<?xml version=\"1.0\"?>\n<snapshot>\n  <type>single</type>\n  <num>{number}</num>\n  \
             <date>2026-03-01 07:15:09</date>\n</snapshot>\n"
        );
        fs::write(stage.disk.snapshots().join(format!("{number}/info.xml")), text).unwrap();
    };
    let mut last = stage.snapshot(&system);
    numbered(&stage, last);
    let mut total = 0;
    for update in 0..6 {
        for _ in 0..120 {
            let directory = usr.join(format!("p{}", random.below(40)));
            let file = directory.join(format!("f{}", random.below(30)));
            match random.below(10) {
                0..=5 => {
                    // Unpacked beside the old one, then put in its place.
                    let new = file.with_extension("dpkg-new");
                    fs::write(&new, format!("update {update} {}\n", random.below(3))).unwrap();
                    fs::set_permissions(
                        &new,
                        fs::Permissions::from_mode(0o644 | (random.below(2) as u32) << 6),
                    )
                    .unwrap();
                    fs::rename(new, file).unwrap();
                }
                6 => drop(fs::remove_file(file)),
                7 if file.exists() => {
                    chown(file, Some(random.below(2) as u32), Some(random.below(2) as u32)).unwrap()
                }
                8 => drop(symlink("f0", file.with_extension("so"))),
                _ => fs::write(file, format!("changed by {update}\n")).unwrap(),
            }
        }
        if update == 3 {
            fs::remove_dir_all(usr.join("p3")).unwrap();
            fs::create_dir(usr.join("p3")).unwrap();
        }
        let next = stage.snapshot(&system);
        numbered(&stage, next);
        let root = stage.disk.root();
        let words = [
            "--no-dbus",
            "--root",
            root.to_str().unwrap(),
            "status",
            &format!("{last}..{next}"),
        ];
        let told = run("snapper", words).unwrap();
        let theirs: BTreeSet<String> = told
            .lines()
            .filter(|line| !line.ends_with("/.snapshots"))
            .map(str::to_owned)
            .collect();
        let ours: BTreeSet<String> = stage.changes(last, next).iter().filter_map(row).collect();
        let only: Vec<_> = ours.symmetric_difference(&theirs).collect();
        assert!(only.is_empty(), "{last}..{next}: {only:#?}");
        total += ours.len();
        last = next;
    }
    assert!(total > 300, "{total}");
    println!("{total} rows, all of them snapper's");
}

/// A change in snapper's words; it does not tell of times.
fn row(change: &model::FileChange) -> Option<String> {
    let has = |aspect, sign| if change.aspects.has(aspect) { sign } else { '.' };
    let first = match change.kind {
        FileChangeKind::Created => '+',
        FileChangeKind::Deleted => '-',
        _ if change.aspects.has(Aspects::KIND) => 't',
        _ => has(Aspects::CONTENT, 'c'),
    };
    let signs: String = match first {
        '+' | '-' => format!("{first}....."),
        _ => [
            first,
            has(Aspects::MODE, 'p'),
            has(Aspects::OWNER, 'u'),
            has(Aspects::GROUP, 'g'),
            has(Aspects::XATTRS, 'x'),
            has(Aspects::ACL, 'a'),
        ]
        .iter()
        .collect(),
    };
    let path = String::from_utf8(change.path.clone()).unwrap();
    (signs != "......").then(|| format!("{signs} /{path}"))
}
