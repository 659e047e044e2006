// SPDX-License-Identifier: GPL-3.0-or-later
//! What can be judged without running the programs: form, lints, the files a desktop reads, licences.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::cache::Cache;
use crate::enter::Session;
use crate::process::{find, output, quiet, run as must_run};

const DENY_VERSION: &str = "0.20.2";

/// How a check ended when it did not fail.
enum Verdict {
    Passed,
    NotRun(String),
}

type Check = (&'static str, &'static str, fn(&Session) -> Result<Verdict>);

const CHECKS: [Check; 13] = [
    ("fmt", "Rust sources are formatted", fmt),
    ("clippy", "no lint anywhere", clippy),
    ("spdx", "every source begins with its licence", spdx),
    ("qmlformat", "QML files are formatted", qmlformat),
    ("qmllint", "no QML warning", qmllint),
    ("desktop", "desktop files are valid", desktop),
    ("metainfo", "the AppStream description is valid", metainfo),
    ("xml", "bus, polkit and icon files are well formed", xml),
    ("units", "the systemd unit is understood", units),
    (
        "bans",
        "no crate that must not be here, Qt only below the window",
        bans,
    ),
    ("licenses", "licences of all crates fit", licenses),
    ("sources", "crates come from the registry only", sources),
    ("advisories", "no crate with a known hole", advisories),
];

/// Names the checks.
pub(crate) fn list() -> Result<u8> {
    for (name, about, _) in CHECKS {
        println!("{name:<11} {about}");
    }
    Ok(0)
}

/// Runs the checks and prints the closing line.
pub(crate) fn run(session: &Session, only: &[String]) -> Result<u8> {
    if let Some(unknown) = only
        .iter()
        .find(|name| !CHECKS.iter().any(|check| check.0 == **name))
    {
        bail!("there is no check {unknown:?}; `cargo xtask check --list` names them");
    }
    let (mut passed, mut failed, mut skipped) = (0, 0, 0);
    for (name, _, work) in CHECKS {
        if !only.is_empty() && !only.iter().any(|wanted| wanted == name) {
            continue;
        }
        let began = Instant::now();
        let outcome = work(session);
        let seconds = began.elapsed().as_secs_f64();
        match outcome {
            Ok(Verdict::Passed) => {
                passed += 1;
                println!("check {name} ... ok ({seconds:.1} s)");
            }
            Ok(Verdict::NotRun(reason)) => {
                skipped += 1;
                println!("check {name} ... not run: {reason}");
            }
            Err(error) => {
                failed += 1;
                println!("check {name} ... FAILED\n{error:#}");
            }
        }
    }
    println!("{passed} passed, {failed} failed, {skipped} skipped");
    Ok(u8::from(failed > 0))
}

fn fmt(session: &Session) -> Result<Verdict> {
    quiet(session.cargo().args(["fmt", "--all", "--check"]))?;
    Ok(Verdict::Passed)
}

fn clippy(session: &Session) -> Result<Verdict> {
    must_run(session.cargo().args([
        "clippy",
        "--quiet",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ]))?;
    Ok(Verdict::Passed)
}

/// Files of the checkout that git knows or would add, with one of the endings.
fn files(session: &Session, endings: &[&str]) -> Result<Vec<PathBuf>> {
    let list = output(
        Command::new("git")
            .args([
                "-c",
                "safe.directory=*",
                "ls-files",
                "--cached",
                "--others",
                "--exclude-standard",
            ])
            .current_dir(&session.checkout),
    )
    .context("list the files of the checkout")?;
    let found = list
        .lines()
        .filter(|name| endings.iter().any(|ending| name.ends_with(ending)));
    Ok(found
        .map(|name| session.checkout.join(name))
        .filter(|path| path.is_file())
        .collect())
}

