// SPDX-License-Identifier: GPL-3.0-or-later
//! Power cuts on a machine that systemd-boot starts: its boot partition lies on the same recorded disk, and the firmware's
//! variables keep what was written to them before the cut.
//!
//! The partition has a file system without a journal here, as FAT is one, but it is ext4 without its journal: the kernels
//! that tests run on have no FAT. What the engine relies on is the same: a file that was flushed before it got its name.

use super::judge::Verdict;
use super::manifest::Manifest;
use super::{Recorded, cut, cut_all};
use engine::{Engine as _, NativeEngine, Outcome};
use model::{NewSnapshot, SnapshotId, userdata_key};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use support::firmware::{Shown, Values};
use support::loop_btrfs::{mount_part, run, unmount_all};
use support::machine::{Record, open};
use support::{Chance, Firmware, Layout, LoopBtrfs, Recording};

/// How long the boot partition is.
const ESP: u64 = 12 << 20;
const KERNEL: usize = 300_000;
const PINNED: u32 = 2;
const TARGET: u32 = 3;

/// What is mounted into a running system besides its own file system.
struct Around {
    _folder: tempfile::TempDir,
    root: PathBuf,
    _firmware: Shown,
}

impl Around {
    fn new(disk: &LoopBtrfs, place: u64, firmware: &Firmware) -> Result<Self, String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let (sys, proc) = (folder.path().join("sys"), folder.path().join("proc"));
        let variables = sys.join("firmware/efi/efivars");
        fs::create_dir_all(&variables)
            .and_then(|()| fs::create_dir(&proc))
            .unwrap();
        fs::write(
            proc.join("cmdline"),
            "root=LABEL=x rootflags=subvol=@/.snapshots/1/snapshot quiet\n",
        )
        .unwrap();
        let shown = firmware.serve(&variables).unwrap();
        let root = disk.root();
        mount_part(&disk.image(), place, ESP, &root.join("efi"))
            .map_err(|error| format!("the boot partition cannot be mounted: {error}"))?;
        for (from, to) in [(&sys, "sys"), (&proc, "proc")] {
            let to = root.join(to);
            run("mount", ["--rbind", from.to_str().unwrap(), to.to_str().unwrap()]).unwrap();
        }
        Ok(Self {
            _folder: folder,
            root,
            _firmware: shown,
        })
    }

    fn esp(&self) -> PathBuf {
        self.root.join("efi")
    }
}

impl Drop for Around {
    fn drop(&mut self) {
        for place in ["efi", "sys", "proc"] {
            // A cut may have left one that was never mounted.
            let _ = run("umount", ["-R", "-l", self.root.join(place).to_str().unwrap()]);
        }
    }
}

/// What is in an entry's file.
fn fields(text: &str) -> BTreeMap<&str, &str> {
    text.lines().filter_map(|line| line.split_once(' ')).collect()
}

/// The file of the entry with this name, whatever its count.
fn entry(esp: &Path, id: &str) -> Option<PathBuf> {
    let stem = id.strip_suffix(".conf")?;
    let names = fs::read_dir(esp.join("loader/entries")).ok()?;
    let mut names = names.filter_map(|it| it.ok()?.file_name().into_string().ok());
    let found = names.find(|name| {
        let name = name.strip_suffix(".conf").unwrap_or(name);
        name == stem || name.strip_prefix(stem).is_some_and(|rest| rest.starts_with('+'))
    })?;
    Some(esp.join("loader/entries").join(found))
}

/// The snapshot that an entry starts, with everything that it needs to.
fn starts(esp: &Path, disk: &LoopBtrfs, id: &str) -> Result<u32, String> {
    let file = entry(esp, id).ok_or_else(|| format!("there is no entry {id}"))?;
    let text = fs::read_to_string(&file).map_err(|error| format!("{id} cannot be read: {error}"))?;
    let fields = fields(&text);
    let number = fields
        .get("options")
        .and_then(|options| {
            options
                .split_once("subvol=@/.snapshots/")?
                .1
                .split('/')
                .next()?
                .parse()
                .ok()
        })
        .ok_or_else(|| format!("{id} starts nothing: {text:?}"))?;
    for (key, own) in [
        ("linux", "boot/vmlinuz-6.12.1"),
        ("initrd", "boot/initrd.img-6.12.1"),
    ] {
        let path = fields
            .get(key)
            .ok_or_else(|| format!("{id} has no {key}: {text:?}"))?;
        let there = fs::read(esp.join(path.trim_start_matches('/')))
            .map_err(|error| format!("not bootable: {path} of {id}: {error}"))?;
        let own = fs::read(disk.snapshot(number).join(own))
            .map_err(|error| format!("snapshot {number}: {error}"))?;
        if there != own {
            return Err(format!(
                "not bootable: {path} of {id} is not what snapshot {number} has"
            ));
        }
    }
    Ok(number)
}

