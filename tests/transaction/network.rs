// SPDX-License-Identifier: GPL-3.0-or-later
//! A repository over HTTP, from a server in the test that can be slow, stand still, or be gone.

use crate::Case;
use engine::{Error, Outcome};
use model::{FailureCode, Phase, SnapshotId};
use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use support::machine::{Kit, Machine, Place, Record, failure};
use support::repository::Deb;

pub(crate) const CASES: &[Case] = &[
    ("network::downloads_with_rising_progress", downloads),
    ("network::an_update_takes_what_was_downloaded", fetched_before),
    (
        "network::cancel_while_the_server_stands_still",
        cancel_standing_still,
    ),
    ("network::unreachable", unreachable),
];

/// Serves files until dropped.
#[derive(Debug)]
pub(crate) struct Server {
    port: u16,
    stop: Arc<AtomicBool>,
}

impl Server {
    /// Binds a port; nothing is served before [`Server::start`].
    pub(crate) fn bind() -> (TcpListener, u16) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        (listener, port)
    }

    /// Serves `folder`; a package stands still in the middle when `stall` is set.
    pub(crate) fn start(listener: TcpListener, folder: PathBuf, stall: bool) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, port) = (Arc::clone(&stop), listener.local_addr().unwrap().port());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                let (folder, stopped) = (folder.clone(), Arc::clone(&stopped));
                // A client that goes away in the middle is what some of the tests are about.
                std::thread::spawn(move || drop(serve(&stream.unwrap(), &folder, stall, &stopped)));
            }
        });
        Self { port, stop }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // Wakes whoever waits for a connection.
        drop(TcpStream::connect(("127.0.0.1", self.port)));
    }
}

fn serve(stream: &TcpStream, folder: &Path, stall: bool, stop: &AtomicBool) -> std::io::Result<()> {
    let (mut lines, mut out) = (BufReader::new(stream).lines(), stream);
    while let Some(request) = lines.next().transpose()? {
        while lines.next().transpose()?.is_some_and(|header| !header.is_empty()) {}
        let path = request
            .split(' ')
            .nth(1)
            .unwrap_or_default()
            .replace("%253a", "%3a");
        let Ok(content) = fs::read(folder.join(path.trim_start_matches('/'))) else {
            out.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")?;
            continue;
        };
        write!(
            out,
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n",
            content.len()
        )?;
        let is_package = path.ends_with(".deb");
        for (number, chunk) in content.chunks(40_000).enumerate() {
            while is_package && stall && number > 2 && !stop.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(50));
            }
            out.write_all(chunk)?;
            if is_package {
                std::thread::sleep(Duration::from_millis(100));
            }
        }
    }
    Ok(())
}

/// A machine whose packages come over the network, with updates of 2 MB.
fn machine(kit: &Kit, port: u16) -> Machine<'_> {
    let machine = Machine::with(kit, Place::Sysimage, 1400, |system| {
        let source = format!("deb [signed-by=/etc/apt/test.gpg] http://127.0.0.1:{port} stable main\n");
        fs::write(system.join("etc/apt/sources.list"), source)
    });
    machine.publish(&[
        Deb::new("large", "2").large("usr/share/large/data", 1_200_000),
        Deb::new("beta", "2").large("usr/share/beta/data", 800_000),
    ]);
    machine
}

fn downloads(kit: &Kit) {
    let (listener, port) = Server::bind();
    let machine = machine(kit, port);
    let _server = Server::start(listener, machine.repository.path.clone(), false);
    let set = Record::default().check(&machine.engine()).unwrap();
    assert!(
        (2_000_000..2_100_000).contains(&set.download_size),
        "{}",
        set.download_size
    );
    let record = Record::default();
    assert_eq!(
        record.update(&machine.engine()).unwrap(),
        Outcome::Changed(SnapshotId(2))
    );
    machine.assert_new_system(2);
    assert!(record.phases().1);
    let progress = record.progress.lock().unwrap();
    let numbers: BTreeSet<_> = progress
        .iter()
        .filter(|p| p.phase == Phase::Download)
        .map(|p| p.permille.unwrap())
        .collect();
    assert!(numbers.len() > 4, "{numbers:?}");
    // Installed archives are not kept.
    let archives = machine.disk.top().join("@/var/cache/kedge/apt/cache/archives");
    let kept = fs::read_dir(archives).unwrap().filter(|entry| {
        let name = entry.as_ref().unwrap().file_name();
        name.to_string_lossy().ends_with(".deb")
    });
    assert_eq!(kept.count(), 0);
}

/// What was downloaded is installed although the server no longer has it.
fn fetched_before(kit: &Kit) {
    let (listener, port) = Server::bind();
    let machine = machine(kit, port);
    let _server = Server::start(listener, machine.repository.path.clone(), false);
    let record = Record::default();
    let set = record.download(&machine.engine());
    record.print_on_panic();
    let set = set.unwrap();
    assert_eq!((set.packages.len(), set.download_size), (2, 0), "{set:?}");
    machine.assert_old_system();
    let set = Record::default().check(&machine.engine()).unwrap();
    assert_eq!((set.packages.len(), set.download_size), (2, 0), "nothing is left");
    let removed = remove_below(&machine.repository.path, "deb");
    assert!(removed >= 2, "{removed}");
    let record = Record::default();
    let result = record.update(&machine.engine());
    record.print_on_panic();
    assert_eq!(result.unwrap(), Outcome::Changed(SnapshotId(2)));
    machine.assert_new_system(2);
}

/// Deletes all files with this extension, and says how many.
pub(crate) fn remove_below(folder: &Path, extension: &str) -> usize {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .map(|path| match path.extension().is_some_and(|it| it == extension) {
            _ if path.is_dir() => remove_below(&path, extension),
            true => fs::remove_file(path).map(|()| 1).unwrap(),
            false => 0,
        })
        .sum()
}

fn cancel_standing_still(kit: &Kit) {
    let (listener, port) = Server::bind();
    let machine = machine(kit, port);
    let _server = Server::start(listener, machine.repository.path.clone(), true);
    let record = Record::default();
    let (cancel, began) = (record.cancel.clone(), Instant::now());
    let archives = machine
        .disk
        .top()
        .join("@/var/cache/kedge/apt/cache/archives/partial");
    let (result, waited) = std::thread::scope(|scope| {
        let canceller = scope.spawn(move || {
            // Until something of a package has arrived.
            let arrived = || fs::read_dir(&archives).is_ok_and(|entries| entries.count() > 0);
            while !arrived() && began.elapsed() < Duration::from_secs(60) {
                std::thread::sleep(Duration::from_millis(20));
            }
            assert!(cancel.request());
            Instant::now()
        });
        let result = record.update(&machine.engine());
        (result, canceller.join().unwrap().elapsed())
    });
    assert!(matches!(result, Err(Error::Cancelled)), "{result:?}");
    assert!(waited < Duration::from_secs(15), "{waited:?}");
    machine.assert_old_system();
}

fn unreachable(kit: &Kit) {
    let (listener, port) = Server::bind();
    drop(listener);
    let machine = machine(kit, port);
    let failure = failure(Record::default().check(&machine.engine()));
    assert_eq!(failure.code, FailureCode::Network, "{}", failure.detail);
    assert!(failure.args["repository"].starts_with("http://127.0.0.1:"));
    machine.assert_old_system();
}
