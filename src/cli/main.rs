// SPDX-License-Identifier: GPL-3.0-or-later
//! `kedgectl`: everything the window does, from a terminal or a script.
//!
//! The standard output carries data, the standard error output talk. What changes the system is asked of the helper
//! and followed to its end; nothing is decided here.

mod args;
mod automatic;
mod bar;
mod bisect;
mod exit;
mod files;
mod generate;
mod job;
mod json;
mod offline;
mod packages;
mod platform;
mod prompt;
mod question;
mod settings;
mod show;
mod space;
mod text;
mod words;

use args::{Command, Verb};
use clap::Parser;
use client::{Client, Error, View};
use exit::{Exit, Stop, conclude, print, say};
use model::{JobId, JobKind, RefusalCode, SnapshotId, State, Timestamp, WishKind};
use serde::Serialize;
use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::sync::watch;

fn main() -> ExitCode {
    let command = Command::parse();
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(std::io::stderr)
        .init();
    let exit = match run(command) {
        Ok(exit) => exit,
        Err(stop) => {
            say(&stop.words);
            stop.exit
        }
    };
    ExitCode::from(exit as u8)
}

fn run(command: Command) -> Result<Exit, Stop> {
    let internal = |error: anyhow::Error| Stop::new(Exit::Failed, format!("{error:#}"));
    if let Verb::Generate { directory } = &command.verb {
        generate::everything(directory).map_err(internal)?;
        return Ok(Exit::Done);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| internal(error.into()))?;
    runtime.block_on(serve(command))
}

/// A connection to the helper, with the state it showed first.
struct Session {
    client: Client,
    views: watch::Receiver<View>,
    /// What it was at first.
    state: Arc<State>,
    now: Timestamp,
}

async fn serve(command: Command) -> Result<Exit, Stop> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = Timestamp(u64::try_from(now.as_micros()).unwrap_or(u64::MAX));
    if let Some(root) = &command.root {
        offline::allowed(&command.verb)?;
        let (session, helper) = offline::session(root, now).await?;
        let exit = session.verb(command.verb).await;
        drop(helper);
        return exit;
    }
    let (client, mut views) = Client::start(command.bus);
    let View { state, .. } = job::ready(&mut views).await?;
    let session = Session {
        client,
        views,
        state,
        now,
    };
    // Reading needs no password.
    let _prompt = match command.verb {
        Verb::Status(_) | Verb::List(_) | Verb::Show(_) | Verb::Diff(_) | Verb::Log(_) | Verb::Search(_) => {
            None
        }
        _ => prompt::Prompt::start(),
    };
    session.verb(command.verb).await
}

/// Prints a value as JSON.
fn print_json(value: &impl Serialize) {
    let text = serde_json::to_string_pretty(value).expect("our shapes have text keys and no failing values");
    print(&format!("{}\n", text::safe_json(&text)));
}

/// Asks on a terminal; elsewhere, and with `--yes`, the answer is yes.
async fn agreed(question: &str, yes: bool) -> Result<bool, Stop> {
    if yes || !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return Ok(true);
    }
    say(&format!("{question} [y/N]"));
    let answer = tokio::task::spawn_blocking(|| {
        let mut answer = String::new();
        std::io::stdin().read_line(&mut answer).map(|_| answer)
    });
    let answer = answer.await.ok().and_then(Result::ok).unwrap_or_default();
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

/// What to say when somebody does not agree.
fn declined() -> Stop {
    Stop::new(Exit::Cancelled, "Nothing has changed.")
}

impl Session {
    async fn verb(&self, verb: Verb) -> Result<Exit, Stop> {
        match verb {
            Verb::Status(args) => self.status(&args).await,
            Verb::Nightly(args) => self.nightly(&args).await,
            Verb::List(args) => Ok(self.list(&args)),
            Verb::Show(args) => self.show(&args).await,
            Verb::Diff(args) if args.files || args.text.is_some() => self.diff_files(&args).await,
            Verb::Diff(args) => self.diff(&args).await,
            Verb::Cat(args) => self.cat(&args).await,
            Verb::Browse(args) => self.browse(&args).await,
            Verb::Changelog(args) => self.changelog(&args).await,
            Verb::History(args) => self.history(&args).await,
            Verb::Create(args) => {
                let wish = (&args).into();
                self.job(JobKind::Create, false, self.client.create(&wish)).await
            }
            Verb::Delete(args) => {
                let deletion = self.client.delete(&args.numbers);
                self.job(JobKind::Delete, false, deletion).await
            }
            Verb::Edit(args) => {
                let edit = (&args).into();
                self.job(JobKind::Edit, false, self.client.edit(args.number, &edit))
                    .await
            }
            Verb::Check(args) => self.check(args.format.json, args.verbose).await,
            Verb::Update(args) if args.check => self.check(false, args.work.verbose).await,
            Verb::Update(args) => self.update(&args.work).await,
            Verb::Search(args) => self.search(&args).await,
            Verb::Install(args) => self.packages(WishKind::Install, args).await,
            Verb::Remove(args) => self.packages(WishKind::Remove, args).await,
            Verb::Rollback(args) => self.rollback(&args).await,
            Verb::Try(args) => self.try_once(&args).await,
            Verb::Discard(args) => self.discard(&args).await,
            Verb::Bisect(args) => self.bisect(&args).await,
            Verb::Log(args) => self.log(&args).await,
            Verb::Restore(args) => self.restore(&args).await,
            Verb::Space(args) => self.space(&args).await,
            Verb::MakeRoom(args) => self.make_room(&args).await,
            Verb::CleanUp(args) => self.clean_up(&args).await,
            Verb::Settings(args) => self.settings(&args).await,
            Verb::Automatic(args) => self.automatic(args.plan).await,
            Verb::Generate { .. } => Ok(Exit::Done),
        }
    }