/// What starts next, and what does after that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Choice {
    next: u32,
    then: u32,
}

/// What systemd-boot starts, by its documentation: the one-shot entry, then the default one.
fn choice(esp: &Path, disk: &LoopBtrfs, firmware: &Firmware) -> Result<Choice, String> {
    let default = firmware
        .get("LoaderEntryDefault")
        .unwrap_or_else(|| "other-1.conf".to_owned());
    let then = starts(esp, disk, &default)?;
    let next = match firmware.get("LoaderEntryOneShot") {
        Some(id) => starts(esp, disk, &id)?,
        None => then,
    };
    Ok(Choice { next, then })
}

/// One change of such a machine, recorded.
struct Story {
    recording: Recording,
    /// The variables, each since how many entries.
    variables: Vec<(usize, Values)>,
    esp: u64,
    before: Choice,
    after: Choice,
    manifests: BTreeMap<u32, Manifest>,
    pinned: model::Snapshot,
    done: usize,
}

fn fill(root: &Path) -> std::io::Result<()> {
    for folder in ["boot", "usr/lib/modules/6.12.1", "efi", "sys", "proc", "run"] {
        fs::create_dir_all(root.join(folder))?;
    }
    fs::write(root.join("boot/vmlinuz-6.12.1"), vec![b'k'; KERNEL])?;
    fs::write(root.join("boot/initrd.img-6.12.1"), vec![b'i'; 2 * KERNEL])?;
    fs::write(
        root.join("etc/os-release"),
        "NAME=Linux\nID=linux\nVERSION_ID=1\n",
    )
}

/// A boot partition on which another tool wrote the entry of the first snapshot.
fn partition(at: &Path) -> PathBuf {
    let image = at.join("esp");
    fs::File::create(&image).unwrap().set_len(ESP).unwrap();
    run("mkfs.ext4", ["-q", "-O", "^has_journal", image.to_str().unwrap()]).unwrap();
    let place = at.join("at");
    fs::create_dir(&place).unwrap();
    mount_part(&image, 0, ESP, &place).unwrap();
    fs::create_dir_all(place.join("loader/entries")).unwrap();
    fs::create_dir_all(place.join("other")).unwrap();
    fs::write(place.join("other/linux"), vec![b'k'; KERNEL]).unwrap();
    fs::write(place.join("other/initrd"), vec![b'i'; 2 * KERNEL]).unwrap();
    fs::write(
        place.join("loader/entries/other-1.conf"),
        "title first\nversion 1\nsort-key linux\nlinux /other/linux\ninitrd /other/initrd\n\
         options root=LABEL=x rootflags=subvol=@/.snapshots/1/snapshot quiet\n",
    )
    .unwrap();
    unmount_all(&place).unwrap();
    image
}

