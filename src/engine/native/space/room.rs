// SPDX-License-Identifier: GPL-3.0-or-later
//! Deletes snapshots and waits until the kernel has really freed what they held.

use super::{NativeEngine, lineage};
use crate::native::btrfs;
use crate::{Context, Engine, Error, Outcome};
use model::{Phase, Progress, SnapshotId};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// Between two looks at what is still there.
const LOOK: Duration = Duration::from_millis(250);
/// The kernel goes on by itself when nothing moves for so long; then nobody needs to wait.
const PATIENCE: Duration = Duration::from_secs(120);

fn told(context: &Context<'_>, phase: Phase, permille: usize, item: usize, items: usize, subject: String) {
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    context.report.progress(Progress {
        permille: u16::try_from(permille).ok(),
        item: number(item),
        items: number(items),
        subject,
        ..Progress::at(phase)
    });
}

/// Deletes one after the other, which takes the first tenth. What is deleted is gone, so a failure after the first one
/// wants a look.
pub(crate) fn delete_all(
    engine: &dyn Engine,
    ids: &[SnapshotId],
    context: &Context<'_>,
) -> Result<Outcome<()>, Error> {
    context.cancel.close()?;
    let mut gone: Vec<String> = Vec::new();
    for (at, id) in ids.iter().enumerate() {
        told(
            context,
            Phase::Commit,
            at * 100 / ids.len(),
            at + 1,
            ids.len(),
            format!("#{id}"),
        );
        match engine.delete(*id) {
            Ok(Outcome::Changed(())) => gone.push(id.to_string()),
            Ok(Outcome::Unchanged) => {}
            Err(error) if gone.is_empty() => return Err(error),
            Err(error) => {
                let gone = gone.join(", ");
                return Err(Error::NeedsAttention {
                    left: format!("snapshots {gone} are deleted, {id} and later ones are not"),
                    cause: Box::new(error),
                });
            }
        }
    }
    Ok(match gone.is_empty() {
        true => Outcome::Unchanged,
        false => Outcome::Changed(()),
    })
}

impl NativeEngine {
    pub(in crate::native) fn free(
        &self,
        ids: &[SnapshotId],
        context: &Context<'_>,
    ) -> Result<Outcome<()>, Error> {
        let store = self.store()?;
        let listed = |error| Error::io("list the subvolumes", error);
        let subvolumes = btrfs::subvolumes(store.directory()).map_err(listed)?;
        let owners = lineage::owners(&subvolumes, &store.read()?.by_subvolume_number());
        let mut dying: BTreeSet<u64> = owners
            .into_iter()
            .filter(|(_, owner)| ids.contains(owner))
            .map(|(id, _)| id)
            .collect();
        let outcome = delete_all(self, ids, context)?;
        // Deleted for good, and only now does the kernel begin.
        btrfs::commit(store.directory()).map_err(|error| Error::io("write the deletion to disk", error))?;
        let (all, mut moved) = (dying.len().max(1), Instant::now());
        loop {
            let left = btrfs::existing_roots(store.directory(), &dying).map_err(listed)?;
            if left.len() < dying.len() {
                moved = Instant::now();
            }
            dying = left;
            let freed = all.saturating_sub(dying.len());
            told(
                context,
                Phase::CleanUp,
                100 + freed * 900 / all,
                freed,
                all,
                String::new(),
            );
            if dying.is_empty() {
                return Ok(outcome);
            }
            if moved.elapsed() > PATIENCE {
                context
                    .report
                    .log("The file system goes on freeing what was deleted.");
                return Ok(outcome);
            }
            std::thread::sleep(LOOK);
        }
    }
}
