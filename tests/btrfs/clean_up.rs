// SPDX-License-Identifier: GPL-3.0-or-later
//! What our rules name is what snapper's own clean-up deletes.

use crate::Case;
use crate::fixture::Machine;
use engine::{Engine, NativeEngine};
use model::{Retention, Timestamp};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use support::loop_btrfs::run;
use support::{Layout, LoopBtrfs};

pub(crate) const CASES: &[Case] = &[("clean_up::what_we_name_is_what_snapper_deletes", as_snapper_does)];

const HOUR: u64 = 3_600;

/// A snapshot as drawn: which cleanup, how old in half hours, marked as important, and whether it is a post snapshot of
/// the one before it.
type Drawn = (usize, u64, bool, bool);

fn drawn() -> impl Strategy<Value = Drawn> {
    // From a few hours to some years.
    let age = prop_oneof![2 => 1_u64..200, 2 => 1_u64..4_000, 1 => 1_u64..60_000];
    (0_usize..4, age, any::<bool>(), prop::bool::weighted(0.25))
}

fn limit() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => (0_u32..6).prop_map(|count| count.to_string()),
        1 => (0_u32..3, 0_u32..4).prop_map(|(least, more)| format!("{least}-{}", least + more)),
    ]
}

fn configuration() -> impl Strategy<Value = BTreeMap<String, String>> {
    let keys = [
        "NUMBER_LIMIT",
        "NUMBER_LIMIT_IMPORTANT",
        "TIMELINE_LIMIT_HOURLY",
        "TIMELINE_LIMIT_DAILY",
        "TIMELINE_LIMIT_WEEKLY",
        "TIMELINE_LIMIT_MONTHLY",
        "TIMELINE_LIMIT_YEARLY",
    ];
    let limits = proptest::collection::vec(limit(), keys.len());
    let ages = proptest::collection::vec(prop_oneof![Just(0_u64), Just(4 * HOUR)], 3);
    (limits, ages).prop_map(move |(limits, ages)| {
        let on = ["NUMBER_CLEANUP", "TIMELINE_CLEANUP", "EMPTY_PRE_POST_CLEANUP"]
            .map(|key| (key, "yes".to_owned()));
        let age_keys = ["NUMBER_MIN_AGE", "TIMELINE_MIN_AGE", "EMPTY_PRE_POST_MIN_AGE"];
        let ages = age_keys.into_iter().zip(ages.iter().map(u64::to_string));
        let limits = keys.into_iter().zip(limits);
        let all = on.into_iter().chain(ages).chain(limits);
        all.map(|(key, value)| (key.to_owned(), value)).collect()
    })
}

fn machine(configuration: &BTreeMap<String, String>, now: u64) -> Machine {
    let mut text = "SUBVOLUME=\"/\"\nFSTYPE=\"btrfs\"\nQGROUP=\"\"\n".to_owned();
    for (key, value) in configuration {
        text += &format!("{key}=\"{value}\"\n");
    }
    let disk = LoopBtrfs::with_system(256, Layout::Classic, |root| {
        std::fs::create_dir_all(root.join("etc/snapper/configs"))?;
        std::fs::create_dir_all(root.join("etc/default"))?;
        std::fs::write(root.join("etc/snapper/configs/root"), &text)?;
        std::fs::write(root.join("etc/default/snapper"), "SNAPPER_CONFIGS=\"root\"\n")
    })
    .unwrap();
    let clock = Arc::new(move || Timestamp::from_seconds(i64::try_from(now).unwrap()));
    let engine = NativeEngine::open(&disk.root(), clock).unwrap();
    Machine { engine, disk }
}

/// Makes the snapshots; of half of the pairs the two differ.
fn make(machine: &Machine, drawn: &[Drawn], now: u64) {
    let mut last: Option<(u32, u64)> = None;
    for (at, (cleanup, age, important, is_post)) in drawn.iter().enumerate() {
        if at % 2 == 0 {
            std::fs::write(machine.disk.root().join("usr/count"), at.to_string()).unwrap();
        }
        let number = machine.create("drawn");
        let pre = last.take().filter(|_| *is_post);
        let next_is_post = drawn.get(at + 1).is_some_and(|next| next.3) && pre.is_none();
        // A post snapshot is a little younger than its pre snapshot.
        let age = pre.map_or(age * HOUR / 2 + 900, |(_, age)| age.saturating_sub(60));
        if next_is_post {
            last = Some((number, age));
        }
        let run_date = |seconds: u64| {
            let told = run("date", ["-u", "-d", &format!("@{seconds}"), "+%F %T"]).unwrap();
            told.trim().to_owned()
        };
        let date = run_date(now - age);
        let kind = match pre {
            Some(_) => "post",
            None if next_is_post => "pre",
            None => "single",
        };
        let cleanup = ["number", "timeline", "", "number"][*cleanup];
        let mut xml = format!(
            "<?xml version=\"1.0\"?>\n<snapshot>\n  <type>{kind}</type>\n  <num>{number}</num>\n  \
             <date>{date}</date>\n"
        );
        if let Some((pre, _)) = pre {
            xml += &format!("  <pre_num>{pre}</pre_num>\n");
        }
        if !cleanup.is_empty() {
            xml += &format!("  <cleanup>{cleanup}</cleanup>\n");
        }
        if *important {
            xml += "  <userdata>\n    <key>important</key>\n    <value>yes</value>\n  </userdata>\n";
        }
        machine.rewrite_info(number, |_| xml + "</snapshot>\n");
    }
}

fn as_snapper_does() {
    let cases = std::env::var("KEDGE_CASES").ok().and_then(|it| it.parse().ok());
    let mut runner = TestRunner::new(Config {
        cases: cases.unwrap_or(20),
        max_shrink_iters: 30,
        failure_persistence: None,
        ..Config::default()
    });
    let strategy = (proptest::collection::vec(drawn(), 4..24), configuration());
    runner
        .run(&strategy, |(drawn, configuration)| {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
            let machine = machine(&configuration, now);
            make(&machine, &drawn, now);
            let retention = Retention::from_snapper(&configuration);
            let doomed = machine
                .with(|context| machine.engine.doomed(&retention, context))
                .unwrap();
            let mut expected = machine.numbers();
            expected.retain(|number| !doomed.iter().any(|it| it.id.0 == *number));
            let root = machine.disk.root();
            for algorithm in ["number", "timeline", "empty-pre-post"] {
                let base = ["--no-dbus", "--root", root.to_str().unwrap()];
                run("snapper", base.into_iter().chain(["cleanup", algorithm])).unwrap();
            }
            prop_assert_eq!(machine.numbers(), expected);
            Ok(())
        })
        .unwrap();
}
