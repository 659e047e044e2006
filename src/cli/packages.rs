// SPDX-License-Identifier: GPL-3.0-or-later
//! Finding packages, installing and removing them.

use crate::args::{Packages, Search};
use crate::exit::{Exit, Stop, print, say};
use crate::text::{counted, safe, table};
use crate::{Session, agreed, declined, json, print_json, question, show};
use model::{ChangeKind, Check, JobKind, Listed, PackageWish, SearchResult, UpdateSet, WishKind};

/// The packages that a search found.
fn found(result: &SearchResult) -> String {
    let row = |it: &Listed| {
        let installed = match (it.installed.as_str(), it.version.as_str()) {
            ("", _) => "",
            (installed, version) if installed == version || version.is_empty() => "installed",
            _ => "installed, another version",
        };
        vec![
            safe(&it.name),
            safe(if it.version.is_empty() {
                &it.installed
            } else {
                &it.version
            }),
            installed.to_owned(),
            safe(&it.summary),
        ]
    };
    let mut text = table(&result.packages.iter().map(row).collect::<Vec<_>>());
    if result.more > 0 {
        text += &format!("and {} more: more words find fewer.\n", result.more);
    }
    text
}

/// What a wish would change.
fn plan(set: &UpdateSet) -> String {
    format!(
        "{} would change: {}.\n\n{}",
        counted(set.packages.len(), "package"),
        show::sizes(set),
        show::changes(&set.packages)
    )
}

impl Session {
    pub(crate) async fn search(&self, args: &Search) -> Result<Exit, Stop> {
        let text = args.words.join(" ");
        let result = self.client.search(&text, args.limit).await?;
        if args.format.json {
            print_json(&json::SearchJson::from(&result));
            return Ok(Exit::Done);
        }
        if result.packages.is_empty() {
            say("No package matches.");
        }
        if self.state.updates.check == Check::Never {
            say("Only what is known of the repositories is searched; this asks them: kedgectl check");
        }
        print(&found(&result));
        Ok(Exit::Done)
    }

    pub(crate) async fn packages(&self, kind: WishKind, args: Packages) -> Result<Exit, Stop> {
        let may = self.state.may_change_packages();
        may.map_err(|refusal| self.refused(refusal))?;
        let mut wish = PackageWish::new(kind, args.names);
        let set = self.client.plan_packages(&wish).await?;
        if args.json {
            print_json(&json::UpdateSetJson::from(&set));
            return Ok(Exit::Done);
        }
        if !set.is_empty() {
            print(&plan(&set));
        }
        if args.plan {
            if set.is_empty() {
                print("There is nothing to do.\n");
            }
            return Ok(Exit::Done);
        }
        // What was shown is what may be removed, whatever the repositories say by then.
        let gone = set.packages.iter().filter(|it| it.kind == ChangeKind::Removed);
        wish.removes = gone.map(|it| it.name.clone()).collect();
        let words = match kind {
            WishKind::Install => "Install them? They start with the next restart.",
            WishKind::Remove => "Remove them? The next restart starts without them.",
        };
        if !set.is_empty() && !agreed(words, args.work.yes).await? {
            return Err(declined());
        }
        let job = match kind {
            WishKind::Install => JobKind::Install,
            WishKind::Remove => JobKind::Remove,
        };
        let call = self.client.change_packages(&wish, question::can_ask());
        self.job(job, args.work.verbose, call).await
    }
}
