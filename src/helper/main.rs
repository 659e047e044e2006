// SPDX-License-Identifier: GPL-3.0-or-later
//! The program: which engine, which bus, which authority, and when it ends.

use anyhow::{Context, bail};
use clap::Parser;
use engine::{Engine, NativeEngine, Offline, Scenario, SimEngine, Speed};
use helper::{Authority, Everyone, Polkit, Served, Setup, serve};
use model::Timestamp;
use std::io::Write as _;
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tempfile::TempDir;
use tokio::signal::unix::{SignalKind, signal};
use zbus::connection::Builder;

/// After its name is given up, the helper answers what still arrives for so long.
const LINGER: Duration = Duration::from_millis(200);

/// The service that changes the system for Kedge.
///
/// Started by the bus when somebody calls it; ends by itself when nobody needs it.
#[derive(Debug, Parser)]
#[command(name = "kedge-helper", version)]
struct Args {
    /// Serve a simulated machine instead of this one: never on the system bus
    #[arg(long, value_name = "SCENARIO", num_args = 0..=1, default_missing_value = "normal")]
    sim: Option<String>,
    /// Let the simulated machine take its time: for tests
    #[arg(long, hide = true, requires = "sim")]
    sim_slow: bool,
    /// `system`, `session`, or the address of a bus
    #[arg(long, value_name = "BUS", default_value = "system")]
    bus: String,
    /// End after so many seconds without use; 0 for never
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    idle_timeout: u64,
    /// Where history and logs are kept
    #[arg(long, value_name = "DIR", hide = true)]
    state_dir: Option<PathBuf>,
    /// Serve the system at this directory: for tests, on a bus given by address
    #[arg(long, value_name = "DIR", hide = true, conflicts_with = "sim")]
    root: Option<PathBuf>,
    /// Work on the system that does not run and whose filesystem is mounted at this directory, for whoever holds the other
    /// end of the socket at the standard input; what kedgectl --root starts
    #[arg(long, value_name = "DIR", hide = true, conflicts_with_all = ["sim", "root", "bus"])]
    offline: Option<PathBuf>,
    /// Say more
    #[arg(long, short)]
    verbose: bool,
}

/// Ends the process when the system at the given directory cannot be worked on, with the reason's code on the standard
/// output.
const REFUSED: i32 = 3;

fn main() -> anyhow::Result<()> {
    // Started by itself to read what nobody vouches for, it does nothing else.
    engine::read_if_asked();
    let args = Args::parse();
    let level = match (args.verbose, &args.offline) {
        (true, _) => tracing::Level::DEBUG,
        (false, None) => tracing::Level::INFO,
        // On a terminal, only what matters.
        (false, Some(_)) => tracing::Level::ERROR,
    };
    // The journal adds the time.
    tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .without_time()
        .init();
    // Before there are threads: it gives this process mounts of its own.
    let offline = match args.offline.as_deref().map(Offline::assemble).transpose() {
        Ok(offline) => offline,
        Err(error) => refuse(&error),
    };
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .max_blocking_threads(16)
        .thread_keep_alive(Duration::from_secs(2))
        .enable_all()
        .build()
        .context("could not start")?
        .block_on(async {
            match offline {
                None => run(args).await,
                Some(offline) => serve_offline(offline).await,
            }
        })
}

/// Serves a system that does not run, to whoever holds the other end of the socket at the standard input, until that is
/// closed. No bus grants anything here, so that nobody is asked: the caller's own rights are all there are.
async fn serve_offline(offline: Offline) -> anyhow::Result<()> {
    let socket = std::io::stdin().as_fd().try_clone_to_owned();
    let socket = UnixStream::from(socket.context("could not keep the socket")?);
    let offline = Arc::new(offline);
    let native = NativeEngine::open_offline(Arc::clone(&offline), Arc::new(now))
        .context("could not open the system")?;
    let scratch = tempfile::tempdir().context("could not make a temporary directory")?;
    // There its own helper finds what was asked of the next start.
    let dir = offline.directory(&native.lasting(Path::new("/var/lib/kedge")));
    let dir = dir.unwrap_or_else(|error| {
        tracing::debug!(error = error.chain(), "nothing is remembered");
        scratch.path().to_owned()
    });
    let setup = Setup {
        patience: helper::PATIENCE,
        engine: Arc::new(native),
        authority: Arc::new(Everyone),
        state_dir: dir,
        boot: boot(),
    };
    let guid = zbus::Guid::generate();
    let builder = Builder::unix_stream(socket).server(guid).p2p();
    let served = serve(setup, builder).await.context("could not serve")?;
    // The terminal's interrupts come to the whole group of processes; whoever started us tells by the socket what is to be.
    let mut interrupt = signal(SignalKind::interrupt()).context("could not listen for signals")?;
    let mut terminate = signal(SignalKind::terminate()).context("could not listen for signals")?;
    let mut hang_up = signal(SignalKind::hangup()).context("could not listen for signals")?;
    loop {
        tokio::select! {
            () = served.connection().closed() => break,
            _ = terminate.recv() => break,
            _ = hang_up.recv() => break,
            _ = interrupt.recv() => {}
        }
    }
    served.stop().await;
    Ok(())
}

