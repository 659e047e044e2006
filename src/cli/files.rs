// SPDX-License-Identifier: GPL-3.0-or-later
//! The verbs about files: which differ, what is in one, and one through all snapshots.

use crate::exit::{Exit, Stop, print, say};
use crate::job::Interrupts;
use crate::text::{counted, date, size, table};
use crate::{Session, args, json, print_json};
use client::{Content, FilesWish, Line, Side, TEXT_LIMIT, TextDiff};
use model::{Counts, FileChange, FileChangeKind, FileKind, FileVersion, PathText, SnapshotId};
use std::io::{IsTerminal as _, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::ffi::OsStrExt as _;

/// How many files differ, by kind.
fn summary(counts: &Counts) -> String {
    let seen = counts.total() - counts.hidden;
    if counts.total() == 0 {
        return "No files differ.".into();
    }
    let parts = [
        (counts.created, "created"),
        (counts.deleted, "deleted"),
        (counts.changed, "changed"),
        (counts.renamed, "renamed"),
    ];
    let parts: Vec<String> = parts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    let differ = if seen == 1 { "differs" } else { "differ" };
    match seen {
        0 => "The files that differ are in directories that are not for everybody.".into(),
        _ => format!(
            "{} {differ}: {}.",
            counted(seen as usize, "file"),
            parts.join(", ")
        ),
    }
}

/// One change in a line: `c /etc/issue (content)`.
fn line(change: &FileChange, package: Option<&str>) -> String {
    let path = PathText(&change.path);
    let slash = if change.file == FileKind::Directory {
        "/"
    } else {
        ""
    };
    let mut text = match (change.kind, &change.from) {
        (FileChangeKind::Created, _) => format!("+ /{path}{slash}"),
        (FileChangeKind::Deleted, _) => format!("- /{path}{slash}"),
        (FileChangeKind::Renamed, Some(from)) => format!("r /{}{slash} -> /{path}{slash}", PathText(from)),
        (FileChangeKind::Hidden, _) => format!("? /{path}/ (changes in it; see --all)"),
        (FileChangeKind::Changed | FileChangeKind::Renamed, _) => format!("c /{path}{slash}"),
    };
    if !change.aspects.is_empty() {
        let names: Vec<&str> = change.aspects.names().collect();
        text += &format!(" ({})", names.join(", "));
    }
    if let Some(package) = package {
        text += &format!("  [{}]", crate::text::safe(package));
    }
    text + "\n"
}

fn text_diff(diff: &TextDiff) -> String {
    let hunks = match diff {
        TextDiff::Same => return "No differences.\n".into(),
        TextDiff::Binary => return "They differ, and are no text.\n".into(),
        TextDiff::TooLarge => {
            return format!("Larger than {}: not compared as text.\n", size(TEXT_LIMIT as u64));
        }
        TextDiff::Hunks(hunks) => hunks,
    };
    let mut text = String::new();
    let place = |range: &std::ops::Range<u32>| match range.len() {
        0 => format!("{},0", range.start),
        1 => format!("{}", range.start + 1),
        length => format!("{},{length}", range.start + 1),
    };
    for hunk in hunks {
        text += &format!("@@ -{} +{} @@\n", place(&hunk.before), place(&hunk.after));
        for Line {
            side,
            text: line,
            is_open,
        } in &hunk.lines
        {
            let mark = match side {
                Side::Both => ' ',
                Side::Before => '-',
                Side::After => '+',
            };
            text += &format!("{mark}{line}\n");
            if *is_open {
                text += "\\ No newline at end of file\n";
            }
        }
    }
    text
}

fn permissions(version: &FileVersion) -> String {
    format!("{:04o} {}:{}", version.mode, version.uid, version.gid)
}

impl Session {
    pub(crate) async fn diff_files(&self, args: &args::Diff) -> Result<Exit, Stop> {
        let (from, to) = (Some(args.from), args.to);
        if let Some(path) = &args.text {
            let path = path.as_bytes();
            let diff = self.client.text_diff((from, path), (to, path)).await?;
            print(&text_diff(&diff));
            return Ok(Exit::Done);
        }
        let wish = FilesWish {
            all: args.all,
            owners: true,
        };
        let (files, told) = self.client.files(from, to, wish, |_| ()).await?;
        if args.format.json {
            let files: Vec<_> = files
                .iter()
                .map(|(change, package)| json::FileJson { change, package })
                .collect();
            print_json(&json::FilesJson {
                files,
                left_out: told.left_out,
            });
            return Ok(Exit::Done);
        }
        print(&format!("{}\n", summary(&files.counts())));
        for (change, package) in files.iter() {
            print(&line(&change, package));
        }
        if told.left_out > 0 {
            let count = usize::try_from(told.left_out).unwrap_or(usize::MAX);
            say(&format!(
                "{} with very long paths are not shown.",
                counted(count, "change")
            ));
        }
        Ok(Exit::Done)
    }

    /// Writes what is in a file to the standard output: byte by byte, or made harmless on a terminal.
    pub(crate) async fn cat(&self, args: &args::Cat) -> Result<Exit, Stop> {
        let mut content = self
            .client
            .read_file(Some(args.number), args.path.as_bytes())
            .await?;
        if std::io::stdout().is_terminal() {
            return show_on_terminal(content).await;
        }
        let failed = |error: std::io::Error| Stop::new(Exit::Failed, format!("Cannot write: {error}"));
        let (mut left, mut buffer) = (content.size, vec![0; 64 << 10]);
        let mut output = std::io::stdout().lock();
        loop {
            let count = content.read(&mut buffer).await?;
            left = left.saturating_sub(count as u64);
            match output.write_all(buffer.get(..count).unwrap_or_default()) {
                // Who reads has had enough.
                Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => return Ok(Exit::Done),
                result => result.map_err(failed)?,
            }
            if count == 0 {
                break;
            }
        }
        output.flush().map_err(failed)?;
        match left {
            0 => Ok(Exit::Done),
            _ => Err(Stop::new(Exit::Failed, "The file could not be read to its end.")),
        }
    }

    /// Holds a snapshot's directory open until somebody wants it no longer: with this process it is gone.
    pub(crate) async fn browse(&self, args: &args::Browse) -> Result<Exit, Stop> {
        let mut interrupts = Interrupts::new()?;
        let directory = self.client.browse(args.number).await?;
        let place = format!("/proc/{}/fd/{}", std::process::id(), directory.as_raw_fd());
        print(&format!("{place}\n"));
        if !args.no_open
            && client::session::show_directory(&format!("file://{place}/"))
                .await
                .is_err()
        {
            say("There is no file manager to show it.");
        }
        say("The directory is there until Ctrl-C is pressed.");
        interrupts.next().await;
        Ok(Exit::Done)
    }

    pub(crate) async fn changelog(&self, args: &args::Changelog) -> Result<Exit, Stop> {
        let entries = self.client.changelog(Some(args.from), args.to, &args.package);
        let entries = entries.await?;
        if args.format.json {
            print_json(&entries);
        } else if entries.is_empty() {
            print("Nothing was written about it.\n");
        }
        for entry in entries.iter().filter(|_| !args.format.json) {
            let heading = [&entry.version, &entry.author].map(|text| crate::text::safe(text));
            print(&format!("{} {}\n", date(entry.time), heading.join(" ")));
            for line in entry.text.lines() {
                print(&format!("  {}\n", crate::text::safe(line)));
            }
        }
        Ok(Exit::Done)
    }

    pub(crate) async fn history(&self, args: &args::History) -> Result<Exit, Stop> {
        let path = args.path.as_bytes();
        let versions = self.client.file_versions(path).await?;
        if args.format.json {
            print_json(
                &versions
                    .iter()
                    .map(json::FileVersionJson::from)
                    .collect::<Vec<_>>(),
            );
            return Ok(Exit::Done);
        }
        if versions.is_empty() {
            print("No snapshot has such a file.\n");
            return Ok(Exit::Done);
        }
        if args.text {
            return self.text_history(path, &versions).await;
        }
        let rows: Vec<Vec<String>> = versions
            .iter()
            .map(|it| {
                vec![
                    it.snapshot.map_or("running".into(), |id| format!("#{id}")),
                    format!("version {}", it.version),
                    date(it.modified),
                    size(it.size),
                    permissions(it),
                    it.file.to_string(),
                ]
            })
            .collect();
        print(&table(&rows));
        Ok(Exit::Done)
    }

    /// What changed from each version of a file to the next.
    async fn text_history(&self, path: &[u8], versions: &[FileVersion]) -> Result<Exit, Stop> {
        let name = |id: Option<SnapshotId>| id.map_or("the running system".into(), |id| format!("#{id}"));
        for pair in versions.windows(2) {
            let [before, after] = pair else { continue };
            if before.version == after.version {
                continue;
            }
            let (from, to) = (before.snapshot, after.snapshot);
            let diff = self.client.text_diff((from, path), (to, path)).await?;
            print(&format!(
                "{} -> {}, {}\n{}\n",
                name(from),
                name(to),
                date(after.modified),
                text_diff(&diff)
            ));
        }
        Ok(Exit::Done)
    }
}

async fn show_on_terminal(content: Content) -> Result<Exit, Stop> {
    let elsewhere = "Write it to a file: kedgectl cat NUMBER PATH > FILE";
    let Some(bytes) = content.whole(TEXT_LIMIT).await? else {
        return Err(Stop::new(
            Exit::Refused,
            format!("It is too large to be shown. {elsewhere}"),
        ));
    };
    match client::compare_texts(&[], &bytes) {
        TextDiff::Hunks(hunks) => {
            for line in hunks.iter().flat_map(|hunk| &hunk.lines) {
                print(&format!("{}\n", line.text));
            }
        }
        TextDiff::Same => {}
        TextDiff::Binary | TextDiff::TooLarge => {
            return Err(Stop::new(Exit::Refused, format!("It is no text. {elsewhere}")));
        }
    }
    Ok(Exit::Done)
}
