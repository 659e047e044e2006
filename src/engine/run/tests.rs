// SPDX-License-Identifier: GPL-3.0-or-later
use super::*;
use crate::{Cancel, Report};
use model::Progress;
use std::sync::Mutex;
use std::time::{Duration, Instant};

#[derive(Default)]
struct Log(Mutex<Vec<String>>);

impl Report for Log {
    fn progress(&self, _progress: Progress) {}
    fn log(&self, line: &str) {
        self.0.lock().unwrap().push(line.to_owned());
    }
}

fn shell(script: &str) -> Run<'_> {
    Run::new("sh")
        .args(["-c", script])
        .env([("PATH", "/usr/bin:/bin")])
}

fn run(run: Run<'_>) -> (Vec<String>, Result<Finished, Error>) {
    let (log, cancel) = (Log::default(), Cancel::new().unwrap());
    let result = run.finish(&Context {
        report: &log,
        cancel: &cancel,
    });
    (log.0.into_inner().unwrap(), result)
}

fn open_descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

#[test]
fn what_it_says_is_logged_and_how_it_failed_is_told() {
    let (mut log, result) = run(shell("echo out; printf '\\033[1mbad\\033[0m\\n' >&2; exit 3"));
    log.sort();
    assert_eq!(log, ["bad", "out"]);
    let Error::Command {
        command,
        status,
        stderr,
    } = result.unwrap().into_error()
    else {
        panic!("an exit status other than 0 is an error");
    };
    assert_eq!((status.as_str(), stderr.as_str()), ("exited with 3", "bad"));
    assert!(command.starts_with("sh -c \"echo out;"));
    let (_, result) = run(shell("kill -9 $$"));
    let Error::Command { status, .. } = result.unwrap().into_error() else {
        panic!()
    };
    assert_eq!(status, "was killed by signal 9");
    let (_, result) = run(Run::new("no-such-program-anywhere").env([("PATH", "/usr/bin")]));
    assert!(
        result
            .unwrap_err()
            .chain()
            .starts_with("could not start no-such-program-anywhere: No such file")
    );
}

#[test]
fn it_sees_only_the_environment_that_is_given() {
    let (_, result) = run(Run::new("env")
        .env([("PATH", "/usr/bin:/bin"), ("A", "b c")])
        .capture(1000));
    assert_eq!(result.unwrap().stdout, b"A=b c\nPATH=/usr/bin:/bin\n");
}

#[test]
fn the_status_descriptor_arrives_line_by_line() {
    let mut lines = Vec::new();
    let mut take = |line: &str| lines.push(line.to_owned());
    let (_, result) = run(shell("echo one >&7; echo log; echo two >&7").status(7, &mut take));
    assert!(result.unwrap().status.success());
    assert_eq!(lines, ["one", "two"]);
}

#[test]
fn too_much_output_is_an_error_and_the_end_of_the_program() {
    let began = Instant::now();
    let (_, result) =
        run(shell("while :; do echo aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa; done").capture(100_000));
    assert!(result.unwrap_err().chain().contains("more than 100000 bytes"));
    assert!(began.elapsed() < Duration::from_secs(10));
}

#[test]
fn cancelling_ends_it_and_all_it_started() {
    let (log, cancel) = (Log::default(), Cancel::new().unwrap());
    let marker = "86421.97531";
    let script = format!("trap '' TERM; sleep {marker} & sleep {marker}; sleep {marker}");
    let began = Instant::now();
    let result = std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(200));
            cancel.request();
        });
        shell(&script).finish(&Context {
            report: &log,
            cancel: &cancel,
        })
    });
    assert!(matches!(result, Err(Error::Cancelled)));
    assert!(began.elapsed() < Duration::from_secs(5));
    let left = std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(Result::ok)
        .filter(|entry| {
            let is = |line: Vec<u8>| {
                line.starts_with(b"sleep\0") && String::from_utf8_lossy(&line).contains(marker)
            };
            std::fs::read(entry.path().join("cmdline")).is_ok_and(is)
        });
    assert_eq!(left.count(), 0);
}

#[test]
fn what_is_left_running_neither_lives_on_nor_keeps_us_waiting() {
    let began = Instant::now();
    let (log, result) = run(shell("sleep 864.3 & echo done"));
    assert!(result.unwrap().status.success());
    assert_eq!(log, ["done"]);
    assert!(began.elapsed() < Duration::from_secs(10));
}

#[test]
fn no_descriptor_leaks() {
    run(shell("true")).1.unwrap();
    // Other tests run beside this one and have descriptors of their own: a leak shows as growth by the number of runs.
    let before = open_descriptors();
    for _ in 0..200 {
        let mut take = |_: &str| ();
        run(shell("exit 1").capture(10).status(5, &mut take)).1.unwrap();
    }
    assert!(
        open_descriptors() < before + 100,
        "{before} -> {}",
        open_descriptors()
    );
}
