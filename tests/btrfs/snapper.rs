// SPDX-License-Identifier: GPL-3.0-or-later
//! The same disk in snapper's hands and in ours.

use crate::Case;
use crate::fixture::{Machine, open};
use engine::{Engine, Error, Outcome};
use model::{Cleanup, Edit, NewSnapshot, SnapshotId};
use std::path::Path;
use std::time::{Duration, Instant};
use support::loop_btrfs::run;
use support::{Layout, LoopBtrfs};

pub(crate) const CASES: &[Case] = &[
    (
        "snapper::lists_changes_compares_and_deletes_ours",
        it_works_on_ours,
    ),
    ("snapper::we_list_change_and_delete_its", we_work_on_its),
    (
        "snapper::the_books_are_the_same_bytes",
        the_books_are_the_same_bytes,
    ),
    ("snapper::both_see_one_default", both_see_one_default),
    ("snapper::both_at_the_same_time", both_at_the_same_time),
];

fn files(root: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(root.join("etc/snapper/configs"))?;
    std::fs::create_dir_all(root.join("etc/default"))?;
    std::fs::write(
        root.join("etc/snapper/configs/root"),
        "SUBVOLUME=\"/\"\nFSTYPE=\"btrfs\"\n",
    )?;
    std::fs::write(root.join("etc/default/snapper"), "SNAPPER_CONFIGS=\"root\"\n")?;
    std::fs::write(root.join("etc/hostname"), "kedge\n")?;
    std::fs::write(root.join("usr/file"), "one\n")
}

fn machine(layout: Layout) -> Machine {
    let disk = LoopBtrfs::with_system(256, layout, files).unwrap();
    let engine = open(&disk.root());
    Machine { engine, disk }
}

fn snapper(machine: &Machine, arguments: &[&str]) -> std::io::Result<String> {
    let root = machine.disk.root();
    let base = ["--no-dbus", "--root", root.to_str().unwrap(), "--utc", "--iso"];
    run("snapper", base.iter().chain(arguments))
}

/// What snapper lists: number, date, user, cleanup, description, userdata, without its number 0.
fn rows(machine: &Machine) -> Vec<String> {
    let columns = "number,type,pre-number,date,cleanup,description,userdata,read-only";
    let arguments = [
        "--csvout",
        "--separator",
        "|",
        "list",
        "--disable-used-space",
        "--columns",
        columns,
    ];
    let told = snapper(machine, &arguments).unwrap();
    told.lines().skip(2).map(str::to_owned).collect()
}

fn it_works_on_ours() {
    for layout in [Layout::Transactional, Layout::Classic, Layout::At] {
        let machine = machine(layout);
        // Where the helper may keep its memory: what is no number is not snapper's business.
        std::fs::create_dir(machine.disk.root().join(".snapshots/kedge")).unwrap();
        let wish = NewSnapshot {
            description: "Öl, <&> \"x\" 😀".to_owned(),
            cleanup: Cleanup("number".to_owned()),
            pinned: false,
            uid: 0,
        };
        let first = machine.engine.create(&wish).unwrap().0;
        let wish = NewSnapshot { pinned: true, ..wish };
        let second = machine.engine.create(&wish).unwrap().0;
        let date = "2026-11-18 11:06:40";
        let ours = [
            format!("{first}|single||{date}|number|Öl, <&> \"x\" 😀||yes"),
            format!(
                "{second}|single||{date}||Öl, <&> \"x\" 😀|kedge-pinned=yes, kedge-pinned-cleanup=number|yes"
            ),
        ];
        let told: Vec<String> = rows(&machine).into_iter().rev().take(2).rev().collect();
        let told: Vec<String> = told
            .iter()
            .map(|row| row.replace("\"\"", "\"").replace("|\"", "|").replace("\"|", "|"))
            .collect();
        assert_eq!(told, ours);

        let _ = machine.system();
        snapper(
            &machine,
            &["modify", "-d", "changed", "-c", "timeline", &first.to_string()],
        )
        .unwrap();
        assert_eq!(
            (
                machine.get(first).description.as_str(),
                machine.get(first).cleanup.0.as_str()
            ),
            ("changed", "timeline")
        );
        snapper(&machine, &["modify", "--read-write", &first.to_string()]).unwrap();
        assert!(!machine.get(first).read_only);
        std::fs::write(machine.disk.snapshot(first).join("usr/file"), "changed\n").unwrap();
        std::fs::write(machine.disk.snapshot(first).join("usr/new"), "").unwrap();
        let status = snapper(&machine, &["status", &format!("{second}..{first}")]).unwrap();
        let status: Vec<&str> = status.lines().filter(|line| line.contains("/usr/")).collect();
        assert_eq!(status, ["c..... /usr/file", "+..... /usr/new"]);
        if layout == Layout::Transactional {
            // Snapper knows nothing of what is nested; its plugin removes that first, as we do here.
            for number in [first, second] {
                let path = machine.disk.snapshot(number);
                machine
                    .disk
                    .btrfs(["property", "set", path.to_str().unwrap(), "ro", "false"])
                    .unwrap();
                let etc = path.join("etc");
                machine
                    .disk
                    .btrfs(["subvolume", "delete", etc.to_str().unwrap()])
                    .unwrap();
            }
        }
        snapper(&machine, &["delete", &first.to_string(), &second.to_string()]).unwrap();
        assert!(
            !machine
                .numbers()
                .iter()
                .any(|number| [first, second].contains(number))
        );
        assert!(!machine.directories().contains(&first.to_string()));
    }
}

