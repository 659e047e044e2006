// SPDX-License-Identifier: GPL-3.0-or-later
//! Random histories: many small changes of every kind, snapshots between them, branches, and every pair compared both
//! ways. A failure names the seed; `KEDGE_SEED=N` runs that history alone, `KEDGE_HISTORIES=N` so many.

use crate::Case;
use crate::oracle::{self, Node};
use crate::stage::{Stage, same};
use rustix::fs::{AtFlags, CWD, FileType, Mode, RenameFlags, Timespec, Timestamps, XattrFlags};
use std::ffi::OsStr;
use std::fs;
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

pub(crate) const CASES: &[Case] = &[("random::histories_agree_with_a_walk_through_both", histories)];

/// splitmix64: a generator that is the same everywhere.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }

    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        if from.is_empty() {
            None
        } else {
            Some(&from[self.below(from.len())])
        }
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length.div_ceil(8))
            .flat_map(|_| self.next().to_le_bytes())
            .take(length)
            .collect()
    }
}

/// Few names, so that they are taken again and again; some that hurt.
const NAMES: [&[u8]; 10] = [
    b"a",
    b"b",
    b"c",
    b"d",
    b"e",
    b"f",
    b"new\nline",
    b"\xff\xfe",
    b"\x1b[31m",
    b"a b",
];

/// An access control list of the kernel's format that names user 1000.
fn list(permissions: u8) -> Vec<u8> {
    let mut value = 2_u32.to_le_bytes().to_vec();
    for (tag, bits, id) in [
        (1_u16, 6, u32::MAX),
        (2, permissions, 1000),
        (4, 4, u32::MAX),
        (16, 7, u32::MAX),
        (32, 4, u32::MAX),
    ] {
        value.extend(tag.to_le_bytes());
        value.extend(u16::from(bits).to_le_bytes());
        value.extend(id.to_le_bytes());
    }
    value
}

struct World<'r> {
    root: PathBuf,
    random: &'r mut Random,
}

