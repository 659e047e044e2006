// SPDX-License-Identifier: GPL-3.0-or-later
//! Connections of other users.

use rustix::process::{Gid, Uid};
use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};
use std::os::unix::net::UnixStream;
use support::bus::PrivateBus;
use zbus::Connection;

/// A user by name and number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct User(pub(crate) &'static str, u32);

pub(crate) const ROOT: User = User("root", 0);
/// Has no rule.
pub(crate) const NOBODY: User = User("nobody", 65534);
/// May do everything of ours by a rule.
pub(crate) const GAMES: User = User("games", 5);
/// May install updates by a rule.
pub(crate) const MAN: User = User("man", 6);

impl User {
    pub(crate) fn uid(self) -> u32 {
        self.1
    }

    /// Connects as this user: the kernel tells the bus who it was that connected the socket, and a thread may give up
    /// its own rights.
    pub(crate) async fn connect(self, bus: &PrivateBus) -> Connection {
        let address = bus.address();
        let path = address.strip_prefix("unix:path=").unwrap().to_owned();
        let uid = self.1;
        let stream = std::thread::spawn(move || {
            let (user, group) = (Uid::from_raw(uid), Gid::from_raw(uid));
            set_thread_groups(&[]).unwrap();
            set_thread_res_gid(group, group, group).unwrap();
            set_thread_res_uid(user, user, user).unwrap();
            UnixStream::connect(path).unwrap()
        });
        let stream = stream.join().unwrap();
        let connection = zbus::connection::Builder::unix_stream(stream)
            .user_id(uid)
            .build();
        connection.await.unwrap()
    }
}
