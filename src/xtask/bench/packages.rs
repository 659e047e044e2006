// SPDX-License-Identifier: GPL-3.0-or-later
//! How the packages of two snapshots differ, 3,000 in each, against asking rpm or dpkg for both.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::measure::Pairs;
use super::{Bed, Bench, Figure};
use crate::cache::fingerprint;
use crate::process::{output, quiet};

pub(super) const BENCH: Bench = Bench {
    name: "packages",
    about: "compare the packages of two snapshots",
    guest: false,
    layer: None,
    figures,
};

const COUNT: usize = 3000;
/// So many packages are removed between the two.
const REMOVED: usize = 10;

fn figures(bed: &Bed) -> Result<Vec<Figure>> {
    let mut figures = vec![dpkg(bed)?];
    for (number, backend) in [(3, "sqlite"), (4, "ndb")] {
        figures.push(rpm(bed, number, backend)?);
    }
    Ok(figures)
}

fn compare(
    bed: &Bed,
    name: &str,
    root: &str,
    ids: [&str; 2],
    peer: (&str, &str),
    limit: f64,
) -> Result<Figure> {
    let program = bed.program()?.to_str().context("a path that is not text")?;
    let ours = ["/usr/bin/env", program, "packages", root, ids[0], ids[1]];
    let said = output(Command::new(ours[1]).args(&ours[2..]))?;
    ensure!(
        said.trim() == format!("0 {REMOVED}"),
        "we see {said:?} instead of {REMOVED} removed packages"
    );
    let theirs = ["/bin/sh", "-c", peer.1];
    let listed = output(Command::new(theirs[0]).args(&theirs[1..]))?
        .lines()
        .count();
    ensure!(
        listed == 2 * COUNT - REMOVED,
        "{} lists {listed} packages",
        peer.0
    );
    let pairs = Pairs::run(&bed.group()?, bed.pairs, &ours, &theirs)?;
    Ok(Figure {
        name: name.to_owned(),
        is: pairs.ratio(),
        limit,
        unit: "x",
        detail: pairs.detail(peer.0),
    })
}

/// Two snapshots with what `place` holds before and after `change`.
fn taken(bed: &Bed, root: &str, change: impl FnOnce() -> Result<()>) -> Result<[String; 2]> {
    let take = || -> Result<String> { Ok(output(&mut bed.measure(&["take", root])?)?.trim().to_owned()) };
    let before = take()?;
    change()?;
    Ok([before, take()?])
}

fn dpkg(bed: &Bed) -> Result<Figure> {
    let many = bed.many(2)?;
    let root = many.root()?;
    let admin = Path::new(root).join("var/lib/dpkg");
    fs::create_dir_all(&admin)?;
    let write = |count: usize| {
        let mut text = String::new();
        for number in 0..count {
            let files: String = (0..4)
                .map(|file| format!("\n /etc/package-{number}/{file} d41d8cd98f00b204e9800998ecf8427e"))
                .collect();
            // Writing to a String cannot fail.
            let _ = write!(
                text,
                "Package: package-{number}\nStatus: install ok installed\nPriority: optional\nSection: utils\nInstalled-Size: 120\n\
                 Maintainer: A Maintainer <a@example.org>\nArchitecture: amd64\nVersion: 1.{number}-1\nDepends: libc6 (>= 2.34), package-0\n\
                 Conffiles:{files}\nDescription: the package of this number\n Some words about it, as packages have them,\n over two lines.\n\n"
            );
        }
        fs::write(admin.join("status"), text)
    };
    write(COUNT)?;
    let [before, after] = taken(bed, root, || Ok(write(COUNT - REMOVED)?))?;
    let at = |id: &str| format!("dpkg-query --admindir={root}/.snapshots/{id}/snapshot/var/lib/dpkg -W");
    let both = format!("{} && {}", at(&before), at(&after));
    compare(
        bed,
        "packages, dpkg",
        root,
        [&before, &after],
        ("2 x dpkg-query -W", &both),
        0.25,
    )
}

