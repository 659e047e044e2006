// SPDX-License-Identifier: GPL-3.0-or-later
//! What zypper says, in two pieces: its steps become a number that never falls and stays in its range.
#![no_main]

use engine::packages::zypper::said::{Run, Tracker};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let middle = (0..=text.len() / 2).rev().find(|at| text.is_char_boundary(*at));
    let (head, tail) = text.split_at(middle.unwrap_or(0));
    let (mut run, mut steps) = (Run::default(), Vec::new());
    for piece in [head, tail] {
        run.feed(piece, &mut |_| {}, &mut |step| steps.push(step));
    }
    let (mut tracker, mut last) = (Tracker::new(50..400, 400..900, run.planned.len()), 50);
    for step in steps {
        let progress = tracker.take(step);
        let permille = progress.permille.unwrap_or(last);
        assert!((last..=900).contains(&permille), "{last} {permille}");
        assert!(progress.item <= progress.items);
        last = permille;
    }
    assert!(run.planned.iter().all(|planned| !planned.name.is_empty()));
    let packages = run.update_set(&|_| false).packages.len();
    assert!(packages <= run.planned.len());
    let _ = run.failure(Some(4), String::new());
});
