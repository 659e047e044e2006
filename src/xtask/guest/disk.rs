// SPDX-License-Identifier: GPL-3.0-or-later
//! The guest on a disk with partitions, for machines that start it by a kernel of their own: what an installer would
//! leave behind, but for the boot loader, which is the business of whoever starts it.
//!
//! The initrd is a page of shell around busybox, as small as an emulated machine wants it. It mounts what the kernel's
//! command line names, and the default subvolume where that names none.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::enter::Session;
use crate::guest::image::{Image, LABEL};
use crate::install::Options;
use crate::process::{find, output, quiet};

const MIB: u64 = 1 << 20;
/// The partition for the boot loader. FAT32 begins at 33 MiB, and three kernels with their initrds are smaller.
const ESP: (u64, u64) = (MIB, 96 * MIB);
/// The system's.
const ROOT: (u64, u64) = (97 * MIB, 4096 * MIB);
/// What the kernel of Debian's cloud images has not built in and a machine of QEMU needs before its disk is mounted.
const FIRST: [&str; 3] = ["virtio_pci", "virtio_blk", "btrfs"];
/// And what it needs later.
const LATER: [&str; 6] = [
    "overlay",
    "efivarfs",
    "vfat",
    "nls_cp437",
    "nls_ascii",
    "nls_iso8859-1",
];
/// Where Debian keeps the modules of user-mode Linux, by version, and which one is needed.
const USER_MODE: &str = "/usr/lib/uml/modules";
const USER_MODE_OVERLAY: &str = "kernel/fs/overlayfs/overlay.ko";
/// Units that need the device nodes of a real machine, and are masked where the guest has none.
const UNMASKED: [&str; 1] = ["systemd-udevd.service"];

const INIT: &str = r#"#!/bin/sh
# Mounts the system and hands over to it.
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
for module in $(cat /modules); do insmod "/$module" || echo "initrd: $module does not load"; done
flags=
for word in $(cat /proc/cmdline); do
    case $word in
        rootflags=*) flags=${word#rootflags=} ;;
        root=*) disk=${word#root=} ;;
    esac
done
case $disk in
    LABEL=*|UUID=*) for n in 1 2 3 4 5 6 7 8 9 10; do found=$(findfs "$disk") && break; sleep 1; done; disk=$found ;;
esac
mount -t btrfs ${flags:+-o "$flags"} "$disk" /root || echo "initrd: the system cannot be mounted"
umount /proc
exec switch_root /root /sbin/init
"#;

/// What making it needs and this machine has not.
pub(crate) fn lacks() -> Option<&'static str> {
    if kernel().is_none() {
        return Some("needs the kernel of Debian's cloud images");
    }
    ["busybox", "sfdisk", "cpio", "depmod", "xz"]
        .into_iter()
        .find(|tool| find(tool).is_none())
}

/// The version of the kernel that machines are started with.
fn kernel() -> Option<String> {
    let versions = fs::read_dir("/boot").ok()?.flatten().filter_map(|file| {
        let name = file.file_name().into_string().ok()?;
        let version = name.strip_prefix("vmlinuz-")?;
        version.ends_with("-cloud-amd64").then(|| version.to_owned())
    });
    versions.max()
}

/// Makes the disk and what belongs to it, and returns the directory: `disk.img` with an empty boot partition, `linux`
/// and `initrd` as they are in the system, and `systemd-boot.efi`.
pub(crate) fn make(session: &Session) -> Result<PathBuf> {
    let directory = session.scratch.join("machines");
    fs::create_dir_all(&directory)?;
    let disk = directory.join("disk.img");
    let version = kernel().context("no kernel of Debian's cloud images in /boot")?;
    partition(&disk)?;
    let image = Image::make_in(session, &disk, Some(ROOT), |destdir| Options {
        destdir,
        prefix: "/usr".into(),
        debug: true,
        window: false,
    })?;
    image.set_read_only(false)?;
    let root = image.snapshot(1);
    modules(&root, &version)?;
    user_mode_modules(&root)?;
    initrd(session, &root, &version).context("make the initrd")?;
    let boot = |name: &str| root.join("boot").join(name);
    fs::copy(
        Path::new("/boot").join(format!("vmlinuz-{version}")),
        boot(&format!("vmlinuz-{version}")),
    )?;
    for unit in UNMASKED {
        fs::remove_file(root.join("etc/systemd/system").join(unit))?;
    }
    fs::create_dir_all(root.join("efi"))?;
    let mut table = fs::read_to_string(root.join("etc/fstab"))?;
    table += "LABEL=ESP /efi vfat umask=0077,nofail 0 0\n";
    fs::write(root.join("etc/fstab"), table)?;
    fs::copy(boot(&format!("vmlinuz-{version}")), directory.join("linux"))?;
    fs::copy(boot(&format!("initrd.img-{version}")), directory.join("initrd"))?;
    fs::copy(
        root.join("usr/lib/systemd/boot/efi/systemd-bootx64.efi.signed"),
        directory.join("systemd-boot.efi"),
    )?;
    fs::write(
        directory.join("parts"),
        format!("{} {} {} {} {LABEL}\n", ESP.0, ESP.1, ROOT.0, ROOT.1),
    )?;
    image.set_read_only(true)?;
    drop(image);
    Ok(directory)
}