impl World<'_> {
    /// Every directory and everything else, anew each time: the trees are small.
    fn all(&self) -> (Vec<PathBuf>, Vec<PathBuf>) {
        let (mut directories, mut others) = (vec![self.root.clone()], Vec::new());
        let mut at = 0;
        while at < directories.len() {
            for entry in fs::read_dir(&directories[at]).unwrap() {
                let entry = entry.unwrap();
                let is_directory = entry.file_type().unwrap().is_dir();
                let is_nested = is_directory && {
                    use std::os::unix::fs::DirEntryExt as _;
                    matches!(
                        fs::metadata(entry.path()).map(|it| std::os::unix::fs::MetadataExt::ino(&it)),
                        Ok(2 | 256)
                    ) || entry.ino() == 2
                };
                match is_directory && !is_nested {
                    true => directories.push(entry.path()),
                    false => others.push(entry.path()),
                }
            }
            at += 1;
        }
        // The order of a directory is the kernel's: the same seed is to do the same.
        directories[1..].sort();
        others.sort();
        (directories, others)
    }

    fn name(&mut self) -> &'static OsStr {
        OsStr::from_bytes(self.random.pick(&NAMES).unwrap())
    }

    fn content(&mut self) -> Vec<u8> {
        let lengths = [0, 3, 100, 2000, 5000, 20_000];
        let length = *self.random.pick(&lengths).unwrap();
        match self.random.below(3) {
            // A few contents come again and again, so that replaced files may be equal.
            0 => vec![b'x'; length],
            1 => vec![b'y'; length],
            _ => self.random.bytes(length),
        }
    }

    fn remove(path: &Path) {
        let _ = match fs::symlink_metadata(path) {
            Ok(it) if it.is_dir() => fs::remove_dir_all(path),
            _ => fs::remove_file(path),
        };
    }

    fn make(&mut self, path: &Path) {
        match self.random.below(12) {
            // Only a new file: what has the name already may be a pipe or a device.
            0..=5 => {
                if let Ok(mut file) = fs::File::create_new(path) {
                    file.write_all(&self.content()).unwrap();
                }
            }
            6..=7 => drop(fs::create_dir(path)),
            8 => drop(symlink(self.name(), path)),
            9 => {
                let minor = self.random.next() % 4;
                // A number kept for experiments: nothing answers to it.
                let device = rustix::fs::makedev(240, u32::try_from(minor).unwrap());
                let _ = rustix::fs::mknodat(
                    CWD,
                    path,
                    FileType::CharacterDevice,
                    Mode::from_raw_mode(0o600),
                    device,
                );
            }
            10 => drop(rustix::fs::mknodat(
                CWD,
                path,
                FileType::Fifo,
                Mode::from_raw_mode(0o644),
                0,
            )),
            _ => drop(rustix::fs::mknodat(
                CWD,
                path,
                FileType::Socket,
                Mode::from_raw_mode(0o644),
                0,
            )),
        }
    }

    /// One change of a random kind. Many do nothing, because they are not possible there: that is fine.
    fn step(&mut self) {
        let (directories, others) = self.all();
        let directory = self.random.pick(&directories).unwrap().clone();
        let target = directory.join(self.name());
        let file = self.random.pick(&others).cloned();
        let everything: Vec<PathBuf> = directories[1..].iter().chain(&others).cloned().collect();
        let any = self.random.pick(&everything).cloned();
        match self.random.below(30) {
            0..=4 => self.make(&target),
            5..=6 => drop(fs::create_dir(&target)),
            // A name that is taken gets another thing, of another kind perhaps.
            7..=8 => {
                Self::remove(&target);
                self.make(&target);
            }
            9..=13 => {
                if let Some(any) = any {
                    if self.random.below(3) == 0 {
                        Self::remove(&target);
                    }
                    let _ = fs::rename(any, target);
                }
            }
            14 => {
                if let Some(any) = any {
                    let _ = rustix::fs::renameat_with(CWD, &any, CWD, &target, RenameFlags::EXCHANGE);
                }
            }
            15..=16 => {
                if let Some(any) = any {
                    Self::remove(&any);
                }
            }
            17..=18 => {
                if let Some(file) = file {
                    let _ = fs::hard_link(file, target);
                }
            }
            // As package managers do: another file takes the place.
            19..=20 => {
                if let Some(file) = file.filter(|it| fs::symlink_metadata(it).unwrap().is_file()) {
                    let temporary = directory.join("temporary");
                    Self::remove(&temporary);
                    let content = match self.random.below(2) {
                        0 => fs::read(&file).unwrap(),
                        _ => self.content(),
                    };
                    fs::write(&temporary, content).unwrap();
                    fs::rename(temporary, file).unwrap();
                }
            }
            // A whole directory is replaced, some of what was in it moves over.
            21 => self.replace_directory(&directories),
            22..=25 => self.change_bytes(file.as_deref(), &others),
            26 => self.nested(&target, file.as_deref()),
            _ => self.change_properties(any.as_deref()),
        }
    }

    fn replace_directory(&mut self, directories: &[PathBuf]) {
        let Some(old) = self.random.pick(&directories[1..]).cloned() else {
            return;
        };
        let new = self.root.join("temporary directory");
        Self::remove(&new);
        fs::create_dir(&new).unwrap();
        for entry in fs::read_dir(&old).unwrap() {
            let entry = entry.unwrap();
            let to = new.join(entry.file_name());
            match self.random.below(3) {
                0 => drop(fs::rename(entry.path(), to)),
                1 if entry.file_type().unwrap().is_file() => drop(fs::copy(entry.path(), to)),
                1 if entry.file_type().unwrap().is_dir() => drop(fs::create_dir(to)),
                _ => {}
            }
        }
        match self.random.below(3) {
            0 => drop(fs::rename(&old, self.root.join("kept").join(self.name()))),
            _ => Self::remove(&old),
        }
        if fs::symlink_metadata(&old).is_ok() || fs::rename(&new, &old).is_err() {
            Self::remove(&new);
        }
    }

    fn change_bytes(&mut self, file: Option<&Path>, others: &[PathBuf]) {
        let Some(file) = file.filter(|it| fs::symlink_metadata(it).unwrap().is_file()) else {
            return;
        };
        let before = fs::metadata(file).unwrap();
        let handle = fs::File::options().read(true).write(true).open(file).unwrap();
        let length = before.len();
        match self.random.below(7) {
            0 => {
                let content = self.content();
                handle.write_all_at(&content, length).unwrap();
            }
            // The same bytes once more.
            1 => handle.write_all_at(&fs::read(file).unwrap(), 0).unwrap(),
            2 if length > 0 => handle.write_all_at(&self.random.bytes(1), length / 2).unwrap(),
            3 => handle.set_len(self.random.below(8000) as u64).unwrap(),
            4 if length > 4096 => {
                let flags = rustix::fs::FallocateFlags::PUNCH_HOLE | rustix::fs::FallocateFlags::KEEP_SIZE;
                let _ = rustix::fs::fallocate(&handle, flags, 0, 4096);
            }
            5 => {
                let _ = rustix::fs::fallocate(&handle, rustix::fs::FallocateFlags::KEEP_SIZE, 0, 65536);
                (&handle).seek(SeekFrom::Start(1 << 20)).unwrap();
                if self.random.below(2) == 0 {
                    (&handle).write_all(b"far").unwrap();
                }
            }
            _ => {
                // The bytes of another file, shared.
                if let Some(other) = self
                    .random
                    .pick(others)
                    .filter(|it| fs::symlink_metadata(it).unwrap().is_file())
                {
                    let source = fs::File::open(other).unwrap();
                    let _ = rustix::fs::ioctl_ficlone(&handle, &source);
                }
            }
        }
        // Somebody who hides that anything was changed.
        if self.random.below(2) == 0 {
            let times = Timestamps {
                last_access: Timespec {
                    tv_sec: 7,
                    tv_nsec: 7,
                },
                last_modification: Timespec {
                    tv_sec: std::os::unix::fs::MetadataExt::mtime(&before),
                    tv_nsec: std::os::unix::fs::MetadataExt::mtime_nsec(&before),
                },
            };
            rustix::fs::futimens(&handle, &times).unwrap();
        }
    }

    fn change_properties(&mut self, any: Option<&Path>) {
        let Some(path) = any else { return };
        let is_link = fs::symlink_metadata(path).unwrap().is_symlink();
        match self.random.below(6) {
            0 if !is_link => {
                let mode = [0o600, 0o644, 0o755, 0o4755, 0o700][self.random.below(5)];
                let _ = fs::set_permissions(path, fs::Permissions::from_mode(mode));
            }
            1 => {
                let (uid, gid) = (self.random.below(3), self.random.below(3));
                let _ = std::os::unix::fs::lchown(path, Some(uid as u32), Some(gid as u32));
            }
            2 => {
                let time = Timespec {
                    tv_sec: i64::try_from(self.random.below(3)).unwrap(),
                    tv_nsec: 5,
                };
                let times = Timestamps {
                    last_access: time,
                    last_modification: time,
                };
                let _ = rustix::fs::utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW);
            }
            3 => {
                let name = ["trusted.a", "trusted.b", "trusted.long name"][self.random.below(3)];
                let length = self.random.below(3) * 900;
                let value = self.random.bytes(length);
                let _ = rustix::fs::lsetxattr(path, name, &value, XattrFlags::empty());
            }
            4 => {
                let name = ["trusted.a", "trusted.b", "system.posix_acl_access"][self.random.below(3)];
                let _ = rustix::fs::lremovexattr(path, name);
            }
            _ if !is_link => {
                let bits = u8::try_from(self.random.below(8)).unwrap();
                let name = ["system.posix_acl_access", "system.posix_acl_default"][self.random.below(2)];
                let _ = rustix::fs::lsetxattr(path, name, &list(bits), XattrFlags::empty());
            }
            _ => {}
        }
    }

    /// Now and then a subvolume in a directory, and files that are compressed.
    fn nested(&mut self, target: &Path, file: Option<&Path>) {
        match (self.random.below(4), file) {
            (0, _) => drop(support::loop_btrfs::run(
                "btrfs",
                [OsStr::new("subvolume"), OsStr::new("create"), target.as_os_str()],
            )),
            (_, Some(file)) if fs::symlink_metadata(file).unwrap().is_file() => {
                let name = "btrfs.compression";
                let _ = rustix::fs::lsetxattr(file, name, b"zstd", XattrFlags::empty());
                let _ = fs::write(file, vec![b'z'; 20_000 + self.random.below(9)]);
            }
            _ => {}
        }
    }

    fn steps(&mut self) {
        for _ in 0..1 + self.random.below(24) {
            self.step();
        }
    }
}

