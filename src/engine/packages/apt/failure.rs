// SPDX-License-Identifier: GPL-3.0-or-later
//! Names the cause of apt-get's failures by what it says on standard error.

use model::{Failure, FailureCode};

/// What apt-get says, and what it means. The first that is found counts, so the most telling come first.
const CAUSES: &[(&str, FailureCode)] = &[
    ("No space left on device", FailureCode::DiskFull),
    ("Disk quota exceeded", FailureCode::DiskFull),
    ("enough free space", FailureCode::DiskFull),
    ("Could not get lock", FailureCode::LockHeld),
    ("Unable to lock", FailureCode::LockHeld),
    ("is expired", FailureCode::RepositoryExpired),
    ("is not valid anymore", FailureCode::RepositoryExpired),
    ("is not valid yet", FailureCode::RepositoryExpired),
    ("signature verification", FailureCode::RepositorySignature),
    ("signatures were invalid", FailureCode::RepositorySignature),
    (
        "signatures couldn't be verified",
        FailureCode::RepositorySignature,
    ),
    ("is not signed", FailureCode::RepositorySignature),
    ("no longer signed", FailureCode::RepositorySignature),
    ("NO_PUBKEY", FailureCode::RepositorySignature),
    ("/sqv returned", FailureCode::RepositorySignature),
    ("/gpgv returned", FailureCode::RepositorySignature),
    ("Could not resolve", FailureCode::Network),
    ("Temporary failure resolving", FailureCode::Network),
    ("Unable to connect", FailureCode::Network),
    ("Could not connect", FailureCode::Network),
    ("Cannot initiate the connection", FailureCode::Network),
    ("Connection timed out", FailureCode::Network),
    ("Connection failed", FailureCode::Network),
    ("Connection reset", FailureCode::Network),
    ("Network is unreachable", FailureCode::Network),
    ("Failed to fetch", FailureCode::RepositoryUnavailable),
    ("have a Release file", FailureCode::RepositoryUnavailable),
    ("has a Release file", FailureCode::RepositoryUnavailable),
    ("Hash Sum mismatch", FailureCode::RepositoryUnavailable),
    ("Unable to fetch", FailureCode::RepositoryUnavailable),
    (
        "index files failed to download",
        FailureCode::RepositoryUnavailable,
    ),
    ("subprocess returned error", FailureCode::PackageScript),
    ("script subprocess was killed", FailureCode::PackageScript),
    ("essential system-critical packages", FailureCode::Essential),
    ("Essential packages were removed", FailureCode::Essential),
    ("held broken packages", FailureCode::Conflict),
    ("unmet dependencies", FailureCode::Conflict),
    ("Unmet dependencies", FailureCode::Conflict),
    ("Unable to correct problems", FailureCode::Conflict),
    ("pkgProblemResolver", FailureCode::Conflict),
    ("trying to overwrite", FailureCode::Conflict),
];

/// The failure behind what apt-get said on standard error; `failed` is the first package that dpkg reported and what it
/// said of it, `detail` everything for a technician.
pub fn classify(stderr: &[String], failed: Option<(&str, &str)>, detail: String) -> Failure {
    let said = |what: &str| {
        let line = stderr.iter().find(|line| line.contains(what)).map(String::as_str);
        line.or(failed.map(|(_, text)| text).filter(|text| text.contains(what)))
    };
    let cause = CAUSES
        .iter()
        .find_map(|(what, code)| said(what).map(|line| (*code, line)));
    let (code, line) = cause.unwrap_or((FailureCode::PackageManager, ""));
    let failure = Failure::new(code, detail);
    match code {
        FailureCode::LockHeld => {
            match between(line, "held by process ", ")").or(between(line, "get lock ", ".")) {
                Some(holder) => failure.with("holder", holder.replace(" (", " ")),
                None => failure,
            }
        }
        FailureCode::Network
        | FailureCode::RepositoryUnavailable
        | FailureCode::RepositorySignature
        | FailureCode::RepositoryExpired => match repository(stderr) {
            Some(repository) => failure.with("repository", repository),
            None => failure,
        },
        _ => match failed.map(|(package, _)| package).or(processed(stderr)) {
            Some(package) => failure.with("package", package_name(package)),
            None => failure,
        },
    }
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(before)?;
    rest.split_once(after).map(|(found, _)| found)
}

