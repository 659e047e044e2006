// SPDX-License-Identifier: GPL-3.0-or-later
//! The disk of a machine: a copy of the one that was made for all of them, and what a boot loader reads on it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use support::loop_btrfs::{mount_part, run, unmount_all};

/// All disks are copies, so that their file systems have one identity: the kernel can have one of them at a time.
static MOUNTED: Mutex<()> = Mutex::new(());

/// Where the disk to copy is, with what belongs to it.
pub(crate) fn place() -> Option<PathBuf> {
    std::env::var_os("KEDGE_MACHINES").map(PathBuf::from)
}

/// A disk of one test.
#[derive(Debug)]
pub(crate) struct Disk {
    folder: tempfile::TempDir,
    /// Where the boot partition begins and how long it is, then the same of the system's
    parts: [u64; 4],
    label: String,
}

impl Disk {
    /// A fresh copy.
    pub(crate) fn new() -> Self {
        let place = place().unwrap();
        let folder = tempfile::tempdir_in(&place).unwrap();
        let from = place.join("disk.img");
        let to = folder.path().join("disk.img");
        run(
            "cp",
            [
                "--sparse=always",
                "--reflink=auto",
                from.to_str().unwrap(),
                to.to_str().unwrap(),
            ],
        )
        .unwrap();
        let text = fs::read_to_string(place.join("parts")).unwrap();
        let mut words = text.split_whitespace();
        let parts = std::array::from_fn(|_| words.next().unwrap().parse().unwrap());
        Self {
            folder,
            parts,
            label: words.next().unwrap().to_owned(),
        }
    }

    /// The image.
    pub(crate) fn image(&self) -> PathBuf {
        self.folder.path().join("disk.img")
    }

    /// A place for other files of the machine.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What the kernel is told about the root, for the default subvolume.
    pub(crate) fn root(&self) -> String {
        format!("root=LABEL={}", self.label)
    }

    /// Works on the system that would start, while no machine runs: its root directory is the default subvolume's.
    pub(crate) fn inside<T>(&self, work: impl FnOnce(&Path) -> T) -> T {
        let _one = MOUNTED.lock().unwrap_or_else(PoisonError::into_inner);
        let at = self.folder.path().join("system");
        fs::create_dir_all(&at).unwrap();
        let [_, _, offset, size] = self.parts;
        mount_part(&self.image(), offset, size, &at).unwrap();
        let done = work(&at);
        unmount_all(&at).unwrap();
        // What it remembers of this copy would keep it from taking an older one.
        run("btrfs", ["device", "scan", "--forget"]).unwrap();
        done
    }

    /// Puts a file system on the boot partition that holds these files, by their paths.
    pub(crate) fn fill_boot_partition(&self, files: &[(&str, Content<'_>)]) {
        let [offset, size, _, _] = self.parts;
        let tree = self.folder.path().join("esp");
        for (path, content) in files {
            let to = tree.join(path);
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            match content {
                Content::Text(text) => fs::write(to, text).unwrap(),
                Content::File(from) => drop(fs::copy(from, to).unwrap()),
            }
        }
        let part = self.folder.path().join("esp.img");
        fs::File::create(&part).unwrap().set_len(size).unwrap();
        run("mkfs.vfat", ["-F", "32", "-n", "ESP", part.to_str().unwrap()]).unwrap();
        let mut names: Vec<String> = Vec::new();
        for entry in fs::read_dir(&tree).unwrap() {
            names.push(entry.unwrap().path().to_str().unwrap().to_owned());
        }
        let mut copy = Command::new("mcopy");
        copy.args(["-s", "-i"]).arg(&part).args(&names).arg("::/");
        assert!(copy.status().unwrap().success(), "mcopy failed");
        let block = 1 << 20;
        run(
            "dd",
            [
                format!("if={}", part.display()),
                format!("of={}", self.image().display()),
                format!("bs={block}"),
                format!("seek={}", offset / block),
                "conv=notrunc,sparse".to_owned(),
                "status=none".to_owned(),
            ],
        )
        .unwrap();
        fs::remove_file(part).unwrap();
        fs::remove_dir_all(tree).unwrap();
    }
}

/// What a file on the boot partition holds.
#[derive(Debug)]
pub(crate) enum Content<'a> {
    Text(&'a str),
    File(&'a Path),
}
