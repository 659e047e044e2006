// SPDX-License-Identifier: GPL-3.0-or-later
//! The process that reads: it takes descriptors, gives everything else up, and parses.
#![expect(
    unsafe_code,
    reason = "taking over descriptors by number and changing the one thread's user cannot be said otherwise"
)]

use super::{Bytes, DAMAGED, FIRST, Format, VERB, answer};
use crate::packages::{changelog, dpkg, pacman, rpm};
use linux_raw_sys::general as nr;
use rustix::process::{Resource, Rlimit, Signal};
use rustix::thread::{Gid, Uid};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    TargetArch, apply_filter,
};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read as _, Write as _};
use std::os::fd::{AsFd as _, FromRawFd as _, OwnedFd};

/// Who is nobody, by every distribution's convention.
const NOBODY: u32 = 65534;
/// The most memory, in bytes, and the longest time, in seconds of the processor.
const MEMORY: u64 = 1024 * 1024 * 1024;
const SECONDS: u64 = 60;
/// When it cannot give up its privileges it does not read.
const NOT_CONFINED: i32 = 71;

/// Serves as the process that reads package databases, and ends, when this program was started to be that. To be called
/// before anything else by every program that opens a [`crate::NativeEngine`].
pub fn read_if_asked() {
    let mut args = std::env::args_os().skip(1);
    if args.next().is_none_or(|verb| verb != VERB) {
        return;
    }
    let args: Vec<String> = args.filter_map(|arg| arg.into_string().ok()).collect();
    let code = match serve(&args) {
        Ok(()) => 0,
        Err((code, reason)) => {
            // The parent reads it; there is nobody else to tell that it cannot be written.
            let _ = writeln!(io::stderr(), "{reason}");
            code
        }
    };
    std::process::exit(code);
}

fn serve(args: &[String]) -> Result<(), (i32, String)> {
    let usage = || (NOT_CONFINED, "this is for the program's own use".to_owned());
    let [what, format, count, _, names @ ..] = args else {
        return Err(usage());
    };
    let format = Format::from_name(format).ok_or_else(usage)?;
    let count: i32 = count
        .parse()
        .ok()
        .filter(|count| (1..=2).contains(count))
        .ok_or_else(usage)?;
    let mut files: Vec<OwnedFd> = (FIRST..FIRST + count)
        // SAFETY: the parent passes exactly these descriptors, and nothing else in this process has them: it is the
        // first thing that it does. A caller who lies gets errors from the kernel, since no other descriptor is open.
        .map(|fd| unsafe { OwnedFd::from_raw_fd(fd) })
        .collect();
    confine(format, &files).map_err(|error| (NOT_CONFINED, format!("cannot give up privileges: {error}")))?;
    let names: BTreeSet<&str> = names.iter().map(String::as_str).collect();
    let damaged = |error: io::Error| (DAMAGED, error.to_string());
    let first = files.remove(0);
    let second = files.pop().map(File::from);
    let log = second.as_ref().map(|log| log as &dyn Bytes);
    // As much as a pipe holds (pipe(7)), so that the parent is woken rarely. Standard output itself cuts at lines.
    let out = io::stdout().as_fd().try_clone_to_owned();
    let out = out.map_err(|error| (NOT_CONFINED, format!("cannot answer: {error}")))?;
    let mut out = BufWriter::with_capacity(64 * 1024, File::from(out));
    let said = match what.as_str() {
        "installed" => {
            let packages = match format {
                Format::RpmSqlite => rpm::sqlite_installed(&File::from(first), log),
                Format::RpmNdb => rpm::ndb_installed(&File::from(first)),
                // Said as they are read, so that not all of them are held.
                Format::Dpkg => {
                    let file = BufReader::with_capacity(64 * 1024, File::from(first));
                    dpkg::visit_installed(file, |package| answer::say_package(&mut out, package))
                        .map(|()| Vec::new())
                }
                Format::Pacman => pacman::installed(first.as_fd()),
                Format::DebianDocs => return Err(usage()),
            };
            answer::say_packages(&mut out, &packages.map_err(damaged)?)
        }
        "apart" => match (format, second) {
            (Format::Dpkg, Some(second)) => dpkg_apart(File::from(first), second, &mut out),
            _ => return Err(usage()),
        },
        "changelogs" => {
            let changelogs = match format {
                Format::RpmSqlite => rpm::sqlite_changelogs(&File::from(first), log, &names),
                Format::RpmNdb => rpm::ndb_changelogs(&File::from(first), &names),
                Format::DebianDocs => changelog::debian(first.as_fd(), &names),
                Format::Dpkg | Format::Pacman => Ok(BTreeMap::new()),
            };
            answer::say_changelogs(&mut out, &changelogs.map_err(damaged)?)
        }
        "files" => {
            let mut say =
                |name: &str, paths: Vec<Vec<u8>>| answer::say_files(&mut out, name, paths.into_iter());
            let told = match format {
                Format::RpmSqlite => rpm::sqlite_files(&File::from(first), log, &mut say),
                Format::RpmNdb => rpm::ndb_files(&File::from(first), &mut say),
                Format::Pacman => pacman::files(first.as_fd(), &mut say),
                Format::Dpkg | Format::DebianDocs => return Err(usage()),
            };
            told.map_err(damaged)?;
            answer::say_end(&mut out)
        }
        _ => return Err(usage()),
    };
    said.and_then(|()| out.flush()).map_err(damaged)
}

