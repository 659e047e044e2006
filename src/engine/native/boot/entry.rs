// SPDX-License-Identifier: GPL-3.0-or-later
//! Boot entries of type 1, as the Boot Loader Specification (uapi-group.org/specifications/specs/boot_loader_specification)
//! and systemd-boot(7) describe them: one small text file each, whose name may count starts.

use std::cmp::Ordering;

/// How often an entry was and may still be started before it counts as bad (systemd-bless-boot.service(8)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tries {
    /// How often it may still fail.
    pub(crate) left: u32,
    /// How often it has been started without success.
    pub(crate) done: u32,
}

/// One entry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The name of its file.
    pub(crate) file: String,
    /// The same without the count: what variables and patterns mean.
    pub(crate) id: String,
    /// Only while it is on trial.
    pub(crate) tries: Option<Tries>,
    pub(crate) title: String,
    pub(crate) version: String,
    pub(crate) sort_key: String,
    pub(crate) machine_id: String,
    pub(crate) linux: String,
    pub(crate) initrd: Vec<String>,
    pub(crate) options: String,
}

impl Entry {
    /// Reads an entry; `None` for a file that is none. What has no meaning here is skipped, as the boot loader does.
    pub(crate) fn parse(file: &str, text: &str) -> Option<Self> {
        let stem = file.strip_suffix(".conf").filter(|stem| !stem.is_empty())?;
        let (name, tries) = counted(stem);
        let mut entry = Self {
            file: file.to_owned(),
            id: format!("{name}.conf"),
            tries,
            ..Self::default()
        };
        for line in text.lines() {
            let line = line.trim();
            let Some((key, value)) = line.split_once([' ', '\t']) else {
                continue;
            };
            let value = value.trim().to_owned();
            match key {
                "title" => entry.title = value,
                "version" => entry.version = value,
                "sort-key" => entry.sort_key = value,
                "machine-id" => entry.machine_id = value,
                "linux" => entry.linux = value,
                "initrd" => entry.initrd.push(value),
                "options" if entry.options.is_empty() => entry.options = value,
                "options" => entry.options = format!("{} {value}", entry.options),
                _ => {}
            }
        }
        (!entry.linux.is_empty()).then_some(entry)
    }

    /// The path, from the top of the filesystem, of the subvolume that it starts from; `None` when it names none.
    pub(crate) fn subvolume(&self) -> Option<&str> {
        subvolume_of(&self.options)
    }

    /// Whether all tries are used up.
    pub(crate) fn is_bad(&self) -> bool {
        self.tries.is_some_and(|tries| tries.left == 0)
    }

    /// The text of its file.
    pub(crate) fn text(&self) -> String {
        let mut text = format!("title {}\n", self.title);
        let fields = [
            ("version", &self.version),
            ("machine-id", &self.machine_id),
            ("sort-key", &self.sort_key),
            ("options", &self.options),
            ("linux", &self.linux),
        ];
        for (key, value) in fields.into_iter().filter(|(_, value)| !value.is_empty()) {
            text.push_str(&format!("{key} {value}\n"));
        }
        for initrd in &self.initrd {
            text.push_str(&format!("initrd {initrd}\n"));
        }
        text
    }

    /// The order of the menu, the first one first (systemd's `boot_entry_compare`).
    pub(crate) fn menu_order(&self, other: &Self) -> Ordering {
        let keyed = |entry: &Self| entry.sort_key.is_empty();
        self.is_bad()
            .cmp(&other.is_bad())
            .then_with(|| keyed(self).cmp(&keyed(other)))
            .then_with(|| match self.sort_key.is_empty() || other.sort_key.is_empty() {
                true => Ordering::Equal,
                false => (self.sort_key.cmp(&other.sort_key))
                    .then_with(|| self.machine_id.cmp(&other.machine_id))
                    .then_with(|| by_version(&other.version, &self.version)),
            })
            .then_with(|| by_version(&other.id, &self.id))
    }
}