/// Tells whoever started us why nothing can be done, and ends.
fn refuse(error: &engine::Error) -> ! {
    // Whoever does not listen learns from the exit that there was a reason.
    let code = match error {
        engine::Error::Refused(refusal) => {
            let mut out = std::io::stdout();
            let _ = writeln!(out, "{}", refusal.code).and_then(|()| out.flush());
            REFUSED
        }
        error => {
            let _ = writeln!(std::io::stderr(), "{}", error.chain());
            1
        }
    };
    std::process::exit(code)
}

/// Where the kernel cannot be asked, no restart is noticed.
fn boot() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default()
}

async fn run(args: Args) -> anyhow::Result<()> {
    if args.bus == "system" && (args.sim.is_some() || args.root.is_some()) {
        bail!("only the real system is served on the system bus: choose another with --bus");
    }
    if args.bus == "session" && args.root.is_some() {
        bail!("--root needs a bus given by address");
    }
    // Kept until the end: a directory for a simulation removes itself.
    let (engine, state_dir, _scratch) = engine(&args)?;
    let authority: Arc<dyn Authority> = match &args.sim {
        Some(_) => Arc::new(Everyone),
        None => Arc::new(Polkit),
    };
    let setup = Setup {
        patience: helper::PATIENCE,
        engine,
        authority,
        state_dir,
        boot: boot(),
    };
    let builder = match args.bus.as_str() {
        "system" => Builder::system(),
        "session" => Builder::session(),
        address => Builder::address(address),
    };
    // Before the name: whoever starts us by it may stop us right away.
    let mut terminate = signal(SignalKind::terminate()).context("could not listen for signals")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("could not listen for signals")?;
    let served = serve(setup, builder)
        .await
        .context("could not connect to the bus")?;
    served
        .take_name()
        .await
        .with_context(|| format!("could not take the name {}", wire::name::BUS))?;
    tracing::info!(bus = args.bus, "serves");
    let ended = async {
        match args.idle_timeout {
            0 => std::future::pending().await,
            seconds => leave_when_idle(&served, Duration::from_secs(seconds)).await,
        }
    };
    tokio::select! {
        result = ended => result?,
        _ = terminate.recv() => served.stop().await,
        _ = interrupt.recv() => served.stop().await,
        () = served.connection().closed() => {
            tracing::warn!("the bus is gone");
            // A job goes on without its bus, and what it came to is in the history.
            served.stop().await;
        }
    }
    tracing::info!("ends");
    Ok(())
}

/// Gives up the name when nobody needs the helper, and takes it again when somebody came in that moment.
async fn leave_when_idle(served: &Served, time: Duration) -> anyhow::Result<()> {
    loop {
        served.idle(time).await;
        served.leave_name().await?;
        tokio::time::sleep(LINGER).await;
        if !served.is_needed() {
            return Ok(());
        }
        served.take_name().await?;
    }
}

/// The engine, and where the helper keeps what it remembers.
fn engine(args: &Args) -> anyhow::Result<(Arc<dyn Engine>, PathBuf, Option<TempDir>)> {
    if let Some(name) = &args.sim {
        let Some(scenario) = Scenario::from_name(name) else {
            let known: Vec<_> = Scenario::ALL.iter().map(|scenario| scenario.name()).collect();
            bail!("there is no scenario {name:?}; there are {}", known.join(", "));
        };
        let engine = SimEngine::demo(scenario, now());
        if args.sim_slow {
            engine.set_speed(Speed::Slow);
        }
        let scratch = tempfile::tempdir().context("could not make a temporary directory")?;
        let dir = args
            .state_dir
            .clone()
            .unwrap_or_else(|| scratch.path().to_owned());
        return Ok((Arc::new(engine), dir, Some(scratch)));
    }
    let root = args.root.as_deref().unwrap_or(Path::new("/"));
    let native = NativeEngine::open(root, Arc::new(now))
        .with_context(|| format!("could not open the system at {}", root.display()))?;
    let dir = match &args.state_dir {
        Some(dir) => dir.clone(),
        // Where everything goes back with a rollback, the memory of it must not.
        None => native.lasting(Path::new("/var/lib/kedge")),
    };
    let native = native.with_cache(dir.clone());
    // Another system's snapshots are nothing that this system's service could write.
    let native = match args.root {
        None => native.with_snapperd("system", None),
        Some(_) => native,
    };
    Ok((Arc::new(native), dir, None))
}

fn now() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp(u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
}