fn we_work_on_its() {
    let machine = machine(Layout::Classic);
    let told = snapper(
        &machine,
        &[
            "create",
            "-p",
            "-d",
            "by snapper",
            "-c",
            "number",
            "-u",
            "a=1,important=yes",
        ],
    )
    .unwrap();
    let number: u32 = told.trim().parse().unwrap();
    let snapshot = machine.get(number);
    assert!(snapshot.is_important() && snapshot.read_only);
    assert_eq!(
        (snapshot.description.as_str(), snapshot.cleanup.0.as_str()),
        ("by snapper", "number")
    );
    let edit = Edit {
        description: Some("by us".to_owned()),
        pinned: Some(true),
        ..Edit::default()
    };
    machine.engine.edit(SnapshotId(number), &edit).unwrap();
    let row = rows(&machine).pop().unwrap();
    assert!(row.contains("by us") && row.contains("kedge-pinned=yes"), "{row}");
    let edit = Edit {
        pinned: Some(false),
        ..Edit::default()
    };
    machine.engine.edit(SnapshotId(number), &edit).unwrap();
    assert_eq!(
        machine.engine.delete(SnapshotId(number)).unwrap(),
        Outcome::Changed(())
    );
    assert_eq!(rows(&machine).len(), 1);
    // A pair, with what snapper keeps beside it.
    let pre = snapper(&machine, &["create", "-p", "-t", "pre", "-d", "before"]).unwrap();
    let pre = pre.trim();
    let post = snapper(&machine, &["create", "-p", "-t", "post", "--pre-number", pre]).unwrap();
    let post: u32 = post.trim().parse().unwrap();
    snapper(&machine, &["status", &format!("{pre}..{post}")]).unwrap();
    assert_eq!(machine.get(post).pre, Some(SnapshotId(pre.parse().unwrap())));
    assert_eq!(
        machine.engine.delete(SnapshotId(post)).unwrap(),
        Outcome::Changed(())
    );
    assert!(!machine.directories().contains(&post.to_string()));
}

fn the_books_are_the_same_bytes() {
    let machine = machine(Layout::Classic);
    for (description, cleanup) in [
        ("plain", "number"),
        ("", ""),
        ("Öl <&> \"'\" ]]> & &amp; 😀 \u{a0}", "timeline"),
        ("  blanks  ", "empty-pre-post"),
        ("tab\tline\nreturn\r", ""),
    ] {
        let told = snapper(&machine, &["create", "-p", "-d", description, "-c", cleanup]).unwrap();
        let its: u32 = told.trim().parse().unwrap();
        let id = machine
            .engine
            .create(&NewSnapshot {
                description: description.to_owned(),
                cleanup: Cleanup(cleanup.to_owned()),
                ..NewSnapshot::default()
            })
            .unwrap();
        let strip = |xml: String, number: u32| {
            xml.lines()
                .filter(|line| !line.starts_with("  <date>"))
                .map(|line| line.replace(&format!("<num>{number}<"), "<num>N<"))
                .collect::<Vec<_>>()
                .join("\n")
        };
        assert_eq!(strip(machine.info(id.0), id.0), strip(machine.info(its), its));
        // A change of ours that is none leaves snapper's bytes, and one that is undone too.
        let before = machine.info(its);
        for pinned in [true, false] {
            let edit = Edit {
                pinned: Some(pinned),
                ..Edit::default()
            };
            assert_eq!(
                machine.engine.edit(SnapshotId(its), &edit).unwrap(),
                Outcome::Changed(())
            );
        }
        assert_eq!(machine.info(its), before);
    }
}