/// The name and the count of a name without its ending: `NAME`, `NAME+LEFT` or `NAME+LEFT-DONE`.
fn counted(stem: &str) -> (&str, Option<Tries>) {
    let count = |text: &str| {
        let is_number = !text.is_empty() && text.len() <= 9 && text.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| text.parse().ok()).flatten()
    };
    let tries = |text: &str| match text.split_once('-') {
        Some((left, done)) => Some(Tries {
            left: count(left)?,
            done: count(done)?,
        }),
        None => Some(Tries {
            left: count(text)?,
            done: 0,
        }),
    };
    match stem.rsplit_once('+') {
        Some((name, text)) if !name.is_empty() && tries(text).is_some() => (name, tries(text)),
        _ => (stem, None),
    }
}

/// Digits count as numbers, everything else by its bytes: as far as versions of kernels and numbers of snapshots go, the
/// order of systemd's `strverscmp_improved`.
fn by_version(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    loop {
        let digits = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
        match (digits(a), digits(b)) {
            (0, _) | (_, 0) => match (a.split_first(), b.split_first()) {
                (None, None) => return Ordering::Equal,
                (first, second) => {
                    let order = first.map(|(byte, _)| byte).cmp(&second.map(|(byte, _)| byte));
                    if order.is_ne() {
                        return order;
                    }
                    a = first.map_or(a, |(_, rest)| rest);
                    b = second.map_or(b, |(_, rest)| rest);
                }
            },
            (of_a, of_b) => {
                let ((first, rest_a), (second, rest_b)) = (a.split_at(of_a), b.split_at(of_b));
                let plain = |text: &[u8]| {
                    let zeroes = text.iter().take_while(|byte| **byte == b'0').count();
                    text.iter().skip(zeroes).copied().collect::<Vec<u8>>()
                };
                let (first, second) = (plain(first), plain(second));
                let order = first.len().cmp(&second.len()).then_with(|| first.cmp(&second));
                if order.is_ne() {
                    return order;
                }
                (a, b) = (rest_a, rest_b);
            }
        }
    }
}

/// The subvolume that a kernel's command line names by path.
pub(crate) fn subvolume_of(options: &str) -> Option<&str> {
    options
        .split_ascii_whitespace()
        .filter_map(|word| word.strip_prefix("rootflags="))
        .flat_map(|flags| flags.split(','))
        .filter_map(|flag| flag.strip_prefix("subvol="))
        .next_back()
        .map(|path| path.trim_start_matches('/'))
}

/// A command line that starts the same system from another subvolume. What a boot loader adds by itself is left out.
pub(crate) fn options_for(command_line: &str, subvolume: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut named = false;
    for word in command_line.split_ascii_whitespace() {
        if word.starts_with("BOOT_IMAGE=")
            || word.starts_with("initrd=")
            || word.starts_with("systemd.machine_id=")
        {
            continue;
        }
        match word.strip_prefix("rootflags=") {
            Some(flags) => {
                let others = flags
                    .split(',')
                    .filter(|flag| !flag.starts_with("subvol=") && !flag.starts_with("subvolid="));
                let subvolume = format!("subvol={subvolume}");
                let flags: Vec<&str> = others.chain([subvolume.as_str()]).collect();
                words.push(format!("rootflags={}", flags.join(",")));
                named = true;
            }
            None => words.push(word.to_owned()),
        }
    }
    if !named {
        words.push(format!("rootflags=subvol={subvolume}"));
    }
    words.join(" ")
}

