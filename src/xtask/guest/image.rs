// SPDX-License-Identifier: GPL-3.0-or-later
//! The btrfs image a guest boots from, laid out as openSUSE's atomic systems are.
//!
//! `@` holds `@/.snapshots/1/snapshot` (the default subvolume, read-only, with a nested writable `etc`) and
//! `@/var @/home @/root @/srv @/opt`, which fstab mounts. The package database is part of the snapshot, in
//! `/usr/lib/sysimage/dpkg`: with a database in the shared `/var` a rollback would lie about what is installed.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::enter::Session;
use crate::guest::{repository, system};
use crate::install::{self, Options};
use crate::process::{output, quiet};

pub(crate) const LABEL: &str = "kedge-guest";
const SHARED: [&str; 5] = ["var", "home", "root", "srv", "opt"];
/// Services that would do something by themselves, or wait for hardware a guest has not.
const MASKED: [&str; 18] = [
    "apt-daily.timer",
    "apt-daily-upgrade.timer",
    "dpkg-db-backup.timer",
    "e2scrub_all.timer",
    "e2scrub_reap.service",
    "fstrim.timer",
    "snapper-timeline.timer",
    "snapper-cleanup.timer",
    "snapper-boot.timer",
    "console-getty.service",
    "getty@tty1.service",
    "systemd-udevd.service",
    "sys-kernel-debug.mount",
    "sys-kernel-tracing.mount",
    "sys-fs-fuse-connections.mount",
    "dev-hugepages.mount",
    "systemd-networkd-wait-online.service",
    "systemd-pcrlock-make-policy.service",
];

/// A loop device with the image on it; its top level stays mounted as long as this value lives.
#[derive(Debug)]
pub(crate) struct Image {
    device: PathBuf,
    top: PathBuf,
}

impl Image {
    /// Makes the file system and puts the system, the demo packages and Kedge into it.
    pub(crate) fn make(session: &Session) -> Result<Self> {
        Self::make_with(session, |destdir| Options {
            destdir,
            prefix: "/usr".into(),
            debug: true,
            window: false,
        })
    }

    /// The same with other programs of ours in it.
    pub(crate) fn make_with(session: &Session, programs: impl Fn(PathBuf) -> Options) -> Result<Self> {
        let file = session.scratch.join("guest.img");
        fs::File::create(&file)?
            .set_len(8 << 30)
            .context("make the image file")?;
        Self::make_in(session, &file, None, programs)
    }

    /// The same in a part of a disk: the byte where it begins, and its length.
    pub(crate) fn make_in(
        session: &Session,
        file: &Path,
        part: Option<(u64, u64)>,
        programs: impl Fn(PathBuf) -> Options,
    ) -> Result<Self> {
        let top = session.scratch.join("top");
        fs::create_dir_all(&top)?;
        let mut attach = Command::new("losetup");
        attach.args(["--find", "--show"]);
        if let Some((offset, size)) = part {
            attach.args(["--offset", &offset.to_string(), "--sizelimit", &size.to_string()]);
        }
        let device = PathBuf::from(output(attach.arg(file))?);
        let image = Self { device, top };
        quiet(
            Command::new("mkfs.btrfs")
                .args(["--quiet", "--label", LABEL])
                .arg(&image.device),
        )?;
        image.mount("subvolid=5,compress=zstd:1,noatime", &image.top)?;
        // The mount keeps the device; once everything is unmounted the kernel lets go of it by itself.
        quiet(Command::new("losetup").arg("--detach").arg(&image.device))?;
        image.fill(session, &programs)?;
        Ok(image)
    }

    /// The loop device.
    pub(crate) fn device(&self) -> &Path {
        &self.device
    }

    /// The root directory of a snapshot.
    pub(crate) fn snapshot(&self, number: u32) -> PathBuf {
        self.top.join(format!("@/.snapshots/{number}/snapshot"))
    }

    fn mount(&self, options: &str, at: &Path) -> Result<()> {
        quiet(
            Command::new("mount")
                .args(["-t", "btrfs", "-o", options])
                .arg(&self.device)
                .arg(at),
        )
    }

    fn fill(&self, session: &Session, programs: &impl Fn(PathBuf) -> Options) -> Result<()> {
        let at = self.top.join("@");
        let root = self.snapshot(1);
        subvolume(&at)?;
        subvolume(&at.join(".snapshots"))?;
        fs::create_dir(at.join(".snapshots/1"))?;
        subvolume(&root)?;
        subvolume(&root.join("etc"))?;
        for name in SHARED {
            subvolume(&at.join(name))?;
            fs::create_dir(root.join(name))?;
            quiet(
                Command::new("mount")
                    .arg("--bind")
                    .arg(at.join(name))
                    .arg(root.join(name)),
            )?;
        }
        fs::create_dir(root.join(".snapshots"))?;
        quiet(
            Command::new("tar")
                .args([
                    "--extract",
                    "--numeric-owner",
                    "--xattrs",
                    "--xattrs-include=*",
                    "--exclude=./dev/*",
                    "--file",
                ])
                .arg(system::path(&session.cache))
                .arg("--directory")
                .arg(&root),
        )
        .context("unpack the guest system")?;
        configure(&root)?;
        repository::add(session, &root)?;
        install::run(session, &programs(root.clone()))?;
        for name in SHARED {
            quiet(Command::new("umount").arg(root.join(name)))?;
        }
        fs::write(at.join(".snapshots/1/info.xml"), first_info()?)?;
        quiet(
            Command::new("btrfs")
                .args(["subvolume", "set-default"])
                .arg(&root),
        )?;
        self.set_read_only(true)
    }

