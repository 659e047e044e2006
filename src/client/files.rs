// SPDX-License-Identifier: GPL-3.0-or-later
//! Files that differ, and what is in files of snapshots. All of it comes through pipes.

use crate::{Client, Error};
use model::{Failure, FailureCode, FileChange, FileKind, FileVersion, Files, FilesSummary, SnapshotId};
use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe::Receiver;
use wire::{FilesFrame, FilesReader, FilesWish};

/// So many bytes are read at a time.
const PIECE: usize = 64 << 10;

fn damaged(detail: impl std::fmt::Display) -> Error {
    Error::Failed(Failure::new(FailureCode::Internal, detail.to_string()))
}

fn cut_off() -> Error {
    Error::Disconnected("the helper stopped in the middle".into())
}

/// Changes as the helper finds them.
#[derive(Debug)]
pub struct ChangeStream {
    pipe: Receiver,
    reader: FilesReader,
    buffer: Vec<u8>,
}

impl ChangeStream {
    /// The next frame: a change, the changes of a package, or the end, after which nothing comes.
    ///
    /// # Errors
    /// The helper could not go on, or went away.
    pub async fn next(&mut self) -> Result<FilesFrame, Error> {
        loop {
            match self.reader.next_frame().map_err(damaged)? {
                Some(FilesFrame::Failed(error)) => return Err(error.into()),
                Some(frame) => return Ok(frame),
                None => {
                    let count = self.pipe.read(&mut self.buffer).await.map_err(damaged)?;
                    if count == 0 {
                        return Err(cut_off());
                    }
                    self.reader.push(self.buffer.get(..count).unwrap_or_default());
                }
            }
        }
    }
}

/// What is in a file of a snapshot.
#[derive(Debug)]
pub struct Content {
    /// A regular file, or a symbolic link whose target this is.
    pub kind: FileKind,
    /// Bytes, as the helper told before reading.
    pub size: u64,
    pipe: Receiver,
}

impl Content {
    /// The next bytes; none at the end.
    ///
    /// # Errors
    /// The pipe is broken.
    pub async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        self.pipe.read(buffer).await.map_err(damaged)
    }

    /// All bytes, or `None` when there are more than `limit`.
    ///
    /// # Errors
    /// The pipe is broken, or the file ends too early.
    pub async fn whole(mut self, limit: usize) -> Result<Option<Vec<u8>>, Error> {
        if usize::try_from(self.size).map_or(true, |size| size > limit) {
            return Ok(None);
        }
        let (mut bytes, mut buffer) = (Vec::new(), vec![0; PIECE]);
        loop {
            let count = self.read(&mut buffer).await?;
            bytes.extend_from_slice(buffer.get(..count).unwrap_or_default());
            match count {
                0 if (bytes.len() as u64) < self.size => return Err(cut_off()),
                0 => return Ok(Some(bytes)),
                _ if bytes.len() > limit => return Ok(None),
                _ => {}
            }
        }
    }
}

impl Client {
    async fn changes(&self) -> Result<wire::ChangesProxy<'static>, Error> {
        Ok(wire::ChangesProxy::new(&self.connection().await?).await?)
    }

    /// How the files of `to` differ from those of `from`, as they are found; `None` is the running system.
    ///
    /// # Errors
    /// The helper refused, or could not be reached.
    pub async fn file_changes(
        &self,
        from: Option<SnapshotId>,
        to: Option<SnapshotId>,
        wish: FilesWish,
    ) -> Result<ChangeStream, Error> {
        let (from, to) = (wire::snapshot_number(from), wire::snapshot_number(to));
        let pipe = self
            .changes()
            .await?
            .files(from, to, wire::files_options(wish))
            .await?;
        Ok(ChangeStream {
            pipe: Receiver::from_owned_fd(pipe.into()).map_err(damaged)?,
            reader: FilesReader::default(),
            buffer: vec![0; PIECE],
        })
    }

    /// The same, put together in memory. `seen` is told of every change when it arrives.
    ///
    /// # Errors
    /// The helper refused, could not go on, or could not be reached.
    pub async fn files(
        &self,
        from: Option<SnapshotId>,
        to: Option<SnapshotId>,
        wish: FilesWish,
        mut seen: impl FnMut(&FileChange),
    ) -> Result<(Files, FilesSummary), Error> {
        let mut stream = self.file_changes(from, to, wish).await?;
        let mut files = Files::default();
        loop {
            match stream.next().await? {
                FilesFrame::Change(change) => {
                    seen(&change);
                    files
                        .push(&change)
                        .ok_or_else(|| damaged("there are too many changes"))?;
                }
                FilesFrame::Owner { package, numbers } => files.set_owner(&package, &numbers),
                FilesFrame::End(summary) => {
                    files.sort();
                    return Ok((files, summary));
                }
                FilesFrame::Failed(error) => return Err(error.into()),
            }
        }
    }

    /// What is in a file, by its path from the root of the snapshot.
    ///
    /// # Errors
    /// The helper refused (there is no such file, or it is neither a file nor a link), or could not be reached.
    pub async fn read_file(&self, id: Option<SnapshotId>, path: &[u8]) -> Result<Content, Error> {
        let number = wire::snapshot_number(id);
        let (kind, size, pipe) = self.changes().await?.read_file(number, path).await?;
        Ok(Content {
            kind: FileKind::from_code(&kind).unwrap_or(FileKind::Regular),
            size,
            pipe: Receiver::from_owned_fd(pipe.into()).map_err(damaged)?,
        })
    }

    /// The root directory of a snapshot, as a mount of its own that is read-only and gone when this is dropped. Any
    /// program of the same user reaches it as `/proc/PID/fd/NUMBER`.
    ///
    /// # Errors
    /// The helper refused, or could not be reached.
    pub async fn browse(&self, id: SnapshotId) -> Result<std::os::fd::OwnedFd, Error> {
        let files = wire::FilesProxy::new(&self.connection().await?).await?;
        Ok(files.browse(id.0).await?.into())
    }

    /// A file in all snapshots that have it, in the order of their numbers.
    ///
    /// # Errors
    /// The helper refused, or could not be reached.
    pub async fn file_versions(&self, path: &[u8]) -> Result<Vec<FileVersion>, Error> {
        let versions = self.changes().await?.file_versions(path).await?;
        Ok(versions.into_iter().map(Into::into).collect())
    }
}
