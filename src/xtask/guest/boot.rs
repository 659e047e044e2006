// SPDX-License-Identifier: GPL-3.0-or-later
//! Booting: what a boot loader and an initrd do, in namespaces instead of on a machine.

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::mount::{
    MountFlags, MountPropagationFlags, UnmountFlags, mount_bind, mount_change, mount_remount, unmount,
};
use rustix::process::pivot_root;

use crate::inside::file_system;
use crate::process::{output, succeeds};

/// What starting a guest needs to know.
#[derive(Debug, clap::Args)]
pub(crate) struct StartArgs {
    #[arg(long)]
    cgroup: PathBuf,
    #[arg(long)]
    device: PathBuf,
    #[arg(long)]
    at: PathBuf,
}

/// What the guest's first process needs to know.
#[derive(Debug, clap::Args)]
pub(crate) struct InitArgs {
    #[arg(long)]
    device: PathBuf,
    #[arg(long)]
    at: PathBuf,
}

/// Enters the guest's control group, so that its namespace begins there, and becomes `unshare`.
pub(crate) fn start(args: &StartArgs) -> Result<u8> {
    fs::create_dir_all(&args.cgroup).with_context(|| format!("create {}", args.cgroup.display()))?;
    fs::write(args.cgroup.join("cgroup.procs"), "0").context("enter the control group")?;
    let error = Command::new("unshare")
        .args([
            "--mount",
            "--pid",
            "--fork",
            "--ipc",
            "--uts",
            "--cgroup",
            "--net",
            "--kill-child=KILL",
            "--",
        ])
        .arg(std::env::current_exe()?)
        .arg("__guest-init")
        .arg("--device")
        .arg(&args.device)
        .arg("--at")
        .arg(&args.at)
        .exec();
    Err(error).context("start unshare")
}

/// Runs as process 1 of the guest: mounts the default subvolume as `/` and becomes systemd.
pub(crate) fn init(args: &InitArgs) -> Result<u8> {
    let root = args.at.as_path();
    let device = args.device.as_path();
    fs::create_dir_all(root)?;
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)?;
    // No subvol= option: like the initrd of such a system, this follows the default subvolume.
    btrfs(device, root, "noatime")?;
    for (subvolume, directory) in shared(root)? {
        let at = root.join(directory);
        if at.is_dir() {
            btrfs(device, &at, &format!("noatime,subvol={subvolume}"))?;
        }
    }
    kernel_file_systems(root)?;
    devices(device, root)?;
    rustix::system::sethostname(b"kedge-guest").context("set the host name")?;
    let _ = succeeds(Command::new("ip").args(["link", "set", "lo", "up"]));
    std::env::set_current_dir(root)?;
    pivot_root(".", ".").context("change the root directory")?;
    unmount(".", UnmountFlags::DETACH).context("leave the old root")?;
    std::env::set_current_dir("/")?;
    let error = Command::new("/lib/systemd/systemd")
        .args([
            "--log-target=journal",
            "--show-status=no",
            "systemd.unit=multi-user.target",
        ])
        .env_clear()
        .env("container", "kedge")
        .env(
            "PATH",
            "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        )
        .env("LANG", "C.UTF-8")
        .exec();
    Err(error).context("start systemd")
}

/// The subvolumes that the system's own fstab mounts below `/`.
fn shared(root: &Path) -> Result<Vec<(String, String)>> {
    let text = fs::read_to_string(root.join("etc/fstab")).context("read the guest's fstab")?;
    let mounts = text.lines().filter_map(|line| {
        let mut fields = line.split_whitespace();
        let (_, directory, kind, options) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
        let subvolume = options
            .split(',')
            .find_map(|option| option.strip_prefix("subvol="))?;
        (kind == "btrfs").then(|| (subvolume.to_owned(), directory.trim_start_matches('/').to_owned()))
    });
    Ok(mounts.collect())
}

