// SPDX-License-Identifier: GPL-3.0-or-later
//! A small package repository inside the guest: signed, reached by `file:`, with version 2 of what version 1 is
//! installed of. Nothing of it comes from a network, so an update is the same on every machine.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::enter::Session;
use crate::process::{output, quiet};

/// Where it lies in the guest: a shared subvolume, so it is the same for every snapshot.
pub(crate) const PLACE: &str = "var/lib/kedge-demo";

struct Package {
    name: &'static str,
    version: &'static str,
    depends: &'static str,
    summary: &'static str,
    /// What its changelog says of this version
    news: &'static str,
    /// Incompressible MiB, so that unpacking takes a visible moment
    weight: usize,
}

const INSTALLED: [Package; 3] = [
    Package {
        name: "demo-editor",
        version: "1.0",
        depends: "",
        summary: "an editor that is not one",
        news: "First version.",
        weight: 4,
    },
    Package {
        name: "demo-library",
        version: "1.0",
        depends: "",
        summary: "a library with a hole",
        news: "First version.",
        weight: 2,
    },
    Package {
        name: "demo-wallpapers",
        version: "1.0",
        depends: "",
        summary: "pictures",
        news: "First version.",
        weight: 8,
    },
];
const UPDATES: [Package; 3] = [
    Package {
        name: "demo-editor",
        version: "2.0",
        depends: "demo-spelling",
        summary: "an editor that is not one",
        news: "Words are looked up while they are typed.",
        weight: 6,
    },
    Package {
        name: "demo-wallpapers",
        version: "2.0",
        depends: "",
        summary: "pictures",
        news: "Sixteen more, of the sea.",
        weight: 24,
    },
    Package {
        name: "demo-spelling",
        version: "1.0",
        depends: "",
        summary: "words for the editor",
        news: "First version.",
        weight: 1,
    },
];
const SECURITY: [Package; 1] = [Package {
    name: "demo-library",
    version: "1.0-1+deb13u1",
    depends: "",
    summary: "a library, mended",
    news: "Close the hole: a picture could write beyond its end.",
    weight: 2,
}];

/// Builds the packages, installs version 1, publishes version 2, and points apt at it.
pub(crate) fn add(session: &Session, root: &Path) -> Result<()> {
    let work = session.scratch.join("packages");
    let place = root.join(PLACE);
    fs::create_dir_all(&work)?;
    let keys = work.join("keys");
    fs::create_dir_all(&keys)?;
    fs::set_permissions(&keys, fs::Permissions::from_mode(0o700))?;
    let gpg = |words: &[&str]| {
        let mut command = Command::new("gpg");
        command
            .arg("--homedir")
            .arg(&keys)
            .args(["--batch", "--yes", "--quiet", "--passphrase", ""])
            .args(words);
        command
    };
    quiet(&mut gpg(&[
        "--quick-generate-key",
        "Kedge demo repository",
        "ed25519",
        "sign",
        "never",
    ]))
    .context("make a key for the demo repository")?;
    let keyring = root.join("etc/apt/keyrings/kedge-demo.gpg");
    fs::create_dir_all(root.join("etc/apt/keyrings"))?;
    quiet(gpg(&["--export", "--output"]).arg(&keyring))?;
    let mut lists = String::new();
    for (directory, label, suite, packages) in [
        ("main", "Debian", "stable", &UPDATES[..]),
        ("security", "Debian-Security", "stable-security", &SECURITY[..]),
    ] {
        let published = place.join(directory);
        fs::create_dir_all(&published)?;
        for package in packages {
            build(&work, package, &published)?;
        }
        let index = output(
            Command::new("apt-ftparchive")
                .args(["packages", "."])
                .current_dir(&published),
        )?;
        fs::write(published.join("Packages"), index + "\n")?;
        let release = output(
            Command::new("apt-ftparchive")
                .args(["-o", "APT::FTPArchive::Release::Origin=Debian"])
                .args(["-o", &format!("APT::FTPArchive::Release::Label={label}")])
                .args(["-o", &format!("APT::FTPArchive::Release::Suite={suite}")])
                .args(["-o", &format!("APT::FTPArchive::Release::Codename={suite}")])
                .args(["release", "."])
                .current_dir(&published),
        )?;
        fs::write(published.join("Release"), release + "\n")?;
        quiet(
            gpg(&["--clearsign", "--output"])
                .arg(published.join("InRelease"))
                .arg(published.join("Release")),
        )?;
        lists += &format!("deb [signed-by=/etc/apt/keyrings/kedge-demo.gpg] file:/{PLACE}/{directory} ./\n");
    }
    fs::write(root.join("etc/apt/sources.list.d/kedge-demo.list"), lists)?;
    // The guest leaves out what packages explain, but for what the demo shows of it.
    fs::write(
        root.join("etc/dpkg/dpkg.cfg.d/zz-kedge-demo"),
        "path-include=/usr/share/doc/demo-*\n",
    )?;
    let first = root.join("tmp");
    for package in &INSTALLED {
        let file = build(&work, package, &first)?;
        quiet(
            Command::new("chroot")
                .arg(root)
                .args(["dpkg", "--install"])
                .arg(Path::new("/tmp").join(&file)),
        )?;
        fs::remove_file(first.join(file))?;
    }
    // The agent that gpg started would outlive us otherwise.
    let _ = quiet(
        Command::new("gpgconf")
            .arg("--homedir")
            .arg(&keys)
            .args(["--kill", "all"]),
    );
    Ok(())
}