/// Says how two of dpkg's databases differ. Whoever opened them has looked at their sizes.
fn dpkg_apart(old: File, new: File, to: &mut dyn io::Write) -> io::Result<()> {
    let read = |mut file: File| {
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map(|_| bytes)
    };
    let (old, new) = (read(old)?, read(new)?);
    let said = |paragraphs: Vec<&[u8]>| {
        let mut said = Vec::new();
        dpkg::visit_installed(paragraphs.concat().as_slice(), |package| {
            answer::say_package(&mut said, package)
        })
        .map(|()| said)
    };
    let [old, new] = dpkg::without_common(&old, &new).map(said);
    answer::say_apart(to, &old?, &new?)
}

/// Gives up everything that parsing does not take.
fn confine(format: Format, files: &[OwnedFd]) -> io::Result<()> {
    if rustix::process::geteuid().is_root() {
        if let Some(directory) = files.first().filter(|_| format.is_directory()) {
            rustix::process::fchdir(directory)?;
            rustix::process::chroot(".")?;
        }
        let (user, group) = (Uid::from_raw(NOBODY), Gid::from_raw(NOBODY));
        rustix::thread::set_thread_groups(&[])?;
        rustix::thread::set_thread_res_gid(group, group, group)?;
        // There is one thread: its user is the process's. Losing root loses all capabilities with it (capabilities(7)).
        rustix::thread::set_thread_res_uid(user, user, user)?;
    }
    // Changing the user took the death signal away (PR_SET_PDEATHSIG(2const)).
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    rustix::thread::set_no_new_privs(true)?;
    for (resource, most) in [
        (Resource::As, MEMORY),
        (Resource::Cpu, SECONDS),
        (Resource::Fsize, 0),
        (Resource::Nproc, 0),
        (Resource::Core, 0),
        (Resource::Nofile, 64),
    ] {
        let limit = Rlimit {
            current: Some(most),
            maximum: Some(most),
        };
        rustix::process::setrlimit(resource, limit)?;
    }
    let filter = filter(format.is_directory()).map_err(io::Error::other)?;
    apply_filter(&filter).map_err(io::Error::other)
}

/// The system calls that are left: reading and writing what is open, memory without execution, and ending.
fn filter(opens: bool) -> Result<BpfProgram, seccompiler::BackendError> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = BTreeMap::new();
    let always = [
        nr::__NR_read,
        nr::__NR_pread64,
        nr::__NR_write,
        nr::__NR_writev,
        nr::__NR_lseek,
        nr::__NR_close,
        nr::__NR_fstat,
        nr::__NR_statx,
        nr::__NR_fcntl,
        nr::__NR_brk,
        nr::__NR_munmap,
        nr::__NR_mremap,
        nr::__NR_madvise,
        nr::__NR_futex,
        nr::__NR_getrandom,
        nr::__NR_rt_sigreturn,
        nr::__NR_rt_sigprocmask,
        nr::__NR_sigaltstack,
        nr::__NR_exit,
        nr::__NR_exit_group,
    ];
    let opening = [nr::__NR_openat2, nr::__NR_getdents64];
    let opening = opening.iter().filter(|_| opens);
    rules.extend(
        always
            .iter()
            .chain(opening)
            .map(|call| (i64::from(*call), Vec::new())),
    );
    // Whoever takes this process over shall not bring code along: no memory is ever both.
    let execution = u64::from(linux_raw_sys::general::PROT_EXEC);
    for call in [nr::__NR_mmap, nr::__NR_mprotect] {
        let never = SeccompCondition::new(2, SeccompCmpArgLen::Dword, SeccompCmpOp::MaskedEq(execution), 0)?;
        rules.insert(i64::from(call), vec![SeccompRule::new(vec![never])?]);
    }
    let arch = TargetArch::try_from(std::env::consts::ARCH)?;
    SeccompFilter::new(rules, SeccompAction::KillProcess, SeccompAction::Allow, arch)?.try_into()
}
