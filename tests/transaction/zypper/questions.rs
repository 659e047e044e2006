// SPDX-License-Identifier: GPL-3.0-or-later
//! What zypper asks reaches a person, and the answer reaches zypper.

use super::{Rpm, folder, installed, machine, publish, with_rpm, write_repository};
use engine::{Context, Engine as _, Error, Outcome, Report};
use model::{FailureCode, Progress, Question, QuestionKind, SnapshotId};
use std::collections::VecDeque;
use std::fs;
use std::sync::Mutex;
use support::loop_btrfs::run;
use support::machine::{Kit, Machine, Place, Record, failure};
use support::repository::Key;

pub(crate) const CASES: &[crate::Case] = &[
    ("zypper::license_is_agreed_to_once", license_agreed),
    ("zypper::license_is_not_agreed_to", license_declined),
    ("zypper::conflict_is_solved_as_chosen", conflict_solved),
    ("zypper::conflict_without_an_answer", conflict_declined),
    ("zypper::failing_script_is_kept_or_not", script_kept),
    ("zypper::key_is_trusted_only_by_a_person", keys),
    ("zypper::nobody_answers", unanswered),
];

/// Somebody who gives these answers, one after the other.
pub(super) struct Person {
    record: Record,
    answers: Mutex<VecDeque<u32>>,
    asked: Mutex<Vec<Question>>,
}

impl Person {
    pub(super) fn answering(answers: &[u32]) -> Self {
        Self {
            record: Record::default(),
            answers: Mutex::new(answers.iter().copied().collect()),
            asked: Mutex::default(),
        }
    }

    pub(super) fn with<T>(&self, work: impl FnOnce(&Context<'_>) -> T) -> T {
        let result = work(&Context {
            report: self,
            cancel: &self.record.cancel,
        });
        self.record.print_on_panic();
        result
    }

    fn update(&self, machine: &Machine<'_>) -> Result<Outcome<SnapshotId>, Error> {
        self.with(|context| machine.engine().update(context))
    }

    pub(super) fn asked(&self) -> Vec<Question> {
        self.asked.lock().unwrap().clone()
    }
}

impl Report for Person {
    fn progress(&self, progress: Progress) {
        self.record.progress(progress);
    }

    fn log(&self, line: &str) {
        self.record.log(line);
    }

    fn can_ask(&self) -> bool {
        true
    }

    /// A person without an answer cancels the job.
    fn ask(&self, question: &Question) -> Result<Option<u32>, Error> {
        self.asked.lock().unwrap().push(question.clone());
        match self.answers.lock().unwrap().pop_front() {
            Some(answer) => Ok(Some(answer)),
            None => Err(Error::Cancelled),
        }
    }
}

/// Offers a package whose license has to be agreed to, as openSUSE's repositories tell it.
fn licensed(machine: &Machine<'_>) {
    licensed_as(machine, "alpha");
}

/// The same of a package with this name, in version 2.
pub(super) fn licensed_as(machine: &Machine<'_>, name: &str) {
    publish(machine, &[Rpm::new(name, "2")]);
    let folder = folder(machine);
    // Packages are known by the sum of their file.
    let file = folder.join(format!("{name}-2.rpm"));
    let id = run("sha256sum", [file.to_str().unwrap()]).unwrap();
    let id = id.split(' ').next().unwrap();
    let text = format!(
        "<?xml version=\"1.0\"?>\n<susedata xmlns=\"http://linux.duke.edu/metadata/susedata\" packages=\"1\">\n<package \
         pkgid=\"{}\" name=\"{name}\" arch=\"noarch\"><version epoch=\"0\" ver=\"2\" rel=\"1\"/><eula>You shall not \
         &lt;copy&gt; it.\nNor sell it.</eula></package></susedata>\n",
        id
    );
    let file = folder.join("susedata.xml");
    fs::write(&file, text).unwrap();
    let repodata = folder.join("repodata");
    run(
        "modifyrepo_c",
        [
            "--mdtype=susedata",
            file.to_str().unwrap(),
            repodata.to_str().unwrap(),
        ],
    )
    .unwrap();
}

fn license_agreed(kit: &Kit) {
    let machine = machine(kit);
    licensed(&machine);
    let person = Person::answering(&[1]);
    assert_eq!(person.update(&machine).unwrap(), Outcome::Changed(SnapshotId(2)));
    let log = person.record.log.lock().unwrap().clone();
    assert!(log.iter().all(|line| !line.contains("nvalid answer")), "{log:?}");
    // The dry run and the update ask the same, and a person is asked once.
    let asked = person.asked();
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert_eq!(
        (
            asked[0].kind,
            asked[0].args["package"].as_str(),
            asked[0].text.as_str()
        ),
        (
            QuestionKind::License,
            "alpha",
            "You shall not <copy> it.\nNor sell it."
        )
    );
    assert_eq!(machine.read(2, "usr/share/alpha/version"), "2\n");
    machine.assert_snapshots(&[1, 2], 2);
    machine.assert_running_untouched();
}

fn license_declined(kit: &Kit) {
    let machine = machine(kit);
    licensed(&machine);
    let person = Person::answering(&[0]);
    let declined = failure(person.update(&machine));
    assert_eq!(person.asked().len(), 1);
    // Nobody is there: nothing is agreed to either.
    let alone = failure(machine.update());
    for failure in [declined, alone] {
        assert_eq!(failure.code, FailureCode::License, "{}", failure.detail);
        assert_eq!(failure.args["package"], "alpha");
    }
    machine.assert_old_system();
}

/// A package that somebody locked needs what the repository no longer has.
fn conflicting<'a>(kit: &'a Kit) -> Machine<'a> {
    let machine = Machine::with(kit, Place::Sysimage, 1400, |system| {
        with_rpm(system);
        let lock = "type: package\nmatch_type: glob\ncase_sensitive: on\nsolvable_name: theta\n";
        fs::write(system.join("etc/zypp/locks"), lock)
    });
    let folder = folder(&machine);
    fs::create_dir_all(&folder).unwrap();
    for package in installed()
        .iter()
        .filter(|it| !["beta", "theta"].contains(&it.name))
    {
        package.build(&folder);
    }
    Rpm::new("beta", "2").build(&folder);
    run("createrepo_c", ["-q", folder.to_str().unwrap()]).unwrap();
    machine
}