    /// Closes the first snapshot, or opens it again.
    pub(crate) fn set_read_only(&self, is: bool) -> Result<()> {
        quiet(
            Command::new("btrfs")
                .args(["property", "set", "-ts"])
                .arg(self.snapshot(1))
                .args(["ro", if is { "true" } else { "false" }]),
        )
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        let _ = quiet(Command::new("umount").arg("--recursive").arg(&self.top));
        let _ = output(Command::new("losetup").arg("--detach").arg(&self.device));
    }
}

/// Detaches the loop devices whose files lie below a directory; those of a run that was killed.
pub(crate) fn detach_below(directory: &Path) {
    let Ok(list) =
        output(Command::new("losetup").args(["--list", "--noheadings", "--output", "NAME,BACK-FILE"]))
    else {
        return;
    };
    for line in list.lines() {
        let mut fields = line.split_whitespace();
        if let (Some(device), Some(file)) = (fields.next(), fields.next())
            && Path::new(file).starts_with(directory)
        {
            let _ = output(Command::new("losetup").args(["--detach", device]));
        }
    }
}

fn subvolume(path: &Path) -> Result<()> {
    quiet(
        Command::new("btrfs")
            .args(["--quiet", "subvolume", "create"])
            .arg(path),
    )
}

fn first_info() -> Result<String> {
    let date = output(Command::new("date").args(["--utc", "+%Y-%m-%d %H:%M:%S"]))?;
    Ok(format!(
        "<?xml version=\"1.0\"?>\n<snapshot>\n  <type>single</type>\n  <num>1</num>\n  <date>{date}</date>\n  \
         <description>first root filesystem</description>\n</snapshot>\n"
    ))
}

/// What an installer would have done.
fn configure(root: &Path) -> Result<()> {
    let mut fstab = format!("LABEL={LABEL} / btrfs noatime 0 0\n");
    fstab += &format!("LABEL={LABEL} /.snapshots btrfs noatime,subvol=@/.snapshots 0 0\n");
    for name in SHARED {
        fstab += &format!("LABEL={LABEL} /{name} btrfs noatime,subvol=@/{name} 0 0\n");
    }
    fs::write(root.join("etc/fstab"), fstab)?;
    fs::write(root.join("etc/hostname"), "kedge-guest\n")?;
    fs::write(
        root.join("etc/machine-id"),
        fs::read_to_string("/proc/sys/kernel/random/uuid")?.replace('-', ""),
    )?;
    // No first-boot services: nothing has to be rebuilt.
    for file in ["etc/.updated", "var/.updated"] {
        fs::write(root.join(file), "")?;
    }
    let database = root.join("usr/lib/sysimage/dpkg");
    fs::create_dir_all(root.join("usr/lib/sysimage/apt"))?;
    quiet(Command::new("mv").arg(root.join("var/lib/dpkg")).arg(&database))?;
    symlink("../../usr/lib/sysimage/dpkg", root.join("var/lib/dpkg"))?;
    fs::write(
        root.join("etc/apt/apt.conf.d/10-atomic"),
        "// What apt knows about packages belongs to the snapshot, as dpkg's database does.\n\
         Dir::State::extended_states \"/usr/lib/sysimage/apt/extended_states\";\n",
    )?;
    // The guest has no network: only the repository that is added later.
    for list in ["etc/apt/sources.list", "etc/apt/sources.list.d/0000sources.list"] {
        let _ = fs::remove_file(root.join(list));
    }
    fs::create_dir_all(root.join("etc/snapper/configs"))?;
    fs::write(
        root.join("etc/snapper/configs/root"),
        "SUBVOLUME=\"/\"\nFSTYPE=\"btrfs\"\nQGROUP=\"\"\nSPACE_LIMIT=\"0.5\"\nFREE_LIMIT=\"0.2\"\nALLOW_USERS=\"\"\n\
         ALLOW_GROUPS=\"\"\nSYNC_ACL=\"no\"\nBACKGROUND_COMPARISON=\"no\"\nNUMBER_CLEANUP=\"yes\"\n\
         NUMBER_MIN_AGE=\"1800\"\nNUMBER_LIMIT=\"50\"\nNUMBER_LIMIT_IMPORTANT=\"10\"\nTIMELINE_CREATE=\"no\"\n\
         TIMELINE_CLEANUP=\"yes\"\nEMPTY_PRE_POST_CLEANUP=\"yes\"\n",
    )?;
    fs::create_dir_all(root.join("etc/default"))?;
    fs::write(root.join("etc/default/snapper"), "SNAPPER_CONFIGS=\"root\"\n")?;
    for unit in MASKED {
        let link = root.join("etc/systemd/system").join(unit);
        let _ = fs::remove_file(&link);
        symlink("/dev/null", link)?;
    }
    // A person without rights, for the questions that polkit asks.
    quiet(
        Command::new("chroot")
            .arg(root)
            .args(["useradd", "--create-home", "--shell", "/bin/bash", "anna"]),
    )
}
