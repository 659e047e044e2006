// SPDX-License-Identifier: GPL-3.0-or-later
//! Starting a job, following it to its end, and cancelling it when somebody presses Ctrl-C.

use crate::bar::Bar;
use crate::exit::{Exit, Stop};
use crate::question::{self, Keyboard};
use crate::text::safe;
use crate::words;
use client::{Client, Error, Link, View};
use futures_util::StreamExt;
use model::{Asked, Job, JobId, JobOutcome, JobState, RefusalCode};
use std::future::Future;
use std::pin::pin;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

/// Requests to stop that came to this process.
#[derive(Debug)]
pub(crate) struct Interrupts {
    keyboard: Signal,
    termination: Signal,
}

impl Interrupts {
    pub(crate) fn new() -> Result<Self, Stop> {
        let listen = |kind| {
            signal(kind)
                .map_err(|error| Stop::new(Exit::Failed, format!("Signals cannot be received: {error}")))
        };
        Ok(Self {
            keyboard: listen(SignalKind::interrupt())?,
            termination: listen(SignalKind::terminate())?,
        })
    }

    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.keyboard.recv() => {}
            _ = self.termination.recv() => {}
        }
    }
}

/// Starts a job by this call and follows it to its end.
pub(crate) async fn run(
    client: &Client,
    views: watch::Receiver<View>,
    verbose: bool,
    call: impl Future<Output = Result<JobId, Error>>,
) -> Result<JobOutcome, Stop> {
    let mut interrupts = Interrupts::new()?;
    let id = tokio::select! {
        id = call => id,
        () = interrupts.next() => return Err(Stop::new(Exit::Cancelled, "Cancelled before it began.")),
    };
    let id = match id {
        Err(Error::Refused(refusal)) if refusal.code == RefusalCode::Busy => return Err(busy(client)),
        id => id?,
    };
    follow(client, views, id, verbose, interrupts).await
}

/// Another job is in the way: names it where it can be seen.
pub(crate) fn busy(client: &Client) -> Stop {
    let state = client.view().state;
    let words = match state.working() {
        Some(job) => format!(
            "{} (job {}) is running. Try again when it has ended.\nkedgectl log --follow {} shows it.",
            words::work(job.kind),
            job.id,
            job.id
        ),
        None => words::refusal(&RefusalCode::Busy.into()),
    };
    Stop::new(Exit::Refused, words)
}

async fn follow(
    client: &Client,
    mut views: watch::Receiver<View>,
    id: JobId,
    verbose: bool,
    mut interrupts: Interrupts,
) -> Result<JobOutcome, Stop> {
    let mut bar = Bar::new();
    let mut log = pin!(client.log_stream(id));
    let mut logs = verbose;
    let mut stopping = false;
    let mut questions = Questions::default();
    loop {
        let over = show(&views.borrow_and_update(), id, &mut bar);
        if over && !logs {
            break;
        }
        questions.show(&views.borrow(), id, &mut bar);
        tokio::select! {
            (asked, line) = questions.typed() => {
                if answer(client, id, &asked, &line, &mut bar).await? {
                    questions.answered = Some(asked.number);
                }
            }
            line = log.next(), if logs => match line {
                Some(line) => bar.say(&safe(&line)),
                None => logs = false,
            },
            () = interrupts.next() => {
                if stopping {
                    bar.clear();
                    return Err(Stop::new(
                        Exit::Cancelled,
                        format!("Not waiting any longer. The job goes on: kedgectl log --follow {id}"),
                    ));
                }
                stopping = true;
                cancel(client, id, &mut bar).await?;
            }
            changed = views.changed(), if !over => {
                if changed.is_err() {
                    break;
                }
            }
        }
    }
    bar.clear();
    Ok(client.wait(id).await?)
}

/// What a job asks, and who can answer.
#[derive(Debug, Default)]
struct Questions {
    open: Option<Asked>,
    /// The number of the last one that was answered: the state may show it for a moment longer.
    answered: Option<u32>,
    /// From the first question on: what is typed before belongs to the shell.
    keyboard: Option<Keyboard>,
}

impl Questions {
    /// Asks what the job asks, where there is somebody who can answer. What it no longer asks is forgotten.
    fn show(&mut self, view: &View, id: JobId, bar: &mut Bar) {
        let asked = view.state.jobs.get(&id).and_then(Job::asked);
        let asked = asked.filter(|asked| self.answered != Some(asked.number));
        if self.open.as_ref() == asked {
            return;
        }
        if self.open.take().is_some() {
            bar.say("The question is no longer open.");
        }
        if let Some(asked) = asked.filter(|_| question::can_ask()) {
            self.keyboard.get_or_insert_with(Keyboard::new).forget_typed();
            bar.say(&question::words(&asked.question));
            self.open = Some(asked.clone());
        }
    }

    /// The open question, which is then open no longer, and the line that is typed as its answer.
    async fn typed(&mut self) -> (Asked, String) {
        if let (Some(_), Some(keyboard)) = (&self.open, &mut self.keyboard) {
            let line = keyboard.line().await;
            if let Some(asked) = self.open.take() {
                return (asked, line);
            }
        }
        std::future::pending().await
    }
}

/// Gives this line as the answer. Returns whether it was one; if not, it is asked again, since nothing is open any more.
async fn answer(client: &Client, id: JobId, asked: &Asked, line: &str, bar: &mut Bar) -> Result<bool, Stop> {
    let Some(choice) = question::choice(&asked.question, line) else {
        bar.say("That is none of the answers.");
        return Ok(false);
    };
    match client.answer(id, asked.number, choice).await {
        Err(Error::Refused(refusal)) => bar.say(&words::refusal(&refusal)),
        answered => answered?,
    }
    Ok(true)
}

/// Shows how far the job is. Returns whether it is over.
fn show(view: &View, id: JobId, bar: &mut Bar) -> bool {
    if let Link::Lost { .. } = view.link {
        // The helper comes back by itself; if it does not, waiting for the outcome says so.
        return true;
    }
    match view.state.jobs.get(&id).map(|job| &job.state) {
        Some(JobState::Running { progress, .. }) => {
            bar.show(progress);
            false
        }
        Some(JobState::Ended(_)) | None => true,
    }
}

async fn cancel(client: &Client, id: JobId, bar: &mut Bar) -> Result<(), Stop> {
    match client.cancel(id).await {
        Ok(()) => bar.say("Cancelling. Everything is being put back."),
        Err(Error::Refused(refusal)) => bar.say(&format!(
            "{} Press Ctrl-C again to leave it alone.",
            words::refusal(&refusal)
        )),
        Err(Error::Cancelled) => {}
        Err(error @ Error::Disconnected(_)) => return Err(error.into()),
        Err(error) => bar.say(&format!("It cannot be cancelled: {error}")),
    }
    Ok(())
}

/// Prints a job's log until the job ends.
pub(crate) async fn print_log(client: &Client, id: JobId) {
    let mut log = pin!(client.log_stream(id));
    while let Some(line) = log.next().await {
        crate::exit::print(&format!("{}\n", safe(&line)));
    }
}

/// Waits until the state is there.
pub(crate) async fn ready(views: &mut watch::Receiver<View>) -> Result<View, Stop> {
    let gone = |_| crate::exit::unreachable_helper("the client has ended");
    let view = views
        .wait_for(|view| view.link != Link::Connecting)
        .await
        .map_err(gone)?
        .clone();
    match &view.link {
        Link::Lost { detail } => Err(crate::exit::unreachable_helper(detail)),
        _ => Ok(view),
    }
}
