// SPDX-License-Identifier: GPL-3.0-or-later
//! The one place where the Qt thread meets async: a runtime on its own thread, and the client on it.

use client::{Bus, Client, View};
use cxx_qt_lib::QString;
use std::future::Future;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;
use tokio::sync::watch;

/// How often a sentence about time ("two minutes ago") is looked at again.
const TICK: Duration = Duration::from_secs(30);

struct Runtime {
    tokio: tokio::runtime::Runtime,
    client: Client,
    view: watch::Receiver<View>,
}

static RUNTIME: OnceLock<Runtime> = OnceLock::new();

/// The bus that `--bus` names; empty for the system bus.
pub(crate) fn bus(option: &QString) -> Bus {
    match option.to_string().as_str() {
        "" | "system" => Bus::System,
        "session" => Bus::Session,
        address => Bus::Address(address.to_owned()),
    }
}

/// Starts the runtime and the client. Before the first bridge object is made.
pub(crate) fn start(bus: Bus) -> std::io::Result<()> {
    let tokio = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("kedge-client")
        .enable_all()
        .build()?;
    let (client, view) = {
        let _on = tokio.enter();
        Client::start(bus)
    };
    let _ = RUNTIME.set(Runtime { tokio, client, view });
    Ok(())
}

fn runtime() -> &'static Runtime {
    RUNTIME
        .get()
        .expect("main starts the runtime before QML makes the first object")
}

/// The client.
pub(crate) fn client() -> Client {
    runtime().client.clone()
}

/// The newest view.
pub(crate) fn view() -> View {
    runtime().view.borrow().clone()
}

/// Runs this beside the window.
pub(crate) fn spawn(work: impl Future<Output = ()> + Send + 'static) -> tokio::task::AbortHandle {
    runtime().tokio.spawn(work).abort_handle()
}

/// Calls with every new view, with the first at once, and now and then when time alone has passed, until the call says
/// that nobody listens any more.
pub(crate) fn follow(mut tell: impl FnMut(View) -> bool + Send + 'static) {
    let mut view = runtime().view.clone();
    spawn(async move {
        loop {
            let newest = view.borrow_and_update().clone();
            if !tell(newest) {
                return;
            }
            tokio::select! {
                changed = view.changed() => if changed.is_err() { return },
                () = tokio::time::sleep(TICK) => {}
            }
        }
    });
}

/// Where files go that nobody else sees and that are gone with this program: best to a disk, which a directory for
/// temporary files may not be on.
pub(crate) fn scratch() -> Vec<PathBuf> {
    let home = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache"));
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.filter(|it| it.is_absolute()).or_else(home);
    let rest = [PathBuf::from("/var/tmp"), std::env::temp_dir()];
    cache.into_iter().chain(rest).collect()
}
