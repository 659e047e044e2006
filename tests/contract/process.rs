// SPDX-License-Identifier: GPL-3.0-or-later
//! The program: activation, idle exit, signals, memory.

#![expect(clippy::print_stderr, reason = "the figure is wanted in the log")]
#![expect(
    clippy::disallowed_methods,
    reason = "these tests are about the program itself"
)]

use crate::fixture::{ready_client, sees};
use crate::trial_with;
use client::{Bus, Client, Link};
use libtest_mimic::Trial;
use model::{Ending, FailureCode, JobState, Phase};
use rustix::process::Signal;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;
use support::bus::{PrivateBus, Program, built};

pub(crate) fn trials(program: &Result<(), String>) -> Vec<Trial> {
    vec![
        trial_with("process: a call starts the helper", program, activated),
        trial_with(
            "process: it ends when idle, and not while somebody subscribes",
            program,
            idle,
        ),
        trial_with(
            "process: a helper that cannot be started is a lost link, not an error",
            program,
            unstartable,
        ),
        trial_with(
            "process: killed in a job, it comes back and reports the job as interrupted",
            program,
            killed,
        ),
        trial_with(
            "process: told to end, it cancels what can be cancelled and waits",
            program,
            terminated,
        ),
        trial_with(
            "process: a simulated machine is never on the system bus",
            program,
            simulated,
        ),
        trial_with("process: two helpers do not share the name", program, second),
        trial_with("process: it is small when idle", program, small),
    ]
}

fn command(bus: &PrivateBus, more: &[&str]) -> Command {
    let mut command = Command::new(built("kedge-helper").unwrap());
    command
        .args(["--sim", "--bus", &bus.address(), "--state-dir"])
        .arg(bus.dir().join("state"))
        .args(more)
        .stderr(Stdio::piped());
    command
}

fn activatable(bus: &PrivateBus, more: &str) {
    let line = format!(
        "{} --sim --bus {} --state-dir {}/state {more}",
        built("kedge-helper").unwrap().display(),
        bus.address(),
        bus.dir().display()
    );
    bus.activate(wire::name::BUS, &line).unwrap();
}

/// The helper that the bus started.
async fn pid(bus: &PrivateBus) -> Option<u32> {
    let connection = zbus::connection::Builder::address(bus.address().as_str())
        .build()
        .await
        .unwrap();
    let proxy = zbus::fdo::DBusProxy::new(&connection).await.unwrap();
    let name = zbus::names::BusName::try_from(wire::name::BUS).unwrap();
    proxy.get_connection_unix_process_id(name).await.ok()
}

fn signal(pid: u32, signal: Signal) {
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    rustix::process::kill_process(pid, signal).unwrap();
}

async fn activated() {
    let bus = PrivateBus::start().unwrap();
    activatable(&bus, "");
    assert_eq!(pid(&bus).await, None);
    let (client, _) = ready_client(&bus).await;
    assert!(pid(&bus).await.is_some());
    assert_eq!(client.view().state.snapshots.len(), 25);
}

async fn idle() {
    let bus = PrivateBus::start().unwrap();
    let mut helper = Program::start(&mut command(&bus, &["--idle-timeout", "1"])).unwrap();
    let (client, view) = ready_client(&bus).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(helper.wait(Duration::ZERO).is_none(), "somebody subscribes");
    assert_eq!(client.view().link, Link::Ready);
    drop((client, view));
    let status = tokio::task::spawn_blocking(move || helper.wait(Duration::from_secs(10)))
        .await
        .unwrap();
    assert!(status.expect("ends when idle").success());
}

async fn unstartable() {
    let bus = PrivateBus::start().unwrap();
    let (client, mut view) = Client::start(Bus::Address(bus.address()));
    sees(&mut view, |view| matches!(view.link, Link::Lost { .. })).await;
    assert!(matches!(
        client.check().await,
        Err(client::Error::Disconnected(_))
    ));
    // Once it can be started, the client finds it by itself.
    activatable(&bus, "");
    sees(&mut view, |view| view.link == Link::Ready).await;
}