fn conflict_solved(kit: &Kit) {
    let machine = conflicting(kit);
    let person = Person::answering(&[2]);
    assert_eq!(person.update(&machine).unwrap(), Outcome::Changed(SnapshotId(2)));
    let asked = person.asked();
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert!(
        asked[0]
            .text
            .contains("the installed theta-1-1.noarch requires 'beta = 1'"),
        "{asked:?}"
    );
    assert!(
        asked[0].choices[1].contains("remove lock to allow removal of theta"),
        "{asked:?}"
    );
    // What was chosen is what happened.
    assert_eq!(machine.read(2, "usr/share/beta/version"), "2\n");
    assert!(!machine.disk.snapshot(2).join("usr/share/theta").exists());
    machine.assert_running_untouched();
}

fn conflict_declined(kit: &Kit) {
    let machine = conflicting(kit);
    let person = Person::answering(&[0]);
    let declined = failure(person.update(&machine));
    assert_eq!(person.asked().len(), 1);
    for failure in [declined, failure(machine.update())] {
        assert_eq!(failure.code, FailureCode::Conflict, "{}", failure.detail);
        assert!(failure.detail.contains("remove lock"), "{}", failure.detail);
    }
    machine.assert_old_system();
}

fn script_kept(kit: &Kit) {
    let machine = machine(kit);
    let failing = Rpm {
        scripts: "%post\necho about to fail >&2\nexit 1",
        ..Rpm::new("alpha", "2")
    };
    publish(&machine, &[failing]);
    let person = Person::answering(&[0]);
    let discarded = failure(person.update(&machine));
    assert_eq!(discarded.code, FailureCode::PackageScript, "{}", discarded.detail);
    machine.assert_old_system();
    let person = Person::answering(&[1]);
    assert_eq!(person.update(&machine).unwrap(), Outcome::Changed(SnapshotId(2)));
    let asked = person.asked();
    assert_eq!((asked.len(), asked[0].kind), (1, QuestionKind::PackageScript));
    assert!(asked[0].args["package"].starts_with("alpha-2"), "{asked:?}");
    assert!(asked[0].text.contains("scriptlet failed"), "{asked:?}");
    assert_eq!(machine.read(2, "usr/share/alpha/version"), "2\n");
    machine.assert_snapshots(&[1, 2], 2);
    machine.assert_running_untouched();
}

/// Signs the repository as it is.
fn sign(machine: &Machine<'_>, key: &Key) {
    let repomd = folder(machine).join("repodata/repomd.xml");
    key.sign_apart(&repomd, &repomd.with_extension("xml.asc"));
    key.export(&repomd.with_extension("xml.key"));
}

fn keys(kit: &Kit) {
    let machine = Machine::with(kit, Place::Sysimage, 1400, |system| {
        with_rpm(system);
        write_repository(system, "gpgcheck=1\nrepo_gpgcheck=1\npkg_gpgcheck=0\n");
        Ok(())
    });
    let key = Key::new();
    publish(&machine, &[Rpm::new("alpha", "2")]);
    sign(&machine, &key);
    // Nobody is there: no key is trusted.
    assert_eq!(failure(machine.update()).code, FailureCode::RepositorySignature);
    let person = Person::answering(&[0]);
    assert_eq!(
        failure(person.update(&machine)).code,
        FailureCode::RepositorySignature
    );
    machine.assert_old_system();
    let person = Person::answering(&[1]);
    assert_eq!(person.update(&machine).unwrap(), Outcome::Changed(SnapshotId(2)));
    let asked = person.asked();
    assert_eq!((asked.len(), asked[0].kind), (1, QuestionKind::RepositoryKey));
    assert_eq!(asked[0].args["fingerprint"], key.fingerprint());
    assert_eq!(asked[0].args["repository"], "local");
    machine.assert_snapshots(&[1, 2], 2);
    assert_eq!(machine.read(2, "usr/share/alpha/version"), "2\n");
    machine.assert_running_untouched();
    // It stays trusted: the next update asks nobody.
    publish(&machine, &[Rpm::new("alpha", "3")]);
    sign(&machine, &key);
    assert_eq!(machine.update().unwrap(), Outcome::Changed(SnapshotId(3)));
    assert_eq!(machine.read(3, "usr/share/alpha/version"), "3\n");
    // Another one is not.
    publish(&machine, &[Rpm::new("alpha", "4")]);
    sign(&machine, &Key::new());
    assert_eq!(failure(machine.update()).code, FailureCode::RepositorySignature);
    machine.assert_snapshots(&[1, 2, 3], 3);
}

fn unanswered(kit: &Kit) {
    let machine = machine(kit);
    licensed(&machine);
    let person = Person::answering(&[]);
    assert!(matches!(person.update(&machine), Err(Error::Cancelled)));
    assert_eq!(person.asked().len(), 1);
    machine.assert_old_system();
}
