// SPDX-License-Identifier: GPL-3.0-or-later
//! A signed package repository in a directory, with packages made on the spot.

use crate::loop_btrfs::run;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// A package to be built.
#[derive(Debug, Clone, Default)]
pub struct Deb {
    name: String,
    version: String,
    fields: String,
    files: Vec<(String, Vec<u8>)>,
    scripts: Vec<(&'static str, String)>,
}

impl Deb {
    /// A package with one small file, `/usr/share/NAME/version`.
    pub fn new(name: &str, version: &str) -> Self {
        Self {
            name: name.into(),
            version: version.into(),
            ..Self::default()
        }
        .file(&format!("usr/share/{name}/version"), version)
    }

    /// One more line of its control file.
    pub fn field(mut self, line: &str) -> Self {
        self.fields.push_str(line);
        self.fields.push('\n');
        self
    }

    /// One more file.
    pub fn file(mut self, path: &str, content: impl AsRef<[u8]>) -> Self {
        self.files.push((path.into(), content.as_ref().to_vec()));
        self
    }

    /// A file of this many bytes that cannot be compressed.
    pub fn large(self, path: &str, size: usize) -> Self {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let noise = std::iter::repeat_with(|| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()
        });
        let content: Vec<u8> = noise.take(size.div_ceil(8)).flatten().collect();
        self.file(path, content)
    }

    /// A script such as `postinst`.
    pub fn script(mut self, name: &'static str, text: &str) -> Self {
        self.scripts.push((name, format!("#!/bin/sh\n{text}\n")));
        self
    }

    /// Builds it into a folder; returns the name of the file.
    pub fn build(&self, folder: &Path) -> String {
        let tree = tempfile::tempdir().unwrap();
        let write = |path: &str, content: &[u8], mode| {
            let path = tree.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, content).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        };
        for (path, content) in &self.files {
            write(path, content, 0o644);
        }
        for (name, text) in &self.scripts {
            write(&format!("DEBIAN/{name}"), text.as_bytes(), 0o755);
        }
        let size: usize = self.files.iter().map(|(_, content)| content.len()).sum();
        let control = format!(
            "Package: {}\nVersion: {}\nArchitecture: all\nMaintainer: Test <test@example.org>\nInstalled-Size: {}\n\
             {}Description: made by a test\n",
            self.name,
            self.version,
            size.div_ceil(1024),
            self.fields
        );
        write("DEBIAN/control", control.as_bytes(), 0o644);
        fs::set_permissions(tree.path(), fs::Permissions::from_mode(0o755)).unwrap();
        fs::create_dir_all(folder).unwrap();
        let file = format!("{}_{}_all.deb", self.name, self.version.replace(':', "%3a"));
        let (from, to) = (tree.path().to_str().unwrap(), folder.join(&file));
        run(
            "dpkg-deb",
            ["-Znone", "--root-owner-group", "-b", from, to.to_str().unwrap()],
        )
        .unwrap();
        file
    }
}

/// A key to sign with, made once per run.
#[derive(Debug)]
pub struct Key {
    home: tempfile::TempDir,
    /// Only one at a time, since each ends the agent that it started.
    turn: Mutex<()>,
}

impl Default for Key {
    fn default() -> Self {
        Self::new()
    }
}

impl Key {
    /// A new key.
    pub fn new() -> Self {
        let home = tempfile::Builder::new().prefix("kedge-gpg-").tempdir().unwrap();
        fs::set_permissions(home.path(), fs::Permissions::from_mode(0o700)).unwrap();
        let this = Self {
            home,
            turn: Mutex::default(),
        };
        this.gpg(&[
            "--passphrase",
            "",
            "--quick-gen-key",
            "Test <test@example.org>",
            "ed25519",
            "sign",
            "never",
        ]);
        this
    }

    fn gpg(&self, args: &[&str]) {
        let home = self.home.path().to_str().unwrap();
        let common = ["--homedir", home, "--batch", "--yes", "--quiet"];
        let _turn = self.turn.lock().unwrap();
        run("gpg", common.iter().chain(args)).unwrap();
        // gpg leaves an agent behind for each home; what stands in a static is never dropped.
        run("gpgconf", ["--homedir", home, "--kill", "all"]).unwrap();
    }

