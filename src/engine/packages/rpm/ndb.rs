// SPDX-License-Identifier: GPL-3.0-or-later
//! `Packages.db`, the database that openSUSE's rpm keeps: a page-wise table of slots, each of which points to a blob in
//! blocks of 16 bytes. All numbers are little-endian (rpm, lib/backend/ndb/rpmpkg.c).

use super::Blob;
use super::header::LENGTH;
use crate::packages::damaged;
use crate::packages::reader::Bytes;
use std::io;

const PAGE: u64 = 4096;
const SLOT: usize = 16;
const BLOCK: u64 = 16;
/// The first slots hold the file's header.
const FIRST: usize = 2;
/// Before a blob: magic, number, time, length.
const HEAD: u64 = 16;
/// Behind it: checksum, length, magic.
const TAIL: u64 = 12;
/// More pages of slots than this hold more packages than anybody has.
const PAGES: u64 = 1024;

fn number(bytes: &[u8], at: usize) -> io::Result<u32> {
    let bytes = bytes.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
    bytes
        .map(u32::from_le_bytes)
        .ok_or_else(|| damaged("ends in the middle".to_owned()))
}

/// The headers of all packages, in no order.
pub(crate) fn blobs(file: &dyn Bytes) -> io::Result<Vec<Blob<'_>>> {
    let length = file.length()?;
    let mut page = vec![0; PAGE as usize];
    let intro = read(file, 0, &mut page)?;
    if intro.get(..4) != Some(b"RpmP") || number(intro, 4)? != 0 {
        return Err(damaged("is no ndb database of version 0".to_owned()));
    }
    let pages = u64::from(number(intro, 12)?);
    if pages > PAGES || pages * PAGE > length {
        return Err(damaged(format!("says it has {pages} pages of slots")));
    }
    let mut blobs = Vec::new();
    for index in 0..pages {
        let slots = read(file, index * PAGE, &mut page)?;
        let skip = if index == 0 { FIRST } else { 0 };
        for slot in slots.chunks_exact(SLOT).skip(skip) {
            if slot.get(..4) != Some(b"Slot") {
                return Err(damaged("has a slot that is none".to_owned()));
            }
            let (key, at, blocks) = (number(slot, 4)?, number(slot, 8)?, number(slot, 12)?);
            if at == 0 {
                continue;
            }
            let (at, size) = (u64::from(at) * BLOCK, u64::from(blocks) * BLOCK);
            if at < pages * PAGE || at + size > length || size < HEAD + TAIL {
                return Err(damaged("has a slot that points nowhere".to_owned()));
            }
            blobs.push((key, at, size));
        }
    }
    blobs.sort_unstable_by_key(|(_, at, _)| *at);
    blobs
        .into_iter()
        .map(|(key, at, size)| blob(file, key, at, size))
        .collect()
}

fn read<'a>(file: &dyn Bytes, at: u64, page: &'a mut [u8]) -> io::Result<&'a [u8]> {
    let length = file.read_at(page, at)?;
    Ok(page.get(..length).unwrap_or_default())
}

fn blob(file: &dyn Bytes, key: u32, at: u64, size: u64) -> io::Result<Blob<'_>> {
    let mut head = [0; HEAD as usize];
    let head = read(file, at, &mut head)?;
    if head.get(..4) != Some(b"BlbS") || number(head, 4)? != key {
        return Err(damaged("has a package that is none".to_owned()));
    }
    let length = number(head, 12)? as usize;
    if length > LENGTH || length as u64 > size - HEAD - TAIL {
        return Err(damaged(format!("has a package of {length} bytes in {size}")));
    }
    Ok(Blob::plain(file, at + HEAD, length))
}