fn spdx(session: &Session) -> Result<Verdict> {
    let kinds = [
        ".rs", ".qml", ".cpp", ".h", ".toml", ".py", ".sh", ".xml", ".policy", ".service", ".desktop", ".svg",
    ];
    let mut without = Vec::new();
    for path in files(session, &kinds)? {
        if path.components().any(|part| part.as_os_str() == "fixtures") {
            continue;
        }
        let text = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
        // XML must begin with its declaration and scripts with their interpreter.
        if !text
            .lines()
            .take(3)
            .any(|line| line.contains("SPDX-License-Identifier:"))
        {
            without.push(
                path.strip_prefix(&session.checkout)
                    .unwrap_or(&path)
                    .display()
                    .to_string(),
            );
        }
    }
    if without.is_empty() {
        return Ok(Verdict::Passed);
    }
    bail!("no SPDX line at the top of:\n{}", without.join("\n"))
}

/// A program of Qt's developer tools, which distributions keep outside of PATH.
fn qt_tool(name: &str) -> Result<PathBuf> {
    let places = ["/usr/lib/qt6/bin", "/usr/lib64/qt6/bin", "/usr/libexec/qt6"];
    let beside = places
        .iter()
        .map(|place| Path::new(place).join(name))
        .find(|path| path.is_file());
    beside
        .or_else(|| find(&format!("{name}6")))
        .or_else(|| find(name))
        .with_context(|| format!("{name} of Qt 6 is missing"))
}

fn qmlformat(session: &Session) -> Result<Verdict> {
    let tool = qt_tool("qmlformat")?;
    let mut wrong = Vec::new();
    for path in files(session, &[".qml"])? {
        let formatted = output(Command::new(&tool).arg(&path).current_dir(&session.checkout))?;
        if formatted.trim_end() != fs::read_to_string(&path)?.trim_end() {
            wrong.push(
                path.strip_prefix(&session.checkout)
                    .unwrap_or(&path)
                    .display()
                    .to_string(),
            );
        }
    }
    if wrong.is_empty() {
        return Ok(Verdict::Passed);
    }
    bail!(
        "qmlformat would change (cargo xtask enter -- {} -i FILE):\n{}",
        tool.display(),
        wrong.join("\n")
    )
}

fn qmllint(session: &Session) -> Result<Verdict> {
    let all = files(session, &[".qml"])?;
    // Tests bring their own types; the product's pages are what must be clean.
    let pages: Vec<_> = all
        .into_iter()
        .filter(|path| path.starts_with(session.checkout.join("qml")))
        .collect();
    if pages.is_empty() {
        return Ok(Verdict::NotRun("there is no QML yet".into()));
    }
    // Our own types are described by what the build of the window writes.
    must_run(session.cargo().args(["check", "--quiet", "--package", "app"]))?;
    let mut lint = Command::new(qt_tool("qmllint")?);
    lint.args(["--max-warnings", "0"]).current_dir(&session.checkout);
    if let Some(modules) = qml_modules(&session.target()) {
        lint.arg("-I").arg(modules);
    }
    quiet(lint.args(pages))?;
    Ok(Verdict::Passed)
}

/// The directory where the build of the window describes its QML module: the only one where the files lie beside it.
fn qml_modules(target: &Path) -> Option<PathBuf> {
    let modules = target.join("cxxqt/qml_modules");
    modules.is_dir().then_some(modules)
}

/// Runs a checking program over files; no file at all means that the check is not run.
fn over(session: &Session, endings: &[&str], tool: &[&str]) -> Result<Verdict> {
    let files = files(session, endings)?;
    if files.is_empty() {
        return Ok(Verdict::NotRun(format!("no file ends in {}", endings.join(", "))));
    }
    quiet(Command::new(tool[0]).args(&tool[1..]).args(files))?;
    Ok(Verdict::Passed)
}

fn desktop(session: &Session) -> Result<Verdict> {
    // What KRunner and the file managers read is of a type that only KDE knows; a test of the agent holds the first against
    // the program.
    let applications = files(session, &[".desktop"])?.into_iter().filter(|path| {
        let is_of = |name| path.parent().is_some_and(|parent| parent.ends_with(name));
        !is_of("krunner") && !is_of("servicemenus")
    });
    quiet(Command::new("desktop-file-validate").args(applications))?;
    Ok(Verdict::Passed)
}

fn metainfo(session: &Session) -> Result<Verdict> {
    over(
        session,
        &[".metainfo.xml"],
        &["appstreamcli", "validate", "--no-net"],
    )
}

fn xml(session: &Session) -> Result<Verdict> {
    over(
        session,
        &[".xml", ".policy", ".svg"],
        &["xmllint", "--noout", "--nonet"],
    )
}

