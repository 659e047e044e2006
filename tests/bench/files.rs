// SPDX-License-Identifier: GPL-3.0-or-later
//! Changed files between two snapshots of a large tree.

use crate::{Done, Verb, cpu, open};
use engine::{Engine as _, Viewer};
use model::SnapshotId;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

pub(crate) const VERBS: &[Verb] = &[
    ("files-fill", fill),
    ("files-change", change),
    ("files", files),
    ("files-first", first),
];

/// A tree of 200,000 files like that of a system, a hundred in a directory.
fn fill(words: &[&str]) -> Done {
    let [root] = words else {
        return Err("files-fill ROOT".into());
    };
    for part in 0..20 {
        for directory in 0..100 {
            let directory = Path::new(root).join(format!("usr/share/part{part}/package{directory}"));
            fs::create_dir_all(&directory)?;
            for file in 0..100 {
                let mut file = File::create(directory.join(format!("some-file-{file}.txt")))?;
                writeln!(
                    file,
                    "{}",
                    "content ".repeat(1 + file_size(part, directory.as_os_str().len()))
                )?;
            }
        }
    }
    Ok(())
}

fn file_size(part: usize, other: usize) -> usize {
    (part * 31 + other * 17) % 300
}

/// `few` changes a hundred files as an update does; `many` twenty thousand, spread over all directories; `rename` moves
/// half of the tree.
fn change(words: &[&str]) -> Done {
    let [root, how] = words else {
        return Err("files-change ROOT few|many|rename".into());
    };
    let root = Path::new(root).join("usr/share");
    let file = |number: usize| {
        let (part, rest) = (number % 20, number / 20);
        root.join(format!(
            "part{part}/package{}/some-file-{}.txt",
            rest % 100,
            rest / 100
        ))
    };
    match *how {
        "few" => {
            for number in 0..100 {
                replace(&file(number * 1999), number)?;
            }
        }
        "many" => {
            for number in 0..20_000 {
                let file = file(number * 9 + 5);
                match number % 8 {
                    0 if file.exists() => fs::remove_file(file)?,
                    1 => fs::write(file.with_extension("new"), "new\n")?,
                    2 | 3 => fs::write(file, format!("other {number}\n"))?,
                    _ => replace(&file, number)?,
                }
            }
        }
        _ => {
            fs::create_dir(root.join("moved"))?;
            for part in 0..10 {
                fs::rename(
                    root.join(format!("part{part}")),
                    root.join(format!("moved/part{part}")),
                )?;
            }
            fs::rename(root.join("moved"), root.join("half"))?;
        }
    }
    Ok(())
}

fn replace(file: &Path, number: usize) -> Result<(), std::io::Error> {
    let new = file.with_extension("dpkg-new");
    fs::write(&new, format!("update {number}\n"))?;
    fs::rename(new, file)
}

/// Prints every change.
fn files(words: &[&str]) -> Done {
    let [root, from, to] = words else {
        return Err("files ROOT FROM TO".into());
    };
    let engine = open(root)?;
    let mut output = std::io::BufWriter::new(std::io::stdout().lock());
    let mut take = |change: model::FileChange| {
        writeln!(output, "{} {}", change.kind, model::PathText(&change.path))
            .map_err(|error| engine::Error::io("print", error))
    };
    let (from, to) = (SnapshotId(from.parse()?), SnapshotId(to.parse()?));
    engine.file_changes(Some(from), Some(to), Viewer::Everything, &mut take)?;
    Ok(output.flush()?)
}

/// Prints CPU milliseconds of all, wall milliseconds until the first change, rows, and directories they are in.
fn first(words: &[&str]) -> Done {
    let [root, from, to] = words else {
        return Err("files-first ROOT FROM TO".into());
    };
    let engine = open(root)?;
    let (from, to) = (SnapshotId(from.parse()?), SnapshotId(to.parse()?));
    let (before, began) = (cpu(), Instant::now());
    let (mut first, mut rows, mut directories) = (None, 0, BTreeSet::new());
    let mut take = |change: model::FileChange| {
        first.get_or_insert_with(|| began.elapsed());
        rows += 1;
        let end = change.path.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
        directories.insert(change.path.get(..end).unwrap_or_default().to_vec());
        Ok(())
    };
    engine.file_changes(Some(from), Some(to), Viewer::Everything, &mut take)?;
    let first = first.map_or(0.0, |first| first.as_secs_f64() * 1e3);
    println!("{} {first} {rows} {}", cpu() - before, directories.len());
    Ok(())
}
