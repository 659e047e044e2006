// SPDX-License-Identifier: GPL-3.0-or-later
//! APT's status descriptor: the number that is shown never falls and stays in its range.
#![no_main]

use engine::packages::apt::status::Tracker;
use libfuzzer_sys::fuzz_target;
use model::Phase;

fuzz_target!(|text: &str| {
    let mut tracker = Tracker::new(Phase::Download, 50..400, 400..900, 3);
    let mut last = 0;
    for progress in text.lines().filter_map(|line| tracker.take(line)) {
        let permille = progress.permille.unwrap_or(last);
        assert!((last..=900).contains(&permille), "{last} {permille}");
        assert!(progress.item <= progress.items || progress.items == 0);
        last = permille;
    }
});