    async fn job(
        &self,
        kind: JobKind,
        verbose: bool,
        call: impl Future<Output = Result<JobId, Error>>,
    ) -> Result<Exit, Stop> {
        let outcome = job::run(&self.client, self.views.clone(), verbose, call).await?;
        Ok(conclude(kind, &outcome))
    }

    async fn status(&self, args: &args::Status) -> Result<Exit, Stop> {
        let platform = match args.verbose {
            true => Some(self.client.platform().await?),
            false => None,
        };
        let failures = match self.state.receipt.map(|it| it.kept) {
            // An older helper does not tell.
            Some(model::Kept::FellBack) => self.client.failed_starts().await.unwrap_or_default(),
            _ => Vec::new(),
        };
        if args.format.json {
            let status = json::StatusJson::new(&self.state, self.now, &failures);
            match platform {
                Some(platform) => print_json(&json::VerboseJson::new(status, &platform, &self.state)),
                None => print_json(&status),
            }
            return Ok(Exit::Done);
        }
        print(&show::status(&self.state, self.now, &failures));
        if let Some(platform) = platform {
            print(&platform::platform(&platform, &self.state));
        }
        Ok(Exit::Done)
    }

    async fn nightly(&self, args: &args::Nightly) -> Result<Exit, Stop> {
        if let Some(who) = args.who {
            self.client.set_nightly(who).await?;
        }
        let platform = self.client.platform().await?;
        print(&format!("{}\n", platform::nightly(&platform)));
        Ok(Exit::Done)
    }

    fn list(&self, args: &args::List) -> Exit {
        let words = args.words.join(" ");
        let all = self.state.snapshots.values();
        let found: Vec<_> = all.filter(|it| model::filter_matches(it, &words)).collect();
        if args.format.json {
            let rows: Vec<_> = found
                .iter()
                .map(|it| json::SnapshotJson::new(it, &self.state))
                .collect();
            print_json(&rows);
        } else {
            print(&show::list(&self.state, &found));
        }
        Exit::Done
    }

    fn existing(&self, id: SnapshotId) -> Result<&model::Snapshot, Stop> {
        let missing = model::Refusal::of(RefusalCode::NoSuchSnapshot, id);
        self.state
            .snapshots
            .get(&id)
            .ok_or_else(|| Error::Refused(missing).into())
    }

    async fn show(&self, args: &args::Show) -> Result<Exit, Stop> {
        let snapshot = self.existing(args.number)?;
        let changes = match self.client.package_changes(None, Some(args.number)).await {
            Ok(changes) => Some(changes),
            // A snapshot can be shown where its packages cannot.
            Err(Error::Refused(_) | Error::Failed(_)) => None,
            Err(error) => return Err(error.into()),
        };
        let concerns = match self.client.examine(args.number).await {
            Ok(concerns) => Some(concerns),
            Err(Error::Refused(_) | Error::Failed(_)) => None,
            Err(error) => return Err(error.into()),
        };
        if args.format.json {
            print_json(&json::ShowJson {
                snapshot: json::SnapshotJson::new(snapshot, &self.state),
                changes: changes.as_deref().map(json::changes),
                bootable: concerns
                    .as_ref()
                    .map(|all| !all.iter().any(|it| it.is_blocking())),
                concerns: concerns.iter().flatten().map(|it| it.as_str()).collect(),
            });
            return Ok(Exit::Done);
        }
        print(&show::snapshot(
            snapshot,
            &self.state,
            self.now,
            concerns.as_deref(),
        ));
        if let Some(changes) = changes.filter(|_| self.state.booted != Some(args.number)) {
            print(&format!(
                "\nCompared with the running system: {}\n{}",
                show::lower(&show::summary(&changes)),
                show::changes(&changes)
            ));
        }
        Ok(Exit::Done)
    }

    async fn diff(&self, args: &args::Diff) -> Result<Exit, Stop> {
        let changes = self.client.package_changes(Some(args.from), args.to).await?;
        match args.format.json {
            true => print_json(&json::changes(&changes)),
            false => print(&format!(
                "{}\n{}",
                show::summary(&changes),
                show::changes(&changes)
            )),
        }
        Ok(Exit::Done)
    }

