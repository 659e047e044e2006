// SPDX-License-Identifier: GPL-3.0-or-later
use super::*;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

const TREES: usize = 70;

#[derive(Debug, Clone)]
enum Op {
    Add(usize, u64),
    Remove(usize, u64),
    Copy(usize, usize),
    Clear(usize),
}

fn op() -> impl Strategy<Value = Op> {
    // Mostly the same few, so that what was added is also removed.
    let tree = prop_oneof![4 => 0..4_usize, 1 => 0..TREES];
    let start = prop_oneof![4 => 1_u64..8, 1 => 1_u64..40];
    prop_oneof![
        4 => (tree.clone(), start.clone()).prop_map(|(tree, start)| Op::Add(tree, start)),
        2 => (tree.clone(), start).prop_map(|(tree, start)| Op::Remove(tree, start)),
        2 => (tree.clone(), tree.clone()).prop_map(|(from, to)| Op::Copy(from, to)),
        1 => tree.prop_map(Op::Clear),
    ]
}

fn extent(start: u64) -> Extent {
    Extent {
        start,
        size: start * 4096,
    }
}

proptest! {
    /// Against lists of users that are written down one by one.
    #[test]
    fn sets_say_what_lists_say(
        ops in proptest::collection::vec(op(), 0..300),
        selected in proptest::collection::btree_set(prop_oneof![0..4_usize, 0..TREES], 0..6),
    ) {
        let mut ledger = Ledger::default();
        let mut users: BTreeMap<u64, BTreeSet<usize>> = BTreeMap::new();
        for op in ops {
            match op {
                Op::Add(tree, start) => {
                    let is_new = users.entry(start).or_default().insert(tree);
                    prop_assert_eq!(ledger.add(tree, extent(start)), is_new);
                }
                Op::Remove(tree, start) => {
                    users.entry(start).or_default().remove(&tree);
                    ledger.remove(tree, start);
                }
                Op::Copy(from, to) => {
                    for trees in users.values_mut().filter(|trees| trees.contains(&from)) {
                        trees.insert(to);
                    }
                    ledger.copy(from, to);
                }
                Op::Clear(tree) => {
                    for trees in users.values_mut() {
                        trees.remove(&tree);
                    }
                    ledger.clear(tree);
                }
            }
        }
        users.retain(|_, trees| !trees.is_empty());
        prop_assert_eq!(ledger.len(), users.len());
        for (start, trees) in &users {
            prop_assert!((0..TREES).all(|tree| ledger.contains(tree, *start) == trees.contains(&tree)));
        }
        let mut bits = Trees::default();
        selected.iter().for_each(|tree| bits.insert(*tree));
        let bytes = |wanted: &dyn Fn(&BTreeSet<usize>) -> bool| -> u64 {
            let found = users.iter().filter(|(_, trees)| wanted(trees));
            found.map(|(start, _)| start * 4096).sum()
        };
        let mut held = 0;
        let freed = ledger.freed(&bits, |_, bytes| held += bytes);
        prop_assert_eq!(freed, bytes(&|trees| trees.is_subset(&selected)));
        prop_assert_eq!(freed + held, bytes(&|trees| !trees.is_disjoint(&selected)));
        // What is written and read again is the same.
        let entries = ledger.entries().collect::<Vec<_>>().into_iter();
        let again = Ledger::from_parts(ledger.all_sets().to_vec(), entries).unwrap();
        prop_assert_eq!(again.freed(&bits, |_, _| ()), freed);
        prop_assert_eq!(again.len(), ledger.len());
    }
}

#[test]
fn what_names_no_set_is_no_ledger() {
    let sets = vec![Trees::default(), Trees::from_words(vec![1, 0])];
    let parts = |set| Ledger::from_parts(sets.clone(), [(extent(1), set, false)].into_iter());
    assert!(parts(1).is_some());
    assert!(parts(0).is_none());
    assert!(parts(2).is_none());
    let twice = [(extent(1), 1, false), (extent(1), 1, true)].into_iter();
    assert!(Ledger::from_parts(sets.clone(), twice).is_none());
}