impl Story {
    /// Records what `act` does after `prepare`.
    fn record(
        prepare: impl FnOnce(&NativeEngine, &LoopBtrfs),
        act: impl FnOnce(&NativeEngine, &Around, &Firmware),
    ) -> Self {
        let mut disk = LoopBtrfs::with_system(160, Layout::Transactional, fill).unwrap();
        let scratch = tempfile::tempdir().unwrap();
        let image = partition(scratch.path());
        for (number, pinned) in [(PINNED, true), (TARGET, false)] {
            let wish = NewSnapshot {
                description: format!("number {number}"),
                pinned,
                ..NewSnapshot::default()
            };
            assert_eq!(open(&disk.root()).create(&wish).unwrap().0, number);
        }
        let (recorder, place) = disk.onto_disk_with(&image).unwrap();
        let firmware = Firmware::default();
        firmware.set("LoaderInfo", Some("systemd-boot 257.9"));
        let around = Around::new(&disk, place, &firmware).unwrap();
        let engine = open(&disk.root());
        prepare(&engine, &disk);
        let esp = around.esp();
        let before = choice(&esp, &disk, &firmware).unwrap();
        let mut manifests = BTreeMap::<u32, Manifest>::new();
        for number in [1, PINNED, TARGET] {
            let known: Vec<&Manifest> = manifests.values().collect();
            let manifest = Manifest::of(&disk.snapshot(number), &known).unwrap();
            manifests.insert(number, manifest);
        }
        let pinned = engine.system().unwrap().snapshots[&SnapshotId(PINNED)].clone();
        let variables = Arc::new(Mutex::new(vec![(0, firmware.values())]));
        firmware.watch({
            let (variables, recorder) = (Arc::clone(&variables), recorder.clone());
            move |values| {
                variables
                    .lock()
                    .unwrap()
                    .push((recorder.recorded(), values.clone()))
            }
        });
        for place in [disk.top(), esp.clone()] {
            run("sync", ["-f", place.to_str().unwrap()]).unwrap();
        }
        recorder.record();
        act(&engine, &around, &firmware);
        recorder.mark("done");
        // The machine goes on: what was not flushed by the change itself can still be lost here.
        for round in 0..2 {
            fs::write(disk.top().join(format!("work-{round}")), vec![b'w'; 100_000]).unwrap();
            run("sync", ["-f", disk.top().to_str().unwrap()]).unwrap();
        }
        let recording = recorder.recording();
        let after = choice(&esp, &disk, &firmware).unwrap();
        let done = recording.marked("done").unwrap();
        let variables = variables.lock().unwrap().clone();
        drop((engine, around));
        Self {
            recording,
            variables,
            esp: place,
            before,
            after,
            manifests,
            pinned,
            done,
        }
    }
}

impl Recorded for Story {
    fn recording(&self) -> &Recording {
        &self.recording
    }

    fn done(&self) -> usize {
        self.done
    }

    fn judge(&self, at: usize, seed: u64) -> Result<Verdict, String> {
        let mut chance = Chance::new(seed);
        let cut = self.recording.cut(at, &mut chance);
        // One that was written just then may or may not have been.
        let certain = self
            .variables
            .iter()
            .rposition(|(since, _)| *since < at || *since == 0);
        let possible = self.variables.iter().rposition(|(since, _)| *since <= at);
        let (certain, possible) = (certain.unwrap_or(0), possible.unwrap_or(0));
        let known = certain + usize::try_from(chance.below((possible - certain + 1) as u64)).unwrap();
        let firmware = Firmware::with(self.variables[known].1.clone());
        let disk = LoopBtrfs::on_disk(&cut).map_err(|error| format!("cannot be served: {error}"))?;
        run("btrfs", ["check", "--readonly", disk.image().to_str().unwrap()])
            .map_err(|error| format!("btrfs check: {error}"))?;
        disk.start().map_err(|error| format!("does not start: {error}"))?;
        let around = Around::new(&disk, self.esp, &firmware)?;
        let now = choice(&around.esp(), &disk, &firmware)?;
        let engine = open(&disk.root());
        engine
            .recover()
            .map_err(|error| format!("cannot be recovered: {}", error.chain()))?;
        let system = engine
            .system()
            .map_err(|error| format!("cannot be read: {}", error.chain()))?;
        if !system
            .default
            .is_some_and(|id| [now.next, now.then].contains(&id.0))
        {
            return Err(format!(
                "{now:?} starts, but the engine tells {:?}",
                system.default
            ));
        }
        for number in [now.next, now.then, PINNED] {
            let expected = &self.manifests[&number];
            let found = Manifest::of(&disk.snapshot(number), &[expected]);
            let found = found.map_err(|error| format!("snapshot {number}: {error}"))?;
            if let Some(difference) = expected.difference(&found) {
                return Err(format!("snapshot {number} is not whole: {difference}"));
            }
        }
        if system.snapshots.get(&SnapshotId(PINNED)) != Some(&self.pinned) {
            return Err(format!(
                "the pinned snapshot is not what it was: {:?}",
                system.snapshots
            ));
        }
        match now {
            now if now == self.after => Ok(Verdict::New),
            _ if at >= self.done => Err(format!("{now:?}: the change was reported as done and is lost")),
            now if now == self.before => Ok(Verdict::Old),
            // Between the two variables of a change, something that can start does.
            now if [self.before, self.after].iter().any(|it| it.then == now.then) => Ok(Verdict::Old),
            now => Err(format!(
                "{now:?} is neither {:?} nor {:?}",
                self.before, self.after
            )),
        }
    }
}

