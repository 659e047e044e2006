// SPDX-License-Identifier: GPL-3.0-or-later
use super::*;
use zbus::Type;

fn failure() -> model::Failure {
    model::Failure::new(FailureCode::PackageScript, "postinst exited with 1").with("package", "cups")
}

fn package() -> model::PackageChange {
    model::PackageChange {
        name: "linux-image-6.12".into(),
        arch: "amd64".into(),
        kind: ChangeKind::Added,
        old: String::new(),
        new: "6.12.9-1".into(),
        download_size: 9,
        origin: "Debian-Security".into(),
        security: true,
        fixes: vec!["CVE-2026-1234".into()],
    }
}

fn outcome() -> model::JobOutcome {
    model::JobOutcome {
        ending: Ending::Undone,
        machine: Machine::OldSystem,
        snapshot: Some(SnapshotId(4)),
        failure: Some(failure()),
        finished: Timestamp(7),
    }
}

#[test]
fn the_signatures_are_the_documented_ones() {
    for (signature, documented) in [
        (Snapshot::SIGNATURE, "(usutussa{ss}bayays)"),
        (PackageChange::SIGNATURE, "(ssssstsbas)"),
        (Failure::SIGNATURE, "(sa{ss}s)"),
        (Updates::SIGNATURE, "(stta(ssssstsbas)tx(sa{ss}s))"),
        (Plan::SIGNATURE, "(ua(ssssstsbas)sas)"),
        (Progress::SIGNATURE, "(siuus)"),
        (Outcome::SIGNATURE, "(ssu(sa{ss}s)t)"),
        (Question::SIGNATURE, "(usa{ss}sast)"),
        (Job::SIGNATURE, "(usuut(siuus)b(ssu(sa{ss}s)t)(usa{ss}sast))"),
    ] {
        assert_eq!(signature.to_string(), documented);
    }
}

#[test]
fn everything_comes_back_as_it_went() {
    let snapshot = model::Snapshot {
        id: SnapshotId(12),
        kind: SnapshotKind::Post,
        pre: Some(SnapshotId(11)),
        time: Timestamp(1_000_000),
        uid: 1000,
        description: "Größe".into(),
        cleanup: Cleanup("number".into()),
        userdata: [("important".into(), "yes".into())].into(),
        read_only: true,
        uuid: Uuid([1; 16]),
        parent_uuid: Uuid([2; 16]),
        condition: Condition::NoMetadata,
    };
    assert_eq!(model::Snapshot::from(Snapshot::from(&snapshot)), snapshot);

    for check in [Check::Never, Check::Done, Check::Failed { failure: failure() }] {
        let updates = model::Updates {
            check,
            attempted: Some(Timestamp(5)),
            succeeded: None,
            set: UpdateSet {
                packages: vec![package()],
                download_size: 9,
                installed_delta: -3,
            },
        };
        assert_eq!(model::Updates::from(Updates::from(&updates)), updates);
    }

    let plan = model::Plan {
        target: SnapshotId(3),
        changes: vec![package()],
        restart: Restart::Reboot,
        concerns: vec![Concern::NoInitrd, Concern::DropsPending],
    };
    assert_eq!(model::Plan::from(Plan::from(&plan)), plan);

    let running = JobState::Running {
        progress: model::Progress {
            permille: Some(311),
            item: 1,
            items: 2,
            subject: "cups".into(),
            ..model::Progress::at(Phase::Install)
        },
        cancellable: true,
        asked: Some(Box::new(model::Asked {
            number: 2,
            until: Timestamp(9),
            question: model::Question::new(model::QuestionKind::Conflict, "nothing provides x")
                .with("package", "y")
                .or("do not install y"),
        })),
    };
    for state in [running, JobState::Ended(outcome())] {
        let job = model::Job {
            id: JobId(9),
            kind: JobKind::Update,
            uid: 1000,
            target: None,
            started: Timestamp(3),
            state,
        };
        assert_eq!(Option::<model::Job>::from(Job::from(&job)), Some(job));
    }

    let capabilities = Capabilities(
        [
            (Capability::Snapshots, None),
            (Capability::Updates, Some(RefusalCode::DatabaseOutside)),
        ]
        .into(),
    );
    assert_eq!(
        capabilities_from_wire(&capabilities_to_wire(&capabilities)),
        capabilities
    );
}

#[test]
fn words_of_a_newer_version_are_tolerated() {
    let newer = Failure {
        code: "quantum".into(),
        args: [("qubit".into(), "3".into())].into(),
        detail: "decohered".into(),
    };
    let failure = Option::<model::Failure>::from(newer).unwrap();
    assert_eq!(
        (failure.code, failure.detail.as_str()),
        (FailureCode::Internal, "quantum: decohered")
    );

    let mut job = Job::from(&model::Job {
        id: JobId(1),
        kind: JobKind::Check,
        uid: 0,
        target: None,
        started: Timestamp(1),
        state: JobState::Ended(outcome()),
    });
    job.outcome.ending = "postponed".into();
    let known = Option::<model::Job>::from(job.clone()).unwrap();
    assert_eq!(known.outcome().unwrap().ending, Ending::NeedsAttention);
    job.kind = "defragment".into();
    assert_eq!(Option::<model::Job>::from(job), None);

    let map = [
        ("updates".to_owned(), "new-reason".to_owned()),
        ("fly".to_owned(), String::new()),
    ];
    assert!(!capabilities_from_wire(&map.into()).has(Capability::Updates));

    let odd = Progress {
        phase: "warp".into(),
        permille: 4000,
        ..Progress::default()
    };
    let progress = model::Progress::from(odd);
    assert_eq!((progress.phase, progress.permille), (Phase::Prepare, Some(1000)));
}

#[test]
fn a_job_has_one_path_and_a_path_at_most_one_job() {
    assert_eq!(
        crate::name::job_path(JobId(42)).as_str(),
        "/org/kedge/Kedge1/job/_42"
    );
    for (path, id) in [
        ("/org/kedge/Kedge1/job/_42", Some(JobId(42))),
        ("/org/kedge/Kedge1/job", None),
        ("/org/kedge/Kedge1/job/_", None),
        ("/org/kedge/Kedge1/job/_4_2", None),
        ("/org/kedge/Kedge1/jobs/_42", None),
        ("/org/kedge/Kedge1", None),
    ] {
        assert_eq!(crate::name::job_id(path), id, "{path}");
    }
}