    async fn check(&self, as_json: bool, verbose: bool) -> Result<Exit, Stop> {
        let outcome = job::run(&self.client, self.views.clone(), verbose, self.client.check()).await?;
        if exit::of_outcome(&outcome) != Exit::Done {
            return Ok(conclude(JobKind::Check, &outcome));
        }
        // The helper tells what it found before it tells that the job has ended.
        let updates = self.client.view().state.updates.clone();
        match as_json {
            true => print_json(&json::UpdateSetJson::from(&updates.set)),
            false => print(&show::update_set(&updates.set)),
        }
        Ok(match updates.set.is_empty() {
            true => Exit::Done,
            false => Exit::UpdatesAvailable,
        })
    }

    async fn update(&self, work: &args::Work) -> Result<Exit, Stop> {
        let known = &self.state.updates.set;
        self.state.may_update().map_err(|refusal| self.refused(refusal))?;
        if !known.is_empty() {
            say(&show::update_set(known));
        }
        let question = "Install all updates? They start with the next restart.";
        if !agreed(question, work.yes).await? {
            return Err(declined());
        }
        match question::can_ask() {
            true => {
                self.job(JobKind::Update, work.verbose, self.client.update_asking())
                    .await
            }
            false => {
                self.job(JobKind::Update, work.verbose, self.client.update())
                    .await
            }
        }
    }

    async fn rollback(&self, args: &args::Rollback) -> Result<Exit, Stop> {
        let plan = self.client.plan_rollback(args.number).await?;
        if args.json {
            print_json(&json::PlanJson::from(&plan));
            return Ok(Exit::Done);
        }
        print(&show::plan(&plan, &self.state));
        if args.plan {
            return Ok(Exit::Done);
        }
        let question = format!("Let snapshot {} start with the next restart?", args.number);
        if !agreed(&question, args.work.yes).await? {
            return Err(declined());
        }
        let call = self.client.roll_back(args.number);
        self.job(JobKind::Rollback, args.work.verbose, call).await
    }

    async fn try_once(&self, args: &args::Try) -> Result<Exit, Stop> {
        if let Some(id) = args.number {
            self.state
                .may_try_once(id)
                .map_err(|refusal| self.refused(refusal))?;
            for concern in self.client.examine(id).await? {
                say(words::concern(concern));
            }
            let question = format!("Let snapshot {id} start once with the next restart?");
            if !agreed(&question, args.work.yes).await? {
                return Err(declined());
            }
        }
        let call = self.client.try_once(args.number);
        self.job(JobKind::TryOnce, args.work.verbose, call).await
    }

    async fn discard(&self, work: &args::Work) -> Result<Exit, Stop> {
        self.state
            .may_discard()
            .map_err(|refusal| self.refused(refusal))?;
        let gone = self.state.pending_updates();
        if !gone.is_empty() {
            let numbers: Vec<_> = gone.iter().map(|id| format!("#{id}")).collect();
            say(&format!(
                "This deletes the updates that were never started: {}.",
                numbers.join(", ")
            ));
        }
        if !agreed("Discard what waits for the restart?", work.yes).await? {
            return Err(declined());
        }
        self.job(JobKind::Discard, work.verbose, self.client.discard())
            .await
    }

    /// A refusal known before asking.
    fn refused(&self, refusal: model::Refusal) -> Stop {
        match refusal.code {
            RefusalCode::Busy => job::busy(&self.client),
            _ => Error::Refused(refusal).into(),
        }
    }

    async fn log(&self, args: &args::Log) -> Result<Exit, Stop> {
        let Some(id) = args.job.map(JobId) else {
            let past = self.client.history(args.limit).await?;
            let running = self
                .state
                .jobs
                .values()
                .filter(|job| job.outcome().is_none())
                .cloned();
            let jobs: Vec<_> = running.rev().chain(past).take(args.limit as usize).collect();
            match args.format.json {
                true => print_json(&jobs.iter().map(json::JobJson::from).collect::<Vec<_>>()),
                false => print(&show::jobs(&jobs)),
            }
            return Ok(Exit::Done);
        };
        let mut job = self.state.jobs.get(&id).cloned();
        if job.is_none() {
            let past = self.client.history(1000).await?;
            job = past.into_iter().find(|job| job.id == id);
        }
        let Some(job) = job else {
            return Err(Stop::new(Exit::Refused, format!("There is no job {id}.")));
        };
        if args.follow {
            job::print_log(&self.client, id).await;
            return Ok(match self.client.wait(id).await {
                Ok(outcome) => conclude(job.kind, &outcome),
                Err(error) => return Err(error.into()),
            });
        }
        let (mut lines, mut from) = (Vec::new(), 0);
        loop {
            let (next, more) = self.client.log(id, from).await?;
            if more.is_empty() {
                break;
            }
            from = next;
            lines.extend(more);
        }
        if args.format.json {
            print_json(&json::LogJson {
                job: json::JobJson::from(&job),
                lines: &lines,
            });
        } else {
            let text: String = lines
                .iter()
                .map(|line| format!("{}\n", text::safe(line)))
                .collect();
            print(&text);
            if let Some(outcome) = job.outcome() {
                say(&format!(
                    "{}\n{}",
                    words::outcome(job.kind, outcome),
                    words::details(outcome.failure.as_ref())
                ));
            }
        }
        Ok(Exit::Done)
    }
}