fn btrfs(device: &Path, at: &Path, options: &str) -> Result<()> {
    let device = device.to_str().context("a device with a strange name")?;
    let options = std::ffi::CString::new(options)?;
    // noatime is a flag, not data; everything else belongs to btrfs.
    let data = options
        .to_str()?
        .split(',')
        .filter(|word| *word != "noatime")
        .collect::<Vec<_>>()
        .join(",");
    let data = std::ffi::CString::new(data)?;
    let data = (!data.is_empty()).then_some(data.as_c_str());
    rustix::mount::mount(device, at, "btrfs", MountFlags::NOATIME, data)
        .with_context(|| format!("mount {device} at {}", at.display()))
}

fn kernel_file_systems(root: &Path) -> Result<()> {
    let safe = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    let proc = root.join("proc");
    file_system("proc", &proc, safe, "")?;
    // The guest's systemd must not touch what belongs to the machine.
    for name in ["sys", "sysrq-trigger", "irq", "bus"] {
        let path = proc.join(name);
        if path.exists() {
            mount_bind(&path, &path)?;
            mount_remount(&path, MountFlags::BIND | MountFlags::RDONLY, "")?;
        }
    }
    file_system("sysfs", &root.join("sys"), safe | MountFlags::RDONLY, "")?;
    file_system("cgroup2", &root.join("sys/fs/cgroup"), safe, "")?;
    file_system(
        "tmpfs",
        &root.join("run"),
        MountFlags::NOSUID | MountFlags::NODEV,
        "mode=0755",
    )?;
    file_system(
        "tmpfs",
        &root.join("tmp"),
        MountFlags::NOSUID | MountFlags::NODEV,
        "mode=1777",
    )?;
    let dev = root.join("dev");
    file_system("tmpfs", &dev, MountFlags::NOSUID, "mode=0755")?;
    for name in ["pts", "shm", "mqueue", "disk/by-uuid", "disk/by-label"] {
        fs::create_dir_all(dev.join(name))?;
    }
    file_system(
        "devpts",
        &dev.join("pts"),
        MountFlags::NOSUID,
        "newinstance,ptmxmode=0666,mode=620,gid=5",
    )?;
    file_system(
        "tmpfs",
        &dev.join("shm"),
        MountFlags::NOSUID | MountFlags::NODEV,
        "mode=1777",
    )
}

fn devices(device: &Path, root: &Path) -> Result<()> {
    let dev = root.join("dev");
    for (name, to) in [
        ("ptmx", "pts/ptmx"),
        ("fd", "/proc/self/fd"),
        ("stdin", "fd/0"),
        ("stdout", "fd/1"),
        ("stderr", "fd/2"),
    ] {
        symlink(to, dev.join(name))?;
    }
    for name in ["null", "zero", "full", "random", "urandom", "tty"] {
        fs::write(dev.join(name), "")?;
        mount_bind(Path::new("/dev").join(name), dev.join(name))?;
    }
    let disk = fs::metadata(device).with_context(|| format!("look at {}", device.display()))?;
    anyhow::ensure!(
        disk.file_type().is_block_device(),
        "{} is no block device",
        device.display()
    );
    let inside = root.join(device.strip_prefix("/").unwrap_or(device));
    let mode = Mode::from_raw_mode(0o660);
    mknodat(CWD, &inside, FileType::BlockDevice, mode, disk.rdev()).context("make the disk's device node")?;
    let control = fs::metadata("/dev/btrfs-control").map(|node| node.rdev());
    if let Ok(control) = control {
        mknodat(
            CWD,
            dev.join("btrfs-control"),
            FileType::CharacterDevice,
            mode,
            control,
        )?;
    }
    for (tag, directory) in [("UUID", "disk/by-uuid"), ("LABEL", "disk/by-label")] {
        let value = output(
            Command::new("blkid")
                .args(["-p", "-s", tag, "-o", "value"])
                .arg(device),
        )?;
        if !value.is_empty() {
            let name = device.file_name().unwrap_or_default();
            symlink(Path::new("../..").join(name), dev.join(directory).join(value))?;
        }
    }
    Ok(())
}
