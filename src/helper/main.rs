// SPDX-License-Identifier: GPL-3.0-or-later
//! The program: which engine, which bus, which authority, and when it ends.

use anyhow::{Context, bail};
use clap::Parser;
use engine::{Engine, NativeEngine, Scenario, SimEngine, Speed};
use helper::{Authority, Everyone, Polkit, Served, Setup, serve};
use model::Timestamp;
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
    /// Say more
    #[arg(long, short)]
    verbose: bool,
}

fn main() -> anyhow::Result<()> {
    // Started by itself to read what nobody vouches for, it does nothing else.
    engine::read_if_asked();
    let args = Args::parse();
    let level = if args.verbose {
        tracing::Level::DEBUG
    } else {
        tracing::Level::INFO
    };
    // The journal adds the time.
    tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .without_time()
        .init();
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .max_blocking_threads(16)
        .thread_keep_alive(Duration::from_secs(2))
        .enable_all()
        .build()
        .context("could not start")?
        .block_on(run(args))
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
        engine,
        authority,
        state_dir,
        // Where the kernel cannot be asked, no restart is noticed.
        boot: std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default(),
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