fn rpm(bed: &Bed, number: u32, backend: &str) -> Result<Figure> {
    let many = bed.many(number)?;
    let root = many.root()?;
    let place = Path::new(root).join("usr/lib/sysimage/rpm");
    fs::create_dir_all(&place)?;
    let built = built(bed)?;
    let dbpath = place.to_str().context("a path that is not text")?.to_owned();
    let rpm = |args: &[&str]| {
        let mut command = Command::new("rpm");
        command
            .args(["--define", &format!("_db_backend {backend}"), "--dbpath", &dbpath])
            .args(args);
        command
    };
    let script = "dbpath=$1; shift; exec rpm --define \"_db_backend $0\" --dbpath \"$dbpath\" --justdb --nodeps --noscripts --nosignature -i \"$1\"/*.rpm";
    quiet(
        Command::new("sh")
            .args(["-c", script, backend, &dbpath])
            .arg(&built),
    )?;
    let [before, after] = taken(bed, root, || {
        let gone = (0..REMOVED).map(|number| format!("package-{number}"));
        quiet(rpm(&["--justdb", "--nodeps", "--noscripts", "-e"]).args(gone))
    })?;
    // The peer reads sqlite on both, as Fedora has it: Debian's rpm can read ndb too.
    let at = |id: &str| {
        format!(
            "rpm --define '_db_backend {backend}' --dbpath {root}/.snapshots/{id}/snapshot/usr/lib/sysimage/rpm -qa"
        )
    };
    let both = format!("{} && {}", at(&before), at(&after));
    let name = format!("packages, rpm's {backend}");
    compare(
        bed,
        &name,
        root,
        [&before, &after],
        ("2 x rpm -qa", &both),
        1.0 / 6.0,
    )
}

/// The packages, built once: subpackages of one specification, with files and a changelog as real ones have. That takes
/// rpmbuild minutes, so they are kept beside what cargo built.
fn built(bed: &Bed) -> Result<PathBuf> {
    let mut spec = "Name: package\nVersion: 1\nRelease: 1\nSummary: s\nLicense: CC0-1.0\nBuildArch: noarch\nAutoReqProv: no\n\
                    %description\nd\n%install\nmkdir -p %{buildroot}/usr/share/package\n\
                    for i in $(seq 60); do echo $i > %{buildroot}/usr/share/package/a-file-with-a-longer-name-$i; done\n"
        .to_owned();
    for number in 0..COUNT {
        let _ = write!(
            spec,
            "%package -n package-{number}\nSummary: the package of this number\n%description -n package-{number}\n\
             Some words about it, as packages have them.\n%files -n package-{number}\n/usr/share/package/*\n"
        );
    }
    spec.push_str("%changelog\n");
    for day in (1..=28).rev() {
        let _ = writeln!(
            spec,
            "* {} A Person <a@example.org>\n- Change this and that, as one does (number {day})\n",
            date(day)
        );
    }
    let name = format!("bench-rpm-{}", fingerprint(&[&spec]));
    let kept = bed.session.target().join(name);
    if kept.is_dir() {
        return Ok(kept);
    }
    println!("building {COUNT} packages; this happens once");
    let top = bed.session.scratch.join("rpm");
    fs::create_dir_all(&top)?;
    let file = top.join("package.spec");
    fs::write(&file, spec)?;
    quiet(
        Command::new("rpmbuild")
            .args([
                "-bb",
                "--quiet",
                "--define",
                "_binary_payload w0.gzdio",
                "--define",
            ])
            .arg(format!("_topdir {}", top.display()))
            .arg(&file),
    )?;
    // Whole or not at all: the scratch directory may be on another filesystem.
    let new = kept.with_extension("new");
    quiet(Command::new("rm").args(["-rf", "--"]).arg(&new))?;
    quiet(
        Command::new("cp")
            .arg("-r")
            .arg(top.join("RPMS/noarch"))
            .arg(&new),
    )?;
    fs::rename(&new, &kept)?;
    quiet(Command::new("rm").args(["-rf", "--"]).arg(&top))?;
    Ok(kept)
}

/// A day of February 2026, which began on a Sunday.
fn date(day: usize) -> String {
    let name = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"][(day - 1) % 7];
    format!("{name} Feb {day:02} 2026")
}
