// SPDX-License-Identifier: GPL-3.0-or-later
//! A bus, a helper with a machine in memory on it, and kedgectl to run against both.

#![expect(clippy::disallowed_methods, reason = "the program under test is started here")]

use engine::{Scenario, SimEngine};
use futures_util::future::BoxFuture;
use helper::{Authority, Caller, Everyone, Served, Setup, serve};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use support::bus::{PrivateBus, built};
use tokio::runtime::Runtime;
use zbus::connection::Builder;

/// kedgectl, found.
#[derive(Debug)]
pub(crate) struct Asserted {
    program: PathBuf,
}

impl Asserted {
    /// A helper with this machine.
    pub(crate) fn stage(&self, scenario: Scenario) -> Stage {
        Stage::new(&self.program, SimEngine::new(scenario), Arc::new(Everyone))
    }

    /// A helper that lets nobody do anything.
    pub(crate) fn locked_stage(&self, scenario: Scenario) -> Stage {
        Stage::new(&self.program, SimEngine::new(scenario), Arc::new(Nobody))
    }

    /// kedgectl on a bus at this address.
    pub(crate) fn command(&self, address: &str) -> Command {
        command(&self.program, address)
    }
}

/// Lets nobody do anything.
#[derive(Debug)]
struct Nobody;

impl Authority for Nobody {
    fn check<'a>(&'a self, _: Caller<'a>, action: &'static str) -> BoxFuture<'a, Result<(), wire::Error>> {
        Box::pin(std::future::ready(Err(wire::Error::NotAuthorized(
            action.to_owned(),
        ))))
    }
}

fn command(program: &Path, address: &str) -> Command {
    let mut command = Command::new(program);
    command
        .args(["--bus", address])
        .env_clear()
        // POSIX's way to name a zone works without a database of zones.
        .env("TZ", "<+0330>-03:30")
        .env("TERM", "xterm")
        .stdin(Stdio::null());
    command
}

/// A bus with a helper on it.
pub(crate) struct Stage {
    program: PathBuf,
    pub(crate) engine: Arc<SimEngine>,
    served: Option<Served>,
    runtime: Option<Runtime>,
    bus: PrivateBus,
}

impl Stage {
    /// The program under test.
    pub(crate) fn kedgectl() -> Result<Asserted, String> {
        Ok(Asserted {
            program: built("kedgectl")?,
        })
    }

    fn new(program: &Path, engine: SimEngine, authority: Arc<dyn Authority>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let bus = PrivateBus::start().expect("a bus");
        let engine = Arc::new(engine);
        let setup = Setup {
            patience: helper::PATIENCE,
            engine: engine.clone(),
            authority,
            state_dir: bus.dir().join("state"),
            boot: "one".to_owned(),
        };
        let served = runtime.block_on(async {
            let served = serve(setup, Builder::address(bus.address().as_str()))
                .await
                .expect("a helper");
            let named = served.connection().request_name(wire::name::BUS).await;
            named.expect("the helper's name");
            served
        });
        Self {
            program: program.to_owned(),
            engine,
            served: Some(served),
            runtime: Some(runtime),
            bus,
        }
    }

    pub(crate) fn address(&self) -> String {
        self.bus.address()
    }

    pub(crate) fn program(&self) -> &Path {
        &self.program
    }

    /// Runs kedgectl to its end.
    #[track_caller]
    pub(crate) fn run(&self, args: &[&str]) -> Said {
        let output = command(&self.program, &self.address()).args(args).output();
        Said::of(args, output)
    }

    /// Runs kedgectl, which has to exit with this code; returns what it printed as data.
    #[track_caller]
    pub(crate) fn text(&self, args: &[&str], code: i32) -> String {
        let said = self.run(args);
        said.exited(code);
        said.stdout
    }

    /// Runs kedgectl with `--json`, which has to exit with this code.
    #[track_caller]
    pub(crate) fn json(&self, args: &[&str], code: i32) -> Value {
        let text = self.text(&[args, &["--json"]].concat(), code);
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{args:?}: {error}: {text}"))
    }

    /// Starts kedgectl and leaves it running.
    pub(crate) fn start(&self, args: &[&str]) -> Running {
        let mut command = command(&self.program, &self.address());
        command.args(args).stdout(Stdio::piped()).stderr(Stdio::piped());
        Running(Some(command.spawn().expect("kedgectl starts")))
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.served = None;
        if let Some(runtime) = self.runtime.take() {
            // A job that a test left hanging must not keep the run waiting.
            self.engine.release();
            runtime.shutdown_background();
        }
    }
}

/// What a run of kedgectl came to.
#[derive(Debug)]
pub(crate) struct Said {
    what: String,
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Said {
    #[track_caller]
    pub(crate) fn of(args: &[&str], output: io::Result<Output>) -> Self {
        let output = output.expect("kedgectl starts");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("what it prints is UTF-8");
        Self {
            what: args.join(" "),
            code: output.status.code(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }

    #[track_caller]
    pub(crate) fn exited(&self, code: i32) {
        assert_eq!(self.code, Some(code), "{}: {self:#?}", self.what);
    }

    /// Fails the test unless every one of these is part of what was said.
    #[track_caller]
    pub(crate) fn told(&self, words: &[&str]) {
        for words in words {
            assert!(
                self.stdout.contains(words) || self.stderr.contains(words),
                "{words:?} is not in {self:#?}"
            );
        }
    }
}

/// kedgectl while it runs; killed when a test forgets it.
pub(crate) struct Running(Option<Child>);

impl Running {
    fn child(&mut self) -> &mut Child {
        self.0.as_mut().expect("only its end takes it")
    }

    /// What Ctrl-C does.
    pub(crate) fn interrupt(&mut self) {
        let pid = i32::try_from(self.child().id()).ok().and_then(Pid::from_raw);
        kill_process(pid.expect("a process has a number"), Signal::INT).expect("it runs");
    }

    /// Whether it has ended.
    pub(crate) fn is_over(&mut self) -> bool {
        self.child().try_wait().expect("its own child").is_some()
    }

    /// Waits for the first line of data that it prints.
    pub(crate) fn first_line(&mut self) -> String {
        let stdout = self.child().stdout.as_mut().expect("nobody took it");
        // Byte by byte: what follows stays in the pipe.
        let bytes = io::Read::bytes(stdout).map_while(Result::ok);
        let line: Vec<u8> = bytes.take_while(|byte| *byte != b'\n').collect();
        String::from_utf8(line).expect("what it prints is UTF-8")
    }

    /// Closes the pipe that it prints data into.
    pub(crate) fn close_stdout(&mut self) {
        drop(self.child().stdout.take());
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn end(mut self) -> Said {
        let mut child = self.0.take().expect("only its end takes it");
        let deadline = Instant::now() + Duration::from_secs(30);
        while child.try_wait().expect("its own child").is_none() {
            if Instant::now() > deadline {
                let _ = child.kill();
                panic!("it does not end: {:?}", Said::of(&[], child.wait_with_output()));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Said::of(&["(started)"], child.wait_with_output())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Waits until something holds.
#[track_caller]
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < deadline, "it never happened: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