fn both_see_one_default() {
    let machine = machine(Layout::Transactional);
    let number = machine.create("target");
    machine.roll_back(number).unwrap();
    let told = || {
        snapper(
            &machine,
            &[
                "--csvout",
                "list",
                "--disable-used-space",
                "--columns",
                "number,default",
            ],
        )
        .unwrap()
    };
    assert!(told().contains(&format!("\n{number},yes")), "{}", told());
    snapper(&machine, &["modify", "--default", "1"]).unwrap();
    assert_eq!(machine.system().default, Some(SnapshotId(1)));
}

/// Snapper lists before it works, and gives up when a directory goes while it does, or when one it empties is no longer
/// empty: that is tried again.
fn patient_snapper(machine: &Machine, arguments: &[&str]) -> String {
    let mut tries = 0;
    loop {
        let error = match snapper(machine, arguments) {
            Ok(told) => return told,
            Err(error) => error.to_string(),
        };
        let is_gone_by_now = tries > 0 && arguments[0] == "delete" && error.contains("not found");
        if is_gone_by_now {
            return String::new();
        }
        let is_met = [
            "IO error (open failed",
            "deleting snapshot failed",
            "Deleting snapshot failed",
        ]
        .iter()
        .any(|text| error.contains(text));
        tries += 1;
        assert!(is_met && tries < 50, "{error}");
    }
}

/// Neither may fail, but for refusals, and in the end both see the same.
fn both_at_the_same_time() {
    let machine = machine(Layout::Classic);
    let end = Instant::now() + Duration::from_secs(8);
    let (mut its, mut ours, mut refused) = (0, 0, 0);
    std::thread::scope(|scope| {
        let worker = scope.spawn(|| {
            let mut made = 0;
            while Instant::now() < end {
                let told = patient_snapper(&machine, &["create", "-p", "-d", "by snapper"]);
                patient_snapper(&machine, &["modify", "-d", "changed by snapper", told.trim()]);
                if made % 3 != 0 {
                    patient_snapper(&machine, &["delete", told.trim()]);
                }
                made += 1;
            }
            made
        });
        while Instant::now() < end {
            let id = machine.engine.create(&NewSnapshot::default()).unwrap();
            let system = machine.engine.system().unwrap();
            assert!(system.snapshots.contains_key(&id));
            let edit = Edit {
                description: Some("changed by us".to_owned()),
                ..Edit::default()
            };
            machine.engine.edit(id, &edit).unwrap();
            // Whatever is the newest now, snapper's included.
            let newest = *system.snapshots.keys().next_back().unwrap();
            match machine.engine.edit(newest, &edit) {
                Ok(_) => {}
                Err(Error::Refused(_)) => refused += 1,
                Err(error) => panic!("{}", error.chain()),
            }
            machine.engine.delete(id).unwrap();
            ours += 1;
        }
        its = worker.join().unwrap();
    });
    assert!(
        its > 3 && ours > 3,
        "too slow to tell: {its} by snapper, {ours} by us, {refused} refused"
    );
    // Where snapper gave up half-way, its subvolume is gone and its books are left: nobody's snapshot, like a crash.
    machine.engine.recover().unwrap();
    let fresh = open(&machine.disk.root()).system().unwrap();
    assert_eq!(*machine.system(), *fresh);
    assert_eq!(rows(&machine).len(), fresh.snapshots.len());
    let numbers: Vec<String> = fresh.snapshots.keys().map(ToString::to_string).collect();
    assert_eq!(machine.directories(), numbers);
    assert_eq!(
        machine.disk.subvolumes().unwrap().len(),
        fresh.snapshots.len() + 2
    );
}
