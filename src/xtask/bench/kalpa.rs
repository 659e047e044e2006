// SPDX-License-Identifier: GPL-3.0-or-later
//! Against the platform's own way: a transaction against the programs that tukit starts for one, and a listing through
//! snapper's service against snapper's command.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::measure::Pairs;
use super::snapperd::Service;
use super::{Bed, Bench, Figure};
use crate::process::output;

pub(super) const BENCH: Bench = Bench {
    name: "kalpa",
    about: "transactions and lists against tukit's and snapper's",
    guest: false,
    layer: None,
    figures,
};

/// What `tukit open` and `tukit close` start, in their order: three lists, a new snapshot, three changes of it.
const TUKIT: &str = "set -e
snapper --no-dbus --config $1 --csvout list --columns active,number >/dev/null
base=$3
id=$(snapper --no-dbus --config $1 create --from \"$base\" --read-write --cleanup-algorithm number --print-number \
  --description \"Snapshot Update of #$base\" --userdata transactional-update-in-progress=yes)
snapper --no-dbus --config $1 --csvout list --columns number,userdata >/dev/null
snapper --no-dbus --config $1 modify --userdata transactional-update-in-progress= $id
snapper --no-dbus --config $1 --csvout list --columns default,number >/dev/null
btrfs property get $2/.snapshots/$id/snapshot ro
snapper --no-dbus --config $1 modify --read-only $id
snapper --no-dbus --config $1 modify --default $id
";

fn figures(bed: &Bed) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for count in [100, 1000] {
        figures.push(open_close(bed, count)?);
    }
    figures.push(list(bed)?);
    Ok(figures)
}

fn open_close(bed: &Bed, count: u32) -> Result<Figure> {
    let many = bed.many(count)?;
    let program = bed.program()?.to_str().context("a path that is not text")?;
    let ours = [program, "open-close", many.root()?];
    let configuration = many.configuration();
    let theirs = ["bash", "-c", TUKIT, "bash", configuration, many.root()?, "1"];
    // Once each before it counts: it has to work.
    output(Command::new(ours[0]).args(&ours[1..]))?;
    output(Command::new(theirs[0]).args(&theirs[1..]))?;
    let pairs = Pairs::run(&bed.group()?, bed.pairs.max(7), &ours, &theirs)?;
    Ok(Figure {
        name: format!("open and close among {count}, wall"),
        is: pairs.wall_ratio(),
        limit: 0.25,
        unit: "x",
        detail: pairs.detail("tukit's programs"),
    })
}

fn list(bed: &Bed) -> Result<Figure> {
    let many = bed.many(1000)?;
    let program = bed.program()?.to_str().context("a path that is not text")?;
    let service = Service::start(many.root()?)?;
    let (address, configuration) = (service.address.as_str(), many.configuration());
    let bus = format!("DBUS_SYSTEM_BUS_ADDRESS={address}");
    let ours = [
        "/usr/bin/env",
        &bus,
        program,
        "snapperd-list",
        many.root()?,
        address,
        configuration,
    ];
    let theirs = ["/usr/bin/env", &bus, "snapper", "--config", configuration, "list"];
    let end = Instant::now() + Duration::from_secs(60);
    let rows = loop {
        match output(Command::new(ours[0]).args(&ours[1..])) {
            Ok(text) => break text.lines().count(),
            Err(error) if Instant::now() > end => return Err(error),
            Err(_) => std::thread::sleep(Duration::from_millis(200)),
        }
    };
    let known = output(Command::new(theirs[0]).args(&theirs[1..]))?
        .lines()
        .count();
    ensure!(
        rows >= 1000 && known > rows,
        "{rows} and {known} snapshots are listed of 1000"
    );
    let pairs = Pairs::run(&bed.group()?, bed.pairs.max(7), &ours, &theirs)?;
    Ok(Figure {
        name: "list 1000 through snapper's service".into(),
        is: pairs.ratio(),
        limit: 1.0 / 3.0,
        unit: "x",
        detail: pairs.detail("snapper list"),
    })
}