    /// The public key, as apt wants it.
    pub fn public(&self) -> Vec<u8> {
        let file = self.home.path().join("public.gpg");
        self.gpg(&["--output", file.to_str().unwrap(), "--export"]);
        fs::read(file).unwrap()
    }

    /// Signs into a file of its own, as zypper wants it.
    pub fn sign_apart(&self, file: &Path, to: &Path) {
        self.gpg(&[
            "--armor",
            "--detach-sign",
            "--output",
            to.to_str().unwrap(),
            file.to_str().unwrap(),
        ]);
    }

    /// Writes the public key, as zypper wants it.
    pub fn export(&self, to: &Path) {
        self.gpg(&["--armor", "--output", to.to_str().unwrap(), "--export"]);
    }

    /// What the key is known by.
    pub fn fingerprint(&self) -> String {
        let home = self.home.path().to_str().unwrap();
        let _turn = self.turn.lock().unwrap();
        let listed = run(
            "gpg",
            ["--homedir", home, "--batch", "--with-colons", "--list-keys"],
        )
        .unwrap();
        let line = listed.lines().find(|line| line.starts_with("fpr:")).unwrap();
        line.split(':').nth(9).unwrap().to_owned()
    }

    fn sign(&self, file: &Path, to: &Path) {
        self.gpg(&[
            "--clearsign",
            "--output",
            to.to_str().unwrap(),
            file.to_str().unwrap(),
        ]);
    }
}

/// The repository of one test.
#[derive(Debug, Clone)]
pub struct Repository {
    /// Where it is.
    pub path: PathBuf,
}

impl Repository {
    fn release(&self, suite: &str) -> PathBuf {
        self.path.join("dists").join(suite)
    }

    /// Writes a suite (`stable` or `stable-security`) that offers these packages.
    pub fn publish(&self, key: &Key, suite: &str, packages: &[Deb]) {
        self.publish_until(key, suite, packages, None);
    }

    /// The same with a release file that is valid up to a date only.
    pub fn publish_until(&self, key: &Key, suite: &str, packages: &[Deb], valid_until: Option<&str>) {
        let pool = self.path.join("pool");
        let mut index = String::new();
        for package in packages {
            let file = package.build(&pool);
            let path = pool.join(&file);
            let path = path.to_str().unwrap();
            let control = run("dpkg-deb", ["-f", path]).unwrap();
            let size = fs::metadata(path).unwrap().len();
            let hash = sha256(path);
            write!(
                index,
                "{control}Filename: pool/{file}\nSize: {size}\nSHA256: {hash}\n\n"
            )
            .unwrap();
        }
        let folder = self.release(suite);
        let main = folder.join("main/binary-amd64");
        fs::create_dir_all(&main).unwrap();
        fs::write(main.join("Packages"), &index).unwrap();
        let label = if suite.contains("security") {
            "Debian-Security"
        } else {
            "Debian"
        };
        let date = run("date", ["-u", "+%a, %d %b %Y %H:%M:%S UTC"]).unwrap();
        let valid = valid_until.map_or_else(String::new, |until| format!("Valid-Until: {until}\n"));
        let release = format!(
            "Origin: Debian\nLabel: {label}\nSuite: {suite}\nCodename: {suite}\nDate: {}\n{valid}Architectures: amd64\n\
             Components: main\nSHA256:\n {} {} main/binary-amd64/Packages\n",
            date.trim(),
            sha256(main.join("Packages").to_str().unwrap()),
            index.len()
        );
        fs::write(folder.join("Release"), release).unwrap();
        key.sign(&folder.join("Release"), &folder.join("InRelease"));
    }

    /// Changes a signed file without signing it again.
    pub fn forge(&self, suite: &str) {
        let file = self.release(suite).join("InRelease");
        let text = fs::read_to_string(&file).unwrap();
        fs::write(file, text.replace("Codename", "Codenamx")).unwrap();
    }

    /// Takes a suite away.
    pub fn withdraw(&self, suite: &str) {
        fs::remove_dir_all(self.release(suite)).unwrap();
    }
}

fn sha256(path: &str) -> String {
    let line = run("sha256sum", [path]).unwrap();
    line.split(' ').next().unwrap().to_owned()
}
