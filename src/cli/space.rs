// SPDX-License-Identifier: GPL-3.0-or-later
//! What snapshots cost, making room, cleaning up, and getting a file back.

use crate::args::{CleanUp, MakeRoom, Restore, Space};
use crate::exit::{Exit, Stop, print, say};
use crate::text::{date, safe, size, table};
use crate::{Session, agreed, declined, print_json};
use model::{DoomReason, FileVersion, Freed, JobKind, RestoreTo, SnapshotId};
use serde_json::json;
use std::os::unix::ffi::OsStrExt;

fn list(ids: &[SnapshotId]) -> String {
    let ids: Vec<String> = ids.iter().map(|id| format!("#{id}")).collect();
    ids.join(", ")
}

fn told(freed: &Freed) -> String {
    format!(
        "{} of data and about {} beside",
        size(freed.data),
        size(freed.metadata)
    )
}

/// Who keeps how much of a selection.
fn kept(freed: &Freed) -> String {
    let mut text = String::new();
    if freed.held > 0 {
        text += &format!("{} more stay, because others hold them too.\n", size(freed.held));
    }
    for holder in &freed.holders {
        let who = match holder.snapshot {
            Some(id) => format!("#{id}"),
            None => safe(&holder.subvolume),
        };
        text += &format!("  {} of it only because of {who}\n", size(holder.bytes));
    }
    text
}

fn reason(reason: DoomReason) -> &'static str {
    match reason {
        DoomReason::Number => "more updates than are kept",
        DoomReason::Timeline => "older than the timeline goes back",
        DoomReason::EmptyPair => "nothing changed between the two of the pair",
        DoomReason::Space => "snapshots hold more of the disk than they may",
        DoomReason::Free => "less of the disk is free than should be",
    }
}

/// One side of a file that is to be fetched back.
fn side(name: String, version: Option<&FileVersion>) -> Vec<String> {
    match version {
        None => vec![name, "none".into(), String::new(), String::new()],
        Some(it) => vec![
            name,
            format!("version {}", it.version),
            size(it.size),
            format!(
                "{}, mode {:o}, owner {}:{}",
                date(it.modified),
                it.mode,
                it.uid,
                it.gid
            ),
        ],
    }
}

impl Session {
    pub(crate) async fn restore(&self, args: &Restore) -> Result<Exit, Stop> {
        let path = args.path.as_bytes();
        // Both are shown before anything is asked.
        let versions = self.client.file_versions(path).await?;
        let of = |id: Option<SnapshotId>| versions.iter().find(|it| it.snapshot == id);
        let (then, now) = (of(Some(args.number)), of(self.state.booted));
        say(&table(&[
            side(format!("#{}", args.number), then),
            side("now".into(), now),
        ]));
        let is_same = then.is_some() && then.map(|it| it.version) == now.map(|it| it.version);
        if is_same {
            say("Both have the same content.");
        }
        let question = match args.to {
            RestoreTo::Replace => "Replace the present file?",
            RestoreTo::Beside => "Get it back beside the present file?",
        };
        if !agreed(question, args.work.yes).await? {
            return Err(declined());
        }
        let call = self.client.restore(args.number, path, args.to);
        self.job(JobKind::Restore, args.work.verbose, call).await
    }

    pub(crate) async fn space(&self, args: &Space) -> Result<Exit, Stop> {
        if !args.numbers.is_empty() {
            let freed = self.client.freed(&args.numbers).await?;
            match args.format.json {
                true => print_json(&freed),
                false => print(&format!(
                    "Deleting {} frees {}.\n{}",
                    list(&args.numbers),
                    told(&freed),
                    kept(&freed)
                )),
            }
            return Ok(Exit::Done);
        }
        let usage = self.client.usage().await?;
        let sizes = self.client.sizes().await?;
        if args.format.json {
            print_json(&json!({ "usage": usage, "snapshots": sizes }));
            return Ok(Exit::Done);
        }
        let mut rows = vec![
            ["SNAPSHOT", "DATA", "BESIDE", "DESCRIPTION"]
                .map(str::to_owned)
                .to_vec(),
        ];
        for it in sizes {
            let snapshot = self.state.snapshots.get(&it.id);
            let words = snapshot.map(|it| safe(&it.description)).unwrap_or_default();
            rows.push(vec![
                format!("#{}", it.id),
                size(it.data),
                format!("~{}", size(it.metadata)),
                words,
            ]);
        }
        print(&format!(
            "{} of {} used, {} free for data.\nWhat deleting each alone frees; several together free more:\n{}",
            size(usage.used),
            size(usage.size),
            size(usage.free),
            table(&rows)
        ));
        Ok(Exit::Done)
    }

    pub(crate) async fn make_room(&self, args: &MakeRoom) -> Result<Exit, Stop> {
        let plan = self.client.plan_room(args.size).await?;
        if args.format.json {
            print_json(&plan);
        } else if plan.snapshots.is_empty() {
            let nothing = "No snapshot may be deleted: those that are left run, start next, or are pinned or important.";
            print(&format!("{nothing}\n"));
        } else {
            print(&format!(
                "Deleting {} frees {}.\n",
                list(&plan.snapshots),
                told(&plan.freed)
            ));
            if !plan.is_enough {
                print("That is less than was asked for, but no other snapshot may be deleted.\n");
            }
        }
        if args.preview {
            return Ok(Exit::Done);
        }
        if plan.snapshots.is_empty() {
            return Ok(if args.size == 0 { Exit::Done } else { Exit::Refused });
        }
        if !agreed("Delete them?", args.work.yes).await? {
            return Err(declined());
        }
        let call = self.client.make_room(&plan.snapshots);
        self.job(JobKind::MakeRoom, args.work.verbose, call).await
    }

    pub(crate) async fn clean_up(&self, args: &CleanUp) -> Result<Exit, Stop> {
        let plan = self.client.plan_clean_up().await?;
        if args.format.json {
            print_json(&json!({ "keeper": plan.keeper, "doomed": plan.doomed }));
        } else {
            let keeper = match plan.keeper.as_str() {
                "snapper" => "Snapper's own timer cleans up here, by its configuration.",
                "kedge" => "Old snapshots are removed automatically, as decided in the settings.",
                _ => "Nothing is removed automatically here. By the numbers in the settings:",
            };
            say(keeper);
            let row = |it: &model::Doomed| vec![format!("#{}", it.id), reason(it.reason).to_owned()];
            match plan.doomed.is_empty() {
                true => print("There is nothing to remove.\n"),
                false => print(&table(&plan.doomed.iter().map(row).collect::<Vec<_>>())),
            }
        }
        if args.preview || plan.doomed.is_empty() {
            return Ok(Exit::Done);
        }
        if !agreed("Delete them?", args.work.yes).await? {
            return Err(declined());
        }
        self.job(JobKind::CleanUp, args.work.verbose, self.client.clean_up())
            .await
    }
}