fn units(session: &Session) -> Result<Verdict> {
    if find("systemd-analyze").is_none() {
        return Ok(Verdict::NotRun("systemd-analyze is not here".into()));
    }
    let units: Vec<PathBuf> = files(session, &[".service", ".timer"])?
        .into_iter()
        .filter(|path| fs::read_to_string(path).is_ok_and(|text| text.contains("[Unit]")))
        .collect();
    if units.is_empty() {
        return Ok(Verdict::NotRun("there is no unit yet".into()));
    }
    // A copy with a program that exists: what is judged is the unit, not this machine.
    let directory = session.scratch.join("units");
    fs::create_dir_all(&directory)?;
    for unit in units {
        let copy = directory.join(unit.file_name().unwrap_or_default());
        let text = fs::read_to_string(&unit)?;
        let runnable = text.lines().map(|line| {
            if line.starts_with("ExecStart=") {
                "ExecStart=/bin/true"
            } else {
                line
            }
        });
        fs::write(&copy, runnable.collect::<Vec<_>>().join("\n") + "\n")?;
        // Man pages are judged where they are installed.
        let whose = if unit.parent().is_some_and(|parent| parent.ends_with("user")) {
            "--user"
        } else {
            "--system"
        };
        let said = Command::new("systemd-analyze")
            .args([whose, "verify", "--man=no", "--recursive-errors=no"])
            .arg(&copy)
            .output()?;
        let words = String::from_utf8_lossy(&said.stderr);
        if !said.status.success() || !words.trim().is_empty() {
            bail!("systemd-analyze verify {}:\n{}", unit.display(), words.trim());
        }
    }
    Ok(Verdict::Passed)
}

fn deny_program(cache: &Cache) -> PathBuf {
    cache
        .tools()
        .join(format!("cargo-deny-{DENY_VERSION}"))
        .join("bin/cargo-deny")
}

/// Installs cargo-deny into the cache; when that does not work the checks say so.
pub(crate) fn ensure_deny(cache: &Cache) {
    let program = deny_program(cache);
    if program.is_file() {
        return;
    }
    println!(
        "xtask: installing cargo-deny {DENY_VERSION} into the cache; this takes some minutes and happens once"
    );
    let root = cache.tools().join(format!("cargo-deny-{DENY_VERSION}"));
    let outcome = cache.lock("cargo-deny").and_then(|_lock| {
        if program.is_file() {
            return Ok(());
        }
        quiet(
            Command::new("cargo")
                .args([
                    "install",
                    "--quiet",
                    "--locked",
                    "--version",
                    DENY_VERSION,
                    "--root",
                ])
                .arg(&root)
                .arg("cargo-deny")
                .env("CARGO_TARGET_DIR", cache.tools().join("target")),
        )
    });
    let _ = fs::remove_dir_all(cache.tools().join("target"));
    if let Err(error) = outcome {
        println!("xtask: {error:#}");
    }
}

fn deny(session: &Session, what: &str) -> Result<Verdict> {
    let program = deny_program(&session.cache);
    if !program.is_file() {
        return Ok(Verdict::NotRun(format!(
            "cargo-deny {DENY_VERSION} could not be installed"
        )));
    }
    quiet(
        Command::new(program)
            .args(["--offline", "--log-level", "error", "check", what])
            .current_dir(&session.checkout),
    )?;
    Ok(Verdict::Passed)
}

fn bans(session: &Session) -> Result<Verdict> {
    deny(session, "bans")
}

fn licenses(session: &Session) -> Result<Verdict> {
    deny(session, "licenses")
}

fn sources(session: &Session) -> Result<Verdict> {
    deny(session, "sources")
}

fn advisories(session: &Session) -> Result<Verdict> {
    // The database is fetched outside (`cargo deny fetch`); a closed network has none.
    let database = std::env::var_os("CARGO_HOME").map(|home| Path::new(&home).join("advisory-dbs"));
    if !database.is_some_and(|path| path.is_dir()) {
        return Ok(Verdict::NotRun(
            "the advisory database is not on this machine (fetched by `cargo deny fetch`)".into(),
        ));
    }
    deny(session, "advisories")
}