async fn killed() {
    let bus = PrivateBus::start().unwrap();
    activatable(&bus, "");
    let (client, mut view) = ready_client(&bus).await;
    let id = client.update().await.unwrap();
    sees(&mut view, |view| {
        matches!(&view.state.jobs[&id].state, JobState::Running { progress, .. } if progress.phase > Phase::Refresh)
    })
    .await;
    let first = pid(&bus).await.unwrap();
    signal(first, Signal::KILL);
    // Whoever waits for the job learns what became of it, over the helper's death.
    let outcome = client.wait(id).await.unwrap();
    assert_eq!(outcome.ending, Ending::Undone);
    assert_eq!(outcome.failure.unwrap().code, FailureCode::Interrupted);
    let (_, lines) = client.log(id, 0).await.unwrap();
    assert!(!lines.is_empty(), "the log outlives the helper");
    assert_ne!(pid(&bus).await, Some(first));
    let view = client.view();
    assert!(view.link == Link::Ready && view.state.working().is_none());
    let next = client.check().await.unwrap();
    assert!(next > id, "{next} after {id}");
}

async fn terminated() {
    let bus = PrivateBus::start().unwrap();
    let mut helper = Program::start(&mut command(&bus, &[])).unwrap();
    let (client, mut view) = ready_client(&bus).await;
    let id = client.update().await.unwrap();
    sees(&mut view, |view| {
        matches!(&view.state.jobs[&id].state, JobState::Running { progress, .. } if progress.phase == Phase::Download)
    })
    .await;
    helper.signal(Signal::TERM);
    let outcome = client.wait(id).await.unwrap();
    assert_eq!(outcome.ending, Ending::Cancelled);
    let status = tokio::task::spawn_blocking(move || helper.wait(Duration::from_secs(10)))
        .await
        .unwrap();
    assert!(status.expect("ends").success());
    let history = std::fs::read_to_string(bus.dir().join("state/history.jsonl")).unwrap();
    assert!(history.contains("\"cancelled\""), "{history}");
}

async fn simulated() {
    for more in [&["--sim"][..], &["--sim", "--bus", "system"], &["--root", "/"]] {
        let mut command = Command::new(built("kedge-helper").unwrap());
        let mut helper = Program::start(command.args(more).stderr(Stdio::piped())).unwrap();
        let status = helper.wait(Duration::from_secs(10)).expect("ends");
        assert!(!status.success());
        assert!(helper.stderr().contains("only the real system"), "{more:?}");
    }
}

async fn second() {
    let bus = PrivateBus::start().unwrap();
    let _first = Program::start(&mut command(&bus, &[])).unwrap();
    let _client = ready_client(&bus).await;
    let mut next = Program::start(&mut command(&bus, &[])).unwrap();
    let status = next.wait(Duration::from_secs(10)).expect("ends");
    assert!(!status.success());
}

/// Resident memory in kB: all of it, and what is not from files.
fn memory(pid: u32) -> (u64, u64) {
    let status = std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("status")).unwrap();
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    };
    (field("VmRSS:"), field("RssAnon:"))
}

async fn small() {
    let bus = PrivateBus::start().unwrap();
    let helper = Program::start(&mut command(&bus, &[])).unwrap();
    let (client, _view) = ready_client(&bus).await;
    let id = client.check().await.unwrap();
    client.wait(id).await.unwrap();
    tokio::time::sleep(Duration::from_secs(3)).await;
    let (all, own) = memory(helper.pid());
    eprintln!("helper idle: {all} kB resident, {own} kB of them its own");
    assert!(own < 6 * 1024, "{own} kB");
    // The pages of an unoptimized program are not what is installed.
    assert!(cfg!(debug_assertions) || all < 12 * 1024, "{all} kB");
}
