// SPDX-License-Identifier: GPL-3.0-or-later
use super::*;

fn record(id: u32, ending: &str) -> Record {
    Record {
        default: 4,
        job: wire::Job {
            question: wire::Question::default(),
            id,
            kind: "update".into(),
            uid: 1000,
            target: 0,
            started: 1,
            progress: wire::Progress::default(),
            cancellable: false,
            outcome: wire::Outcome {
                ending: ending.into(),
                ..wire::Outcome::default()
            },
        },
    }
}

#[test]
fn a_job_without_an_end_is_found_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path());
    for record in [record(1, ""), record(1, "done"), record(2, "")] {
        store.put(record);
    }
    let store = Store::open(dir.path());
    assert_eq!(store.unfinished(), [record(2, "")]);
    assert_eq!(store.past(10), [record(1, "done")]);
    assert_eq!((store.next_id(), store.next_id()), (3, 4));
}

#[test]
fn a_torn_or_damaged_line_costs_only_itself() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path());
    store.put(record(1, "done"));
    let mut file = OpenOptions::new().append(true).open(store.file()).unwrap();
    file.write_all(b"not json\n{\"default\":4,\"job\":{\"id\":2")
        .unwrap();
    let store = Store::open(dir.path());
    assert_eq!(store.past(10), [record(1, "done")]);
    store.put(record(2, "undone"));
    assert_eq!(
        Store::open(dir.path()).past(10),
        [record(2, "undone"), record(1, "done")]
    );
}

#[test]
fn the_history_is_bounded_and_takes_its_logs_along() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path());
    store.log_writer(1).write(0, &["old".to_owned()]).unwrap();
    for id in 1..=400 {
        store.put(record(id, ""));
        store.put(record(id, "done"));
    }
    assert!(!store.log_file(1).exists());
    let store = Store::open(dir.path());
    let past = store.past(1000);
    assert_eq!((past.len(), past[0].job.id), (KEEP, 400));
    let text = fs::read_to_string(store.file()).unwrap();
    assert!(text.lines().count() <= LINES, "{}", text.lines().count());
}

#[test]
fn a_log_is_read_as_it_was_written_and_stays_bounded() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path());
    store.put(record(7, ""));
    assert_eq!(store.read_log(7, 0), Some((0, Vec::new())));
    assert_eq!(store.read_log(8, 0), None);
    let mut log = store.log_writer(7);
    log.write(0, &["a".to_owned(), String::new()]).unwrap();
    log.write(2, &["c".to_owned()]).unwrap();
    assert_eq!(
        store.read_log(7, 1),
        Some((3, vec![String::new(), "c".to_owned()]))
    );
    // A gap: the ring has dropped lines before they could be written.
    log.write(9, &["j".to_owned()]).unwrap();
    assert_eq!(store.read_log(7, 0), Some((10, vec!["j".to_owned()])));
    let block: Vec<String> = std::iter::repeat_n("x".repeat(4000), 500).collect();
    for round in 0..10 {
        log.write(10 + round * 500, &block).unwrap();
    }
    assert!(fs::metadata(store.log_file(7)).unwrap().len() < 3 * BYTES as u64);
    assert!(store.read_log(7, 5000).unwrap().1.len() > 1);
}
