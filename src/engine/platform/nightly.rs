// SPDX-License-Identifier: GPL-3.0-or-later
//! Who does the nightly job. The distribution's timer and its service stay as they are; a drop-in of ours lets the service
//! start Kedge, which continues what waits for the restart instead of replacing it, and restarts nothing by itself.
//! Removing the drop-in is the whole way back.

use super::books::replace;
use super::{has, text};
use crate::packages::Tree;
use crate::{Error, Outcome};
use model::{RefusalCode, Tool};
use rustix::fs::{AtFlags, OFlags};
use rustix::io::Errno;

const FOLDER: &str = "etc/systemd/system/transactional-update.service.d";
const NAME: &str = "50-kedge.conf";
/// The cleanup is transactional-update's own part of its job and stays its own. The minus sign: that it fails is no
/// reason not to update.
const DROP_IN: &str = "\
# Written by Kedge: the nightly update continues what waits for the restart.
# Remove this file, or say \"kedgectl nightly distribution\", to undo it.
[Service]
ExecStart=
ExecStart=-/usr/sbin/transactional-update cleanup
ExecStart=/usr/bin/kedgectl update --yes
";

/// Whether the drop-in is there.
pub(super) fn is_ours(tree: Tree<'_>) -> bool {
    text(tree, &format!("{FOLDER}/{NAME}")).is_some_and(|words| words.contains("kedgectl update"))
}

/// Lets Kedge do the nightly job, or the distribution again. systemd has to be told to read its units anew. Refused
/// where the distribution has no such job.
pub(crate) fn set(tree: Tree<'_>, ours: bool) -> Result<Outcome<()>, Error> {
    if !has(tree, Tool::TransactionalUpdate) {
        return Err(RefusalCode::NoPackageManager.into());
    }
    if is_ours(tree) == ours {
        return Ok(Outcome::Unchanged);
    }
    if ours {
        replace(tree, (FOLDER, NAME), DROP_IN.as_bytes(), 0o644)?;
    } else {
        let failed = |error| Error::io(format!("remove /{FOLDER}/{NAME}"), error);
        let folder = tree
            .open(FOLDER, OFlags::RDONLY | OFlags::DIRECTORY)
            .map_err(failed)?;
        match rustix::fs::unlinkat(&folder, NAME, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(error) => return Err(failed(error)),
        }
    }
    match is_ours(tree) == ours {
        true => Ok(Outcome::Changed(())),
        false => Err(Error::Damaged {
            path: format!("/{FOLDER}/{NAME}").into(),
            reason: "it is not as it was left".to_owned(),
        }),
    }
}
