// SPDX-License-Identifier: GPL-3.0-or-later
//! Removing what we made, and nothing that happens to be mounted there.

use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use rustix::mount::{MountPropagationFlags, UnmountFlags, mount_change, unmount};

/// Removes a file or a tree, if it is there. What is mounted in it, by a run that was interrupted, is let go first; a
/// tree that has mounts all the same is not touched, for removing it would remove what is mounted.
pub(crate) fn remove(path: &Path) -> Result<()> {
    let mounts = below(path)?;
    // A mount below one that is shared would take the original with it, so the outer ones become private first.
    for mount in &mounts {
        mount_change(mount, MountPropagationFlags::PRIVATE)
            .with_context(|| format!("make {} private", mount.display()))?;
    }
    for mount in mounts.iter().rev() {
        unmount(mount, UnmountFlags::DETACH | UnmountFlags::NOFOLLOW)
            .with_context(|| format!("unmount {}", mount.display()))?;
    }
    if let Some(mount) = below(path)?.first() {
        bail!(
            "{} is still mounted, so {} stays",
            mount.display(),
            path.display()
        );
    }
    let outcome = if fs::symlink_metadata(path).is_ok_and(|found| found.is_dir()) {
        fs::remove_dir_all(path)
    } else {
        fs::remove_file(path)
    };
    match outcome {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("remove {}", path.display()))
        }
        _ => Ok(()),
    }
}

/// The mounts of our namespace at or below a path, outer ones first.
fn below(path: &Path) -> Result<Vec<PathBuf>> {
    let path = match fs::canonicalize(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        found => found.with_context(|| format!("find {}", path.display()))?,
    };
    let table = fs::read_to_string("/proc/self/mountinfo").context("read /proc/self/mountinfo")?;
    Ok(points(&table).filter(|point| point.starts_with(&path)).collect())
}

/// The mount points of a mountinfo table, in its order, which is that of mounting.
fn points(table: &str) -> impl Iterator<Item = PathBuf> {
    table
        .lines()
        .filter_map(|line| line.split(' ').nth(4))
        .map(|field| PathBuf::from(OsString::from_vec(plain(field.as_bytes()))))
}

/// Spaces and their like are written as a backslash and three octal digits.
fn plain(field: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((first, after)) = rest.split_first() {
        let digits = after.get(..3).and_then(|digits| std::str::from_utf8(digits).ok());
        let escaped = digits.and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match escaped {
            Some(byte) if *first == b'\\' => {
                out.push(byte);
                rest = after.get(3..).unwrap_or_default();
            }
            _ => {
                out.push(*first);
                rest = after;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn mount_points_are_read() {
        let table =
            "22 1 0:20 / /proc rw - proc proc rw\n30 22 0:3 / /a\\040b\\134c rw shared:1 - tmpfs none rw\n";
        let found: Vec<PathBuf> = points(table).collect();
        assert_eq!(found, [PathBuf::from("/proc"), PathBuf::from("/a b\\c")]);
    }

    #[test]
    fn what_is_mounted_in_a_tree_survives_its_removal() {
        if !crate::host::is_root() {
            return;
        }
        // In a mount namespace of its own, with the test itself as the program that removes.
        if std::env::var_os("KEDGE_TEST_REMOVE").is_none() {
            let output = Command::new("unshare")
                .args(["--mount", "--propagation", "shared"])
                .arg(std::env::current_exe().expect("a running test has a path"))
                .args([
                    "--exact",
                    "mounts::tests::what_is_mounted_in_a_tree_survives_its_removal",
                ])
                .env("KEDGE_TEST_REMOVE", "1")
                .output()
                .expect("unshare starts");
            assert!(
                output.status.success(),
                "{}",
                String::from_utf8_lossy(&output.stdout)
            );
            return;
        }
        let all = std::env::temp_dir().join(format!("kedge-remove-{}", std::process::id()));
        let (kept, tree) = (all.join("kept"), all.join("tree/in it"));
        fs::create_dir_all(kept.join("sub")).expect("create");
        fs::create_dir_all(&tree).expect("create");
        fs::write(kept.join("sub/file"), "precious").expect("write");
        let mount = |words: &[&str], from: &Path, to: &Path| {
            let status = Command::new("mount").args(words).arg(from).arg(to).status();
            assert!(status.expect("mount starts").success());
        };
        mount(&["--bind"], &kept.join("sub"), &kept.join("sub"));
        mount(&["--rbind"], &kept, &tree);
        remove(&all.join("tree")).expect("removed");
        assert!(!all.join("tree").exists());
        assert_eq!(
            fs::read_to_string(kept.join("sub/file")).expect("still there"),
            "precious"
        );
        assert_eq!(below(&kept).expect("the table is read").len(), 1);
        remove(&all).expect("removed");
    }
}
