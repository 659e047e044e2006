// SPDX-License-Identifier: GPL-3.0-or-later
//! Every language is complete: each text of the sources has its translation in every catalogue, with the same
//! placeholders and as many plural forms as the language has; and the template is what the sources say.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(
    clippy::disallowed_methods,
    reason = "gettext's own programs are asked, over a copy of the sources"
)]

mod catalogue;

use catalogue::{Entry, entries};
use libtest_mimic::{Arguments, Failed, Trial};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use support::bus::installed;

fn main() {
    let arguments = Arguments::from_args();
    let gettext = ["xgettext", "msgmerge", "msgfmt"]
        .map(installed)
        .into_iter()
        .collect::<Result<Vec<_>, _>>();
    // AppStream's own rules say what of its files is for people.
    let rules = Path::new("/usr/share/gettext/its/metainfo.its");
    let gettext = gettext.and_then(|_| {
        rules
            .is_file()
            .then_some(())
            .ok_or_else(|| format!("needs {}", rules.display()))
    });
    let mut trials = vec![Trial::test("the_shipped_languages", shipped)];
    for language in languages() {
        let name = format!("{language}_is_complete");
        trials.push(Trial::test(name, move || complete(&language)));
    }
    trials.push(match gettext {
        Ok(()) => Trial::test("the_template_and_the_files_follow_the_sources", follow),
        Err(missing) => {
            let name = format!("the_template_and_the_files_follow_the_sources [{missing}]");
            Trial::test(name, || Ok(())).with_ignored_flag(true)
        }
    });
    libtest_mimic::run(&arguments, trials).exit();
}

fn checkout() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn languages() -> Vec<String> {
    let mut found: Vec<String> = fs::read_dir(checkout().join("desktop/po"))
        .unwrap()
        .filter_map(|entry| Some(entry.ok()?.file_name().to_str()?.strip_suffix(".po")?.to_owned()))
        .collect();
    found.sort();
    found
}

fn shipped() -> Result<(), Failed> {
    assert_eq!(languages(), ["de", "es", "fr"]);
    Ok(())
}

fn read(name: &str) -> Vec<Entry> {
    entries(&fs::read_to_string(checkout().join("desktop/po").join(name)).unwrap())
}

/// The `%1`, `%2` of a text, each as often as it is there.
fn placeholders(text: &str) -> BTreeMap<char, usize> {
    let mut found = BTreeMap::new();
    let digits = text.split('%').skip(1).filter_map(|rest| rest.chars().next());
    for digit in digits.filter(char::is_ascii_digit) {
        *found.entry(digit).or_default() += 1;
    }
    found
}

/// What is wrong with a translation of an entry; empty when nothing is.
fn faults(entry: &Entry, forms: &[String], wanted: usize) -> Vec<String> {
    let mut faults = Vec::new();
    if forms.len() != wanted {
        faults.push(format!("{} forms instead of {wanted}", forms.len()));
    }
    for (at, form) in forms.iter().enumerate() {
        if form.is_empty() {
            faults.push("not translated".to_owned());
            continue;
        }
        // The form for one may leave the number out only where English does.
        let like = match &entry.plural {
            Some(plural) if at > 0 => plural,
            _ => &entry.id,
        };
        if placeholders(form) != placeholders(like) {
            faults.push(format!("other placeholders: {form:?}"));
        }
        for end in ['…', ':', ';', '.'] {
            let same = form.ends_with(end) == like.ends_with(end);
            if !same {
                faults.push(format!("ends otherwise: {form:?}"));
            }
        }
        let blank = |text: &str| (text.starts_with(' '), text.ends_with(' '));
        if blank(form) != blank(like) {
            faults.push(format!("other blanks at its ends: {form:?}"));
        }
    }
    faults
}

fn complete(language: &str) -> Result<(), Failed> {
    let file = read(&format!("{language}.po"));
    let header = &file.first().expect("a header").strings[0];
    let forms = header
        .split_once("nplurals=")
        .and_then(|(_, rest)| rest.split(';').next()?.parse::<usize>().ok())
        .expect("the header says how many plural forms there are");
    assert!(header.contains(&format!("Language: {language}\n")), "{header}");
    let known: BTreeMap<_, _> = file.iter().skip(1).map(|it| (it.key(), it)).collect();
    let template = read("kedge.pot");
    let mut wrong = Vec::new();
    for entry in template.iter().skip(1) {
        let wanted = if entry.plural.is_some() { forms } else { 1 };
        let faults = match known.get(&entry.key()) {
            Some(it) if it.fuzzy => vec!["only a guess".to_owned()],
            Some(it) if it.plural != entry.plural => vec!["another plural in English".to_owned()],
            Some(it) => faults(entry, &it.strings, wanted),
            None => vec!["missing".to_owned()],
        };
        wrong.extend(
            faults
                .iter()
                .map(|fault| format!("{:?} {:?}: {fault}", entry.context, entry.id)),
        );
    }
    let wanted: BTreeSet<_> = template.iter().skip(1).map(Entry::key).collect();
    wrong.extend(
        known
            .keys()
            .filter(|key| !wanted.contains(key))
            .map(|key| format!("{key:?}: nobody says this any longer")),
    );
    assert!(wrong.is_empty(), "{language}:\n{}", wrong.join("\n"));
    Ok(())
}

/// Runs desktop/po/extract.sh over a copy of what it reads: nothing may change.
fn follow() -> Result<(), Failed> {
    let directory = tempfile::Builder::new().prefix("kedge-po-").tempdir()?;
    for part in ["qml", "src/app/cpp", "src/agent", "desktop"] {
        copy(&checkout().join(part), &directory.path().join(part));
    }
    let script = directory.path().join("desktop/po/extract.sh");
    let said = Command::new("sh").arg(script).output()?;
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    let mut behind = Vec::new();
    for file in walk(&checkout().join("desktop")) {
        let inside = file.strip_prefix(checkout()).unwrap();
        let texts = [&file, &directory.path().join(inside)].map(|path| fs::read_to_string(path).unwrap());
        // Lines are broken and sorted in another way by every version of gettext.
        let same = match file.extension().and_then(|ending| ending.to_str()) {
            Some("po" | "pot") => sorted(entries(&texts[0])) == sorted(entries(&texts[1])),
            _ => lines(&texts[0]) == lines(&texts[1]),
        };
        if !same {
            behind.push(inside.display().to_string());
        }
    }
    assert!(
        behind.is_empty(),
        "run desktop/po/extract.sh; behind are:\n{}",
        behind.join("\n")
    );
    Ok(())
}

fn sorted(entries: Vec<Entry>) -> BTreeSet<(String, String, Option<String>, Vec<String>)> {
    let all = entries.into_iter().skip(1);
    all.map(|it| (it.context, it.id, it.plural, it.strings)).collect()
}

fn lines(text: &str) -> BTreeSet<&str> {
    text.lines().collect()
}

fn walk(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap().flatten() {
        match entry.file_type().unwrap().is_dir() {
            true => found.extend(walk(&entry.path())),
            false => found.push(entry.path()),
        }
    }
    found
}

fn copy(from: &Path, to: &Path) {
    for file in walk(from) {
        let target = to.join(file.strip_prefix(from).unwrap());
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::copy(&file, target).unwrap();
    }
}