/// Builds one package into a directory; returns its file name.
fn build(work: &Path, package: &Package, into: &Path) -> Result<String> {
    let Package {
        name,
        version,
        depends,
        summary,
        news,
        weight,
    } = package;
    let tree = work.join(format!("{name}-{version}"));
    let share = tree.join("usr/share").join(name);
    fs::create_dir_all(&share)?;
    fs::create_dir_all(tree.join("DEBIAN"))?;
    fs::create_dir_all(tree.join("etc"))?;
    let depends = if depends.is_empty() {
        String::new()
    } else {
        format!("Depends: {depends}\n")
    };
    fs::write(
        tree.join("DEBIAN/control"),
        format!(
            "Package: {name}\nVersion: {version}\nArchitecture: all\nMaintainer: Kedge <demo@kedge.invalid>\n\
             Section: misc\nPriority: optional\n{depends}Description: {summary}\n A package of the demo.\n"
        ),
    )?;
    fs::write(tree.join("DEBIAN/conffiles"), format!("/etc/{name}.conf\n"))?;
    fs::write(
        tree.join("etc").join(format!("{name}.conf")),
        format!("# settings of {name}\nversion={version}\n"),
    )?;
    fs::write(share.join("version"), format!("{version}\n"))?;
    let doc = tree.join("usr/share/doc").join(name);
    fs::create_dir_all(&doc)?;
    fs::write(
        doc.join("changelog.Debian"),
        format!(
            "{name} ({version}) stable; urgency=medium\n\n  * {news}\n\n \
             -- Kedge <demo@kedge.invalid>  Thu, 12 Nov 2026 09:00:00 +0000\n"
        ),
    )?;
    quiet(Command::new("gzip").arg("-n9").arg(doc.join("changelog.Debian")))?;
    let mut noise = vec![0u8; weight << 20];
    std::io::Read::read_exact(&mut fs::File::open("/dev/urandom")?, &mut noise)?;
    fs::write(share.join("data"), noise)?;
    let file = format!("{name}_{version}_all.deb");
    quiet(
        Command::new("dpkg-deb")
            .args(["--root-owner-group", "-Zgzip", "-z1", "--build"])
            .arg(&tree)
            .arg(into.join(&file)),
    )?;
    Ok(file)
}