/// The repository that a message is about.
fn repository(stderr: &[String]) -> Option<&str> {
    stderr.iter().find_map(|line| {
        between(line, "The repository '", "'")
            .or(between(line, "Failed to fetch ", " "))
            .or(between(line, "Release file for ", " "))
    })
}

/// `dpkg: error processing package fail (--configure):`
fn processed(stderr: &[String]) -> Option<&str> {
    stderr.iter().find_map(|line| {
        between(line, "error processing package ", " ").or(between(line, "error processing archive ", " "))
    })
}

/// The name in `/var/cache/apt/archives/large_2_all.deb` or `libc6:amd64`.
fn package_name(subject: &str) -> &str {
    let file = subject.rsplit('/').next().unwrap_or(subject);
    let end = file.find(['_', ':']).unwrap_or(file.len());
    &file[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    macro_rules! case {
        ($name:literal, $code:ident, $args:expr) => {
            (
                $name,
                include_str!(concat!("../../../../tests/fixtures/apt/", $name, ".txt")),
                FailureCode::$code,
                $args,
            )
        };
    }

    #[test]
    fn real_failures_get_their_names() {
        let sources = "file:/srv/dists/stable/InRelease";
        type Case<'a> = (&'a str, &'a str, FailureCode, &'a [(&'a str, &'a str)]);
        let cases: [Case<'_>; 17] = [
            case!(
                "update-dns",
                Network,
                &[(
                    "repository",
                    "http://no-such-host.invalid/debian/dists/trixie/InRelease"
                )]
            ),
            case!(
                "update-refused",
                Network,
                &[("repository", "http://127.0.0.1:9/debian/dists/trixie/InRelease")]
            ),
            case!(
                "update-gone",
                RepositoryUnavailable,
                &[("repository", "file:/srv stable Release")]
            ),
            case!(
                "update-hash",
                RepositoryUnavailable,
                &[("repository", "file:/srv/dists/stable/main/binary-amd64/Packages")]
            ),
            case!("update-sig", RepositorySignature, &[("repository", sources)]),
            case!(
                "update-unsigned",
                RepositorySignature,
                &[("repository", "file:/srv stable Release")]
            ),
            case!("update-nokey", RepositorySignature, &[("repository", sources)]),
            case!("update-otherkey", RepositorySignature, &[("repository", sources)]),
            case!("update-expired", RepositoryExpired, &[("repository", sources)]),
            case!("upgrade-fail", PackageScript, &[("package", "fail")]),
            case!("upgrade-prefail", PackageScript, &[("package", "prefail")]),
            case!("upgrade-large", DiskFull, &[("package", "large")]),
            case!("upgrade-nospacedl", DiskFull, &[]),
            case!(
                "upgrade-missing",
                RepositoryUnavailable,
                &[("repository", "copy:/srv/./pool/conf_3_all.deb")]
            ),
            case!(
                "upgrade-short",
                RepositoryUnavailable,
                &[("repository", "copy:/srv/./pool/conf_3_all.deb")]
            ),
            case!("upgrade-lock", LockHeld, &[("holder", "3795 perl")]),
            case!("upgrade-unmet", Conflict, &[]),
        ];
        for (name, text, code, args) in cases {
            let stderr: Vec<_> = text.lines().map(str::to_owned).collect();
            let failure = classify(&stderr, None, "detail".to_owned());
            let found: Vec<_> = failure
                .args
                .iter()
                .map(|(k, v)| (k.as_str(), v.as_str()))
                .collect();
            assert_eq!((failure.code, &*found), (code, args), "{name}");
        }
    }

    #[test]
    fn what_dpkg_reports_names_the_package() {
        let text = "installed fail package post-installation script subprocess returned error exit status 1";
        let failure = classify(&[], Some(("/srv/./pool/fail_2_all.deb", text)), String::new());
        assert_eq!(
            (failure.code, failure.args["package"].as_str()),
            (FailureCode::PackageScript, "fail")
        );
        let failure = classify(&["E: something new".to_owned()], None, "why".to_owned());
        assert_eq!(
            (failure.code, failure.detail.as_str()),
            (FailureCode::PackageManager, "why")
        );
    }
}