fn choose(engine: &NativeEngine, number: u32) {
    let done = Record::default().with(|context| engine.roll_back(SnapshotId(number), context));
    assert_eq!(done.unwrap(), Outcome::Changed(SnapshotId(number)));
}

pub(super) fn roll_back() {
    let story = Story::record(|_, _| (), |engine, _, _| choose(engine, TARGET));
    assert_eq!((story.before.next, story.after.next), (1, TARGET));
    cut_all(&story, "systemd-boot, roll back");
}

pub(super) fn roll_back_again() {
    let story = Story::record(
        |engine, _| choose(engine, TARGET),
        |engine, _, _| choose(engine, 1),
    );
    assert_eq!((story.before.next, story.after.next), (TARGET, 1));
    cut_all(&story, "systemd-boot, roll back to an old entry");
}

pub(super) fn try_once() {
    let story = Story::record(
        |_, _| (),
        |engine, _, _| {
            let done = Record::default().with(|context| engine.try_once(Some(SnapshotId(TARGET)), context));
            assert_eq!(done.unwrap(), Outcome::Changed(()));
        },
    );
    assert_eq!(
        story.after,
        Choice {
            next: TARGET,
            then: 1
        }
    );
    cut_all(&story, "systemd-boot, try once");
}

/// Marks a snapshot as what an update made and nobody started.
fn not_started(disk: &LoopBtrfs) {
    let path = disk.snapshots().join(format!("{TARGET}/info.xml"));
    let mark = format!(
        "<userdata><key>{}</key><value>yes</value></userdata></snapshot>",
        userdata_key::NOT_BOOTED
    );
    let text = fs::read_to_string(&path).unwrap().replace("</snapshot>", &mark);
    fs::write(path, text).unwrap();
}

pub(super) fn trial() {
    let story = Story::record(|_, disk| not_started(disk), |engine, _, _| choose(engine, TARGET));
    assert_eq!(
        story.after,
        Choice {
            next: TARGET,
            then: 1
        }
    );
    cut_all(&story, "systemd-boot, update on trial");
}

pub(super) fn discard() {
    let story = Story::record(
        |engine, disk| {
            not_started(disk);
            choose(engine, TARGET);
        },
        |engine, _, _| {
            let done = Record::default().with(|context| engine.discard(context));
            assert_eq!(done.unwrap(), Outcome::Changed(vec![SnapshotId(TARGET)]));
        },
    );
    assert_eq!((story.before.next, story.after.next), (TARGET, 1));
    cut_all(&story, "systemd-boot, discard of a trial");
}

/// The proof that the harness can see anything: the variable is set before what it names is safe.
pub(super) fn wrong_order() {
    let story = Story::record(
        |_, _| (),
        |_, around, firmware| {
            let esp = around.esp();
            fs::create_dir_all(esp.join("kedge")).unwrap();
            fs::write(
                esp.join("loader/entries/kedge-3.conf"),
                "linux /kedge/l\ninitrd /kedge/i\noptions rootflags=subvol=@/.snapshots/3/snapshot\n",
            )
            .unwrap();
            // As the loader's own tool would write it, through the file that the kernel shows.
            let vendor = "4a67b082-0a4c-41cf-b6c7-440b29bb8c4f";
            let units = "kedge-3.conf"
                .encode_utf16()
                .chain([0])
                .flat_map(u16::to_le_bytes);
            let bytes: Vec<u8> = [7, 0, 0, 0].into_iter().chain(units).collect();
            let variable = around
                .root
                .join(format!("sys/firmware/efi/efivars/LoaderEntryDefault-{vendor}"));
            fs::write(variable, bytes).unwrap();
            assert_eq!(
                firmware.get("LoaderEntryDefault").as_deref(),
                Some("kedge-3.conf")
            );
            fs::write(esp.join("kedge/l"), vec![b'k'; KERNEL]).unwrap();
            fs::write(esp.join("kedge/i"), vec![b'i'; 2 * KERNEL]).unwrap();
            run("sync", ["-f", esp.to_str().unwrap()]).unwrap();
        },
    );
    let count = cut(&story, "systemd-boot, wrong order", 0..story.done);
    assert!(
        count
            .bad
            .iter()
            .any(|bad| bad.contains("no entry") || bad.contains("not bootable")),
        "{count:?}"
    );
}
