// SPDX-License-Identifier: GPL-3.0-or-later
use super::*;
use model::{Refusal, RefusalCode, SnapshotId};
use proptest::prelude::*;

fn frames() -> Vec<FilesFrame> {
    let change = |path: &[u8], kind, from: Option<&[u8]>| {
        FilesFrame::Change(FileChange {
            path: path.to_vec(),
            kind,
            file: FileKind::Symlink,
            aspects: Aspects::CONTENT | Aspects::ACL,
            from: from.map(<[u8]>::to_vec),
        })
    };
    vec![
        change(b"usr/lib/a\n\xff", FileChangeKind::Changed, None),
        change(b"usr/lib/b", FileChangeKind::Renamed, Some(b"usr/old")),
        change(b"", FileChangeKind::Hidden, None),
        change(&[b'x'; PATH_LIMIT], FileChangeKind::Deleted, None),
        FilesFrame::Owner {
            package: "mesa".into(),
            numbers: vec![0, 1, 300, 70_000],
        },
        FilesFrame::End(FilesSummary {
            rows: 4,
            left_out: u64::MAX,
        }),
        FilesFrame::Failed(Error::Refused(Refusal::of(RefusalCode::InUse, SnapshotId(3)))),
    ]
}

fn written(frames: &[FilesFrame]) -> Vec<u8> {
    let mut writer = FilesWriter::default();
    for frame in frames {
        match frame {
            FilesFrame::Change(change) => writer.change(change),
            FilesFrame::Owner { package, numbers } => writer.owner(package, numbers),
            FilesFrame::End(summary) => writer.end(*summary),
            FilesFrame::Failed(error) => writer.failed(error),
        }
    }
    writer.pending().to_vec()
}

fn read(bytes: &[u8], step: usize) -> Result<Vec<FilesFrame>, FilesDamaged> {
    let (mut reader, mut frames) = (FilesReader::default(), Vec::new());
    for piece in bytes.chunks(step) {
        reader.push(piece);
        while let Some(frame) = reader.next_frame()? {
            frames.push(frame);
        }
    }
    Ok(frames)
}

#[test]
fn frames_come_back_however_the_bytes_arrive() {
    let bytes = written(&frames());
    for step in [1, 2, 7, 4096, bytes.len()] {
        assert_eq!(read(&bytes, step), Ok(frames()), "{step}");
    }
}

#[test]
fn frames_of_a_newer_version_are_passed_over() {
    let mut bytes = MAGIC.to_vec();
    bytes.extend([200, 3, 1, 2, 3]);
    bytes.extend(&written(&frames())[MAGIC.len()..]);
    assert_eq!(read(&bytes, 64), Ok(frames()));
}

#[test]
fn what_makes_no_sense_is_an_error() {
    assert_eq!(read(b"KDGF\x02", 9), Err(FilesDamaged));
    assert_eq!(read(b"HTTP", 1), Err(FilesDamaged));
    let with = |frame: &[u8]| read(&[&MAGIC[..], frame].concat(), 999);
    // Longer than any frame, a path that shares more than there is, a change that is cut short.
    assert_eq!(with(&[CHANGE, 0xff, 0xff, 0x7f]), Err(FilesDamaged));
    assert_eq!(with(&[CHANGE, 5, 0, 0, 0, 9, 0]), Err(FilesDamaged));
    assert_eq!(with(&[CHANGE, 2, 0, 0]), Err(FilesDamaged));
    assert_eq!(with(&[&[CHANGE][..], &[0xff; 12]].concat()), Err(FilesDamaged));
}

proptest! {
    #[test]
    fn no_bytes_do_harm(bytes in prop::collection::vec(any::<u8>(), 0..300), has_magic: bool) {
        let bytes = if has_magic { [&MAGIC[..], &bytes].concat() } else { bytes };
        let _ = read(&bytes, 11);
    }
}