/// Whether a name fits a pattern of `*`, `?` and characters that stand for themselves.
pub(crate) fn fits(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    let (mut p, mut n, mut star) = (0, 0, None);
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(wanted) if *wanted == '?' || name.get(n) == Some(wanted) => {
                p += 1;
                n += 1;
            }
            _ => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    p = at + 1;
                    n = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern.iter().skip(p).all(|rest| *rest == '*')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TEXT: &str = "# a comment\ntitle\tDebian 13\nversion 6.12\nsort-key debian\nlinux /debian/1/linux\ninitrd /a\n\
                        initrd /b\noptions root=LABEL=x rootflags=noatime,subvol=@/.snapshots/7/snapshot\noptions quiet\n";

    #[test]
    fn an_entry_is_read_and_written() {
        let entry = Entry::parse("snap-7+2-1.conf", TEXT).unwrap();
        assert_eq!(
            (entry.id.as_str(), entry.tries),
            ("snap-7.conf", Some(Tries { left: 2, done: 1 }))
        );
        assert_eq!(entry.subvolume(), Some("@/.snapshots/7/snapshot"));
        assert_eq!(entry.initrd, ["/a", "/b"]);
        assert!(entry.options.ends_with(" quiet"));
        assert_eq!(Entry::parse(&entry.file, &entry.text()).unwrap(), entry);
        for file in ["snap.conf.bak", ".conf", "snap"] {
            assert_eq!(Entry::parse(file, TEXT), None, "{file}");
        }
        assert_eq!(Entry::parse("efi.conf", "title x\nefi /x.efi\n"), None);
    }

    #[test]
    fn counts_are_numbers_only() {
        for (stem, expected) in [
            ("a+3", ("a", Some(Tries { left: 3, done: 0 }))),
            ("a+0-3", ("a", Some(Tries { left: 0, done: 3 }))),
            ("a+b", ("a+b", None)),
            ("a+", ("a+", None)),
            ("+3", ("+3", None)),
            ("a+1-", ("a+1-", None)),
            ("6.12+deb13-amd64", ("6.12+deb13-amd64", None)),
        ] {
            assert_eq!(counted(stem), expected, "{stem}");
        }
    }

    #[test]
    fn newer_ones_come_first_and_bad_ones_last() {
        let entry = |file: &str, version: &str, key: &str| {
            Entry::parse(file, &format!("linux /l\nversion {version}\nsort-key {key}\n")).unwrap()
        };
        let mut all = [
            entry("x-9.conf", "9", "os"),
            entry("x-10+0-3.conf", "10", "os"),
            entry("x-8+1.conf", "8", "os"),
            entry("x-11.conf", "11", "os"),
        ];
        all.sort_by(Entry::menu_order);
        let ids: Vec<&str> = all.iter().map(|entry| entry.id.as_str()).collect();
        assert_eq!(ids, ["x-11.conf", "x-9.conf", "x-8.conf", "x-10.conf"]);
    }

    #[test]
    fn another_subvolume_on_the_same_command_line() {
        for (line, expected) in [
            ("root=UUID=1 quiet", "root=UUID=1 quiet rootflags=subvol=@/3"),
            (
                "BOOT_IMAGE=/l initrd=\\x root=UUID=1 rootflags=noatime,subvol=@/1 ro",
                "root=UUID=1 rootflags=noatime,subvol=@/3 ro",
            ),
            ("rootflags=subvolid=256", "rootflags=subvol=@/3"),
        ] {
            assert_eq!(options_for(line, "@/3"), expected);
        }
    }

    #[test]
    fn patterns() {
        for (pattern, name, expected) in [
            ("snap-*", "snap-2.conf", true),
            ("snap-2.conf", "snap-2.conf", true),
            ("snap-?.conf", "snap-10.conf", false),
            ("*", "", true),
            ("", "x", false),
            ("*-*-?", "a-b-c-d", true),
        ] {
            assert_eq!(fits(pattern, name), expected, "{pattern} {name}");
        }
    }

    proptest! {
        #[test]
        fn no_file_makes_it_panic(file in ".{0,40}", text in ".{0,400}", pattern in ".{0,20}") {
            if let Some(entry) = Entry::parse(&format!("{file}.conf"), &text) {
                let _ = (entry.subvolume(), entry.menu_order(&Entry::default()), fits(&pattern, &entry.id));
            }
            let _ = options_for(&text, "@/1");
        }
    }
}