fn partition(disk: &Path) -> Result<()> {
    fs::File::create(disk)?
        .set_len(ROOT.0 + ROOT.1 + MIB)
        .context("make the disk")?;
    let script = format!(
        "label: gpt\nstart={}MiB, size={}MiB, type=U, name=esp\n\
         start={}MiB, size={}MiB, type=4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709, name=root\n",
        ESP.0 / MIB,
        ESP.1 / MIB,
        ROOT.0 / MIB,
        ROOT.1 / MIB
    );
    let table = disk.with_extension("sfdisk");
    fs::write(&table, script)?;
    let mut sfdisk = Command::new("sh");
    sfdisk.args([
        "-ec",
        "exec sfdisk --quiet --no-reread --no-tell-kernel \"$1\" < \"$2\"",
        "sh",
    ]);
    quiet(sfdisk.arg(disk).arg(&table))
}

/// Paths of a module and of what it depends on, in the order in which they are loaded. Nothing for one that is built in.
fn with_dependencies(version: &str, module: &str) -> Result<Vec<PathBuf>> {
    let mut modprobe = Command::new("modprobe");
    modprobe.args(["--show-depends", "--set-version", version, module]);
    Ok(output(&mut modprobe)?
        .lines()
        .filter_map(|line| line.strip_prefix("insmod "))
        .map(|path| PathBuf::from(path.trim()))
        .collect())
}

/// Puts what a running machine needs of the kernel's modules into the system.
fn modules(root: &Path, version: &str) -> Result<()> {
    for module in FIRST.iter().chain(&LATER) {
        for path in with_dependencies(version, module)? {
            let to = root.join("usr").join(path.strip_prefix("/").unwrap_or(&path));
            fs::create_dir_all(to.parent().unwrap_or(root))?;
            fs::copy(&path, &to).with_context(|| format!("copy {}", path.display()))?;
        }
    }
    let place = Path::new("lib/modules").join(version);
    for name in ["modules.builtin", "modules.order"] {
        fs::copy(
            Path::new("/").join(&place).join(name),
            root.join("usr").join(&place).join(name),
        )?;
    }
    quiet(Command::new("depmod").arg("--basedir").arg(root).arg(version))
}

/// The same for user-mode Linux, where it is installed.
fn user_mode_modules(root: &Path) -> Result<()> {
    for version in fs::read_dir(USER_MODE).into_iter().flatten().flatten() {
        let module = version.path().join(USER_MODE_OVERLAY);
        let name = version.file_name();
        let to = root.join("usr/lib/modules").join(&name);
        if module.is_file() {
            let place = to.join(USER_MODE_OVERLAY);
            fs::create_dir_all(place.parent().unwrap_or(&to))?;
            fs::copy(&module, &place).with_context(|| format!("copy {}", module.display()))?;
            for name in ["modules.builtin", "modules.order"] {
                fs::copy(version.path().join(name), to.join(name)).with_context(|| format!("copy {name}"))?;
            }
            quiet(Command::new("depmod").arg("--basedir").arg(root).arg(&name))?;
        }
    }
    Ok(())
}

fn initrd(session: &Session, root: &Path, version: &str) -> Result<()> {
    let tree = session.scratch.join("initrd");
    for directory in ["bin", "dev", "proc", "sys", "root", "lib"] {
        fs::create_dir_all(tree.join(directory))?;
    }
    let busybox = find("busybox").context("find busybox")?;
    fs::copy(busybox, tree.join("bin/busybox"))?;
    for name in [
        "sh",
        "mount",
        "umount",
        "insmod",
        "cat",
        "echo",
        "sleep",
        "findfs",
        "switch_root",
    ] {
        symlink("busybox", tree.join("bin").join(name))?;
    }
    let mut order = String::new();
    for module in FIRST {
        for path in with_dependencies(version, module)? {
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            let plain = name.trim_end_matches(".xz").to_owned();
            let to = tree.join("lib").join(&plain);
            if to.exists() {
                continue;
            }
            fs::copy(&path, tree.join("lib").join(&name))?;
            if name.ends_with(".xz") {
                quiet(
                    Command::new("xz")
                        .arg("--decompress")
                        .arg(tree.join("lib").join(&name)),
                )?;
            }
            order += &format!("lib/{plain}\n");
        }
    }
    fs::write(tree.join("modules"), order)?;
    fs::write(tree.join("init"), INIT)?;
    fs::set_permissions(tree.join("init"), fs::Permissions::from_mode(0o755))?;
    let mut pack = Command::new("sh");
    pack.args([
        "-ec",
        "cd \"$1\"; find . | cpio --quiet --create --format=newc | zstd -q -3 > \"$2\"",
        "sh",
    ]);
    quiet(
        pack.arg(&tree)
            .arg(root.join("boot").join(format!("initrd.img-{version}"))),
    )
}
