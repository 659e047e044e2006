// SPDX-License-Identifier: GPL-3.0-or-later
//! What snapshots cost.

use crate::{Done, Verb, open};
use engine::{Cancel, Context, Engine, Report};
use model::{NewSnapshot, Progress};
use std::fs;
use std::path::{Path, PathBuf};

pub(crate) const VERBS: &[Verb] = &[("space-fill", fill), ("space-change", change), ("space", space)];

#[derive(Debug)]
struct Deaf;

impl Report for Deaf {
    fn progress(&self, _: Progress) {}
    fn log(&self, _: &str) {}
}

fn path(root: &str, file: u32) -> PathBuf {
    Path::new(root).join(format!("usr/d{}/f{file}", file / 250))
}

/// Bytes that do not compress: two files of three are too large to lie in the tree.
fn content(file: u32, version: u32) -> Vec<u8> {
    let length = match file % 3 {
        0 => 600,
        _ => 3_000 + file % 6_000,
    };
    let mut state = u64::from(file) << 32 | u64::from(version) | 1;
    let words = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    words.flatten().take(length as usize).collect()
}

/// Changes some files, spread over all, and takes a snapshot.
fn step(root: &str, files: u32, changes: u32, version: u32) -> Done {
    for change in 0..changes {
        let file = (version.wrapping_mul(7_919) + change.wrapping_mul(104_729)) % files;
        fs::write(path(root, file), content(file, version))?;
    }
    open(root)?.create(&NewSnapshot::default())?;
    Ok(())
}

/// `space-fill ROOT FILES SNAPSHOTS CHANGES`: files, and snapshots between which so many of them changed.
fn fill(words: &[&str]) -> Done {
    let [root, files, snapshots, changes] = words else {
        return Err("space-fill ROOT FILES SNAPSHOTS CHANGES".into());
    };
    let (files, snapshots, changes): (u32, u32, u32) = (files.parse()?, snapshots.parse()?, changes.parse()?);
    for file in 0..files {
        if file % 250 == 0 {
            fs::create_dir_all(path(root, file).parent().ok_or("no directory")?)?;
        }
        fs::write(path(root, file), content(file, 0))?;
    }
    for version in 1..=snapshots {
        step(root, files, changes, version)?;
    }
    Ok(())
}

/// `space-change ROOT FILES CHANGES VERSION`: one more snapshot.
fn change(words: &[&str]) -> Done {
    let [root, files, changes, version] = words else {
        return Err("space-change ROOT FILES CHANGES VERSION".into());
    };
    step(root, files.parse()?, changes.parse()?, version.parse()?)
}

/// `space ROOT [CACHE]`: number and bytes of data of each snapshot, then the most memory that was used, in KiB.
fn space(words: &[&str]) -> Done {
    let (root, cache) = match words {
        [root] => (root, None),
        [root, cache] => (root, Some(PathBuf::from(cache))),
        _ => return Err("space ROOT [CACHE]".into()),
    };
    let engine = match cache {
        Some(cache) => open(root)?.with_cache(cache),
        None => open(root)?,
    };
    let cancel = Cancel::new()?;
    let context = Context {
        report: &Deaf,
        cancel: &cancel,
    };
    for it in engine.sizes(&context)? {
        println!("{} {}", it.id, it.data);
    }
    let status = fs::read_to_string("/proc/self/status")?;
    let memory = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:")?.split_whitespace().next());
    println!("memory {}", memory.ok_or("the kernel does not tell")?);
    Ok(())
}
