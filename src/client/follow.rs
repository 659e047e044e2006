// SPDX-License-Identifier: GPL-3.0-or-later
//! The log of a job as a stream.

use crate::{Client, Error, Link};
use futures_util::{Stream, StreamExt, stream};
use model::{Job, JobId};
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::{sleep, timeout};
use zbus::{MatchRule, MessageStream, message};

/// Without a signal, look again after this long: a signal is a hint, not a promise.
const LOOK_AGAIN: Duration = Duration::from_secs(2);
/// How long the helper may be away before the stream ends.
const PATIENCE: u32 = 30;

impl Client {
    /// Every line of a job's log, the past ones first; ends with the job.
    pub fn log_stream(&self, id: JobId) -> impl Stream<Item = String> + Send + use<> {
        let follow = Follow {
            client: self.clone(),
            id,
            next: 0,
            lines: VecDeque::new(),
            hints: None,
            failures: 0,
        };
        stream::unfold(follow, async |mut follow| {
            let line = follow.line().await?;
            Some((line, follow))
        })
    }

    /// Whether a job is over, as far as the view tells.
    fn is_over(&self, id: JobId) -> bool {
        let view = self.view.borrow();
        let job = view.state.jobs.get(&id);
        view.link == Link::Ready && job.is_none_or(|job: &Job| job.outcome().is_some())
    }
}

struct Follow {
    client: Client,
    id: JobId,
    next: u64,
    lines: VecDeque<String>,
    hints: Option<MessageStream>,
    failures: u32,
}

impl Follow {
    async fn line(&mut self) -> Option<String> {
        loop {
            if let Some(line) = self.lines.pop_front() {
                return Some(line);
            }
            if self.hints.is_none() {
                self.hints = self.listen().await.ok();
            }
            // Asked before the read: what a job said before its end is in the log by then.
            let over = self.client.is_over(self.id);
            match self.client.log(self.id, self.next).await {
                Ok((next, lines)) if !lines.is_empty() => {
                    self.failures = 0;
                    self.next = next;
                    self.lines = lines.into();
                }
                Ok(_) if over => return None,
                Ok(_) => self.wait().await,
                Err(Error::Disconnected(_)) if self.failures < PATIENCE => {
                    self.failures += 1;
                    self.hints = None;
                    sleep(Duration::from_secs(1)).await;
                }
                Err(error) => {
                    tracing::warn!(id = %self.id, %error, "the log cannot be read");
                    return None;
                }
            }
        }
    }

    /// Anybody may send this signal to us, so it only tells when to read.
    async fn listen(&self) -> Result<MessageStream, Error> {
        let rule = MatchRule::builder()
            .msg_type(message::Type::Signal)
            .path(wire::name::job_path(self.id))
            .interface(wire::name::JOB)
            .member("Log")
            .build()?;
        let connection = self.client.connection().await?;
        Ok(MessageStream::for_match_rule(rule, &connection, None).await?)
    }

    /// Until there may be more.
    async fn wait(&mut self) {
        let mut view = self.client.view.clone();
        view.mark_unchanged();
        let id = self.id;
        let ended = view.wait_for(|view| view.state.jobs.get(&id).is_none_or(|job| job.outcome().is_some()));
        let hint = async {
            match &mut self.hints {
                Some(hints) => drop(hints.next().await),
                None => std::future::pending().await,
            }
        };
        // Whichever it was, the next step is to read.
        let _ = timeout(LOOK_AGAIN, async {
            tokio::select! { _ = ended => {}, () = hint => {} }
        })
        .await;
    }
}
