// SPDX-License-Identifier: GPL-3.0-or-later
//! A root shell in a machine, over whatever the machine makes of a socket: `systemd.debug_shell=` puts one there before
//! most of the system is up, without a network and without anything of ours in the system.

use std::fs::File;
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// How long a command may take: an emulated machine on a busy one is slow.
const LIMIT: Duration = Duration::from_secs(900);
/// And a start.
const START: Duration = Duration::from_secs(900);

/// The shell.
#[derive(Debug)]
pub(crate) struct Console {
    stream: UnixStream,
    seen: Vec<u8>,
    number: u32,
    transcript: File,
}

/// What a command printed, and how it ended.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) text: String,
    pub(crate) code: i32,
}

impl Console {
    pub(crate) fn new(stream: UnixStream, transcript: File) -> Self {
        stream.set_read_timeout(Some(Duration::from_millis(250))).unwrap();
        stream.set_write_timeout(Some(Duration::from_secs(60))).unwrap();
        Self {
            stream,
            seen: Vec::new(),
            number: 0,
            transcript,
        }
    }

    /// Waits for the shell of a start. Nothing is typed before its prompt is there: a firmware and a boot loader would
    /// listen too.
    pub(crate) fn meet(&mut self, alive: &mut dyn FnMut() -> Result<(), String>) -> Result<(), String> {
        self.until(START, alive, |seen| seen.ends_with(b"# ").then_some(()))?;
        self.seen.clear();
        self.number += 1;
        let number = self.number;
        // The marker is put together by the shell, so that its echo is no answer.
        let line = format!(
            "PS1= PS2=; stty -echo; set +m; unset HISTFILE; export PAGER=cat SYSTEMD_PAGER= SYSTEMD_COLORS=0 TERM=dumb \
             HOME=/root; bind 'set enable-bracketed-paste off' 2>/dev/null; e=READY; echo ${{e}}{number}X\n"
        );
        self.send(&line)?;
        let marker = format!("READY{number}X");
        self.until(LIMIT, alive, |seen| find(seen, marker.as_bytes()))?;
        self.note(&format!("--- a shell, start {number}\n"));
        Ok(())
    }

    /// Runs a command to its end.
    pub(crate) fn run(
        &mut self,
        command: &str,
        alive: &mut dyn FnMut() -> Result<(), String>,
    ) -> Result<Said, String> {
        self.number += 1;
        let number = self.number;
        self.seen.clear();
        self.note(&format!("# {command}\n"));
        self.send(&format!(
            "b='<<'; echo \"${{b}}B{number}\"; {{ {command}\n}} 2>&1 </dev/null; echo \"E{number}>>$?.\"\n"
        ))?;
        let begin = format!("<<B{number}");
        let end = format!("E{number}>>");
        let (text, code) = self.until(LIMIT, alive, |seen| {
            let text = String::from_utf8_lossy(seen);
            let (before, after) = text.split_once(&end)?;
            let code: i32 = after.split_once('.')?.0.parse().ok()?;
            let said = before.split_once(&begin).map_or(before, |(_, said)| said);
            Some((said.replace('\r', "").trim_matches('\n').to_owned(), code))
        })?;
        self.note(&format!("{text}\n[{code}]\n"));
        Ok(Said { text, code })
    }

    /// Asks for something that ends this shell.
    pub(crate) fn leave(&mut self, command: &str) -> Result<(), String> {
        self.note(&format!("# {command}\n"));
        self.send(&format!("{command}\n"))?;
        self.seen.clear();
        Ok(())
    }

    fn send(&mut self, text: &str) -> Result<(), String> {
        self.stream
            .write_all(text.as_bytes())
            .map_err(|error| format!("the console does not listen: {error}"))
    }

    fn note(&mut self, text: &str) {
        let _ = self.transcript.write_all(text.as_bytes());
    }

    fn until<T>(
        &mut self,
        limit: Duration,
        alive: &mut dyn FnMut() -> Result<(), String>,
        mut look: impl FnMut(&[u8]) -> Option<T>,
    ) -> Result<T, String> {
        let end = Instant::now() + limit;
        let mut piece = [0; 16 << 10];
        while Instant::now() < end {
            if let Some(found) = look(&self.seen) {
                return Ok(found);
            }
            match self.stream.read(&mut piece) {
                Ok(0) => {
                    alive()?;
                    return Err("the console is closed".to_owned());
                }
                Ok(length) => self
                    .seen
                    .extend_from_slice(piece.get(..length).unwrap_or_default()),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => alive()?,
                Err(error) => return Err(format!("the console is gone: {error}")),
            }
        }
        let tail = self.seen.get(self.seen.len().saturating_sub(2000)..);
        Err(format!(
            "no answer in {} s; the last of it:\n{}",
            limit.as_secs(),
            String::from_utf8_lossy(tail.unwrap_or_default())
        ))
    }
}

fn find(seen: &[u8], what: &[u8]) -> Option<()> {
    seen.windows(what.len()).any(|part| part == what).then_some(())
}