/// One history: a line of three or four snapshots, and a branch off one of them. Returns how many pairs were compared
/// and how many rows they had.
fn history(stage: &Stage, seed: u64) -> (usize, usize) {
    let mut random = Random(seed);
    let live = stage.subvolume(&format!("live-{seed}"));
    fs::create_dir(live.join("kept")).unwrap();
    let mut world = World {
        root: live.clone(),
        random: &mut random,
    };
    for _ in 0..3 {
        world.steps();
    }
    let mut numbers = vec![stage.snapshot(&live)];
    for _ in 0..2 + world.random.below(2) {
        world.steps();
        numbers.push(stage.snapshot(&live));
    }
    // A branch, as after a rollback; its files are born at other moments than those of the line.
    std::thread::sleep(std::time::Duration::from_millis(12));
    let base = *random.pick(&numbers).unwrap();
    let mut gone = Vec::new();
    let branch = match random.below(3) {
        // A snapshot that was written to, as an update leaves it.
        0 => {
            let number = stage.writable(&stage.path(base));
            let root = stage.path(number);
            World {
                root,
                random: &mut random,
            }
            .steps();
            stage.seal(number, true);
            number
        }
        // A snapshot of a copy that stays, or that goes, so that nobody knows of the common ancestor.
        which => {
            let copy = stage.disk.top().join(format!("copy-{seed}"));
            let source = stage.path(base);
            let arguments = [
                "subvolume",
                "snapshot",
                source.to_str().unwrap(),
                copy.to_str().unwrap(),
            ];
            stage.disk.btrfs(arguments).unwrap();
            let root = copy.clone();
            World {
                root,
                random: &mut random,
            }
            .steps();
            let number = stage.snapshot(&copy);
            match which {
                1 => {
                    remove_nested(stage, &copy);
                    stage.delete(&copy);
                }
                _ => gone.push(copy),
            }
            number
        }
    };
    numbers.push(branch);
    // A snapshot that was sealed, opened, and sealed again.
    if random.below(3) == 0 {
        std::thread::sleep(std::time::Duration::from_millis(12));
        stage.seal(numbers[1], false);
        let root = stage.path(numbers[1]);
        World {
            root,
            random: &mut random,
        }
        .steps();
        stage.seal(numbers[1], true);
    }
    let trees: Vec<Node> = numbers.iter().map(|number| stage.read(*number)).collect();
    let (mut pairs, mut rows) = (0, 0);
    for (at, from) in numbers.iter().enumerate() {
        for (to, tree) in std::iter::zip(&numbers, &trees).skip(at + 1) {
            let what = format!("seed {seed}");
            rows += stage.check(&what, (*from, &trees[at]), (*to, tree));
            pairs += 2;
        }
    }
    let (from, to) = (numbers[0], numbers[numbers.len() - 1]);
    let walked = oracle::changes(&trees[0], &trees[trees.len() - 1], false);
    same(
        &format!("seed {seed}, walked: {from} to {to}"),
        &stage.walked(from, to),
        &walked,
    );
    gone.push(live);
    gone.extend(numbers.iter().map(|number| stage.path(*number)));
    for path in gone {
        remove_nested(stage, &path);
        stage.delete(&path);
    }
    (pairs, rows)
}

/// Subvolumes in which others are nested cannot be deleted.
fn remove_nested(stage: &Stage, path: &Path) {
    let told = stage
        .disk
        .btrfs(["subvolume", "list", "-o", path.to_str().unwrap()])
        .unwrap();
    if !told.trim().is_empty() {
        let _ = stage
            .disk
            .btrfs(["property", "set", path.to_str().unwrap(), "ro", "false"]);
        for entry in fs::read_dir(path).unwrap() {
            World::remove(&entry.unwrap().path());
        }
    }
}

fn histories() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let stage = Stage::new(900);
    let (mut pairs, mut rows) = (0, 0);
    let seeds = match number("KEDGE_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("KEDGE_HISTORIES").unwrap_or(60),
    };
    for seed in seeds.clone() {
        let (more, told) = history(&stage, seed);
        pairs += more;
        rows += told;
    }
    println!(
        "{} histories, {pairs} comparisons, {rows} rows, no mismatch",
        seeds.count()
    );
}
