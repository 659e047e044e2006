// SPDX-License-Identifier: GPL-3.0-or-later
use super::*;
use proptest::prelude::*;

const FILESYSTEM: [u8; 16] = [7; 16];

fn tree(id: u64) -> Tree {
    Tree {
        id,
        uuid: Uuid([id as u8; 16]),
        as_of: id + 1,
        base: id - 1,
        fork: id + 2,
        fresh: id + 3,
        kept: id + 4,
        tree_bytes: id + 5,
    }
}

fn books() -> Books {
    let trees = vec![Some(tree(256)), None, Some(tree(300))];
    let mut books = Books::new(trees, Ledger::default(), BTreeMap::new());
    for (place, start, size) in [(0, 4096, 8192), (2, 4096, 8192), (2, 65_536, 4096)] {
        books.ledger.add(place, Extent { start, size });
    }
    // A stranger's place, which is not kept.
    books.ledger.add(5, Extent { start: 4096, size: 0 });
    books.ledger.share(65_536);
    let stranger = Stranger {
        uuid: Uuid([9; 16]),
        as_of: 12,
        starts: vec![4096, 1 << 40],
    };
    books.strangers.insert(257, stranger);
    books
}

#[test]
fn books_are_kept_over_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path().join("cache");
    assert!(load(&directory, &FILESYSTEM).is_none());
    save(&directory, &FILESYSTEM, &books()).unwrap();
    save(&directory, &FILESYSTEM, &books()).unwrap();
    let again = load(&directory, &FILESYSTEM).unwrap();
    assert_eq!(
        (&again.trees, &again.strangers),
        (&books().trees, &books().strangers)
    );
    let mut both = Trees::default();
    both.insert(0);
    both.insert(2);
    assert_eq!(again.ledger.freed(&both, |_, _| ()), 12_288);
    assert!(again.ledger.is_shared(65_536) && !again.ledger.is_shared(4096));
    assert!(!again.ledger.contains(5, 4096));
    assert!(load(&directory, &[8; 16]).is_none());
    // Another filesystem's bytes under this name, and a name that leads elsewhere.
    fs::copy(file(&directory, &FILESYSTEM), file(&directory, &[8; 16])).unwrap();
    assert!(load(&directory, &[8; 16]).is_none());
    fs::remove_file(file(&directory, &[8; 16])).unwrap();
    std::os::unix::fs::symlink(file(&directory, &FILESYSTEM), file(&directory, &[8; 16])).unwrap();
    assert!(load(&directory, &[8; 16]).is_none());
    let bytes = fs::read(file(&directory, &FILESYSTEM)).unwrap();
    for at in [0, 20, bytes.len() / 2, bytes.len() - 1] {
        let mut torn = bytes.clone();
        torn[at] ^= 1;
        assert!(read(&torn, &FILESYSTEM).is_none(), "{at}");
        assert!(read(&bytes[..at], &FILESYSTEM).is_none(), "{at}");
    }
}

proptest! {
    /// Whatever a sum of its own vouches for.
    #[test]
    fn any_bytes_are_survived(
        at in 0_usize..400,
        with in proptest::collection::vec(any::<u8>(), 1..12),
        cut in 0_usize..500,
    ) {
        let mut bytes = written(&FILESYSTEM, &books());
        bytes.truncate(bytes.len() - 8);
        for (byte, with) in bytes.iter_mut().skip(at).zip(with) {
            *byte = with;
        }
        bytes.truncate(bytes.len().saturating_sub(cut % 3 * cut));
        if let Some(books) = parsed(&bytes, &FILESYSTEM) {
            prop_assert!(books.ledger.len() <= 2);
        }
    }
}
