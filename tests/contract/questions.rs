// SPDX-License-Identifier: GPL-3.0-or-later
//! What a job asks, from the question to what comes of the answer.

use crate::fixture::{Machine, Stage, ready_client, sees};
use crate::trial_with;
use client::{Client, Error, View};
use engine::{Engine as _, Fault, Scenario};
use libtest_mimic::Trial;
use model::{
    Asked, Ending, Failure, FailureCode, Job, JobId, JobOutcome, Machine as After, Phase, Question,
    QuestionKind, RefusalCode,
};
use std::time::Duration;
use support::bus::PrivateBus;
use tokio::sync::watch;

pub(crate) fn trials(bus: &Result<(), String>) -> Vec<Trial> {
    vec![
        trial_with(
            "questions: a job asks, waits, and goes on with the answer",
            bus,
            answered,
        ),
        trial_with("questions: no to a license leaves the old system", bus, declined),
        trial_with("questions: nobody is asked who did not say so", bus, unasked),
        trial_with(
            "questions: a question nobody answers ends the job",
            bus,
            unanswered,
        ),
        trial_with("questions: a job that asks can be cancelled", bus, cancelled),
        trial_with(
            "questions: an answer names an open question and one of its choices",
            bus,
            exact,
        ),
        trial_with("questions: who may not update may not answer", bus, unauthorized),
        trial_with("questions: whoever comes later sees what is asked", bus, late),
    ]
}

fn license() -> Question {
    Question::new(QuestionKind::License, "You shall not copy.").with("package", "flash")
}

fn conflict() -> Question {
    Question::new(QuestionKind::Conflict, "nothing provides x")
        .or("do not install y")
        .or("break y")
}

fn asking(question: &Question) -> Fault {
    let failure = Failure::new(FailureCode::License, "not agreed to").with("package", "flash");
    Fault::Ask(question.clone(), failure)
}

async fn asked(view: &mut watch::Receiver<View>, id: JobId) -> Asked {
    let seen = sees(view, |view| {
        view.state.jobs.get(&id).and_then(Job::asked).is_some()
    })
    .await;
    seen.state.jobs[&id].asked().unwrap().clone()
}

/// A stage with a job that asks this.
async fn stage(question: &Question) -> (Stage, JobId, Asked) {
    let mut stage = Stage::new(Scenario::Normal).await;
    stage.machine.engine.inject(Phase::Download, asking(question));
    let id = stage.client.update_asking().await.unwrap();
    let asked = asked(&mut stage.view, id).await;
    (stage, id, asked)
}

fn refused(error: Result<(), Error>) -> RefusalCode {
    match error {
        Err(Error::Refused(refusal)) => refusal.code,
        other => panic!("not refused but {other:?}"),
    }
}

fn old_system(outcome: &JobOutcome) -> bool {
    (outcome.ending, outcome.machine) == (Ending::Undone, After::OldSystem)
}

async fn answered() {
    let (mut stage, id, first) = stage(&license()).await;
    assert_eq!((first.number, &first.question), (1, &license()));
    assert!(first.until > stage.client.view().state.jobs[&id].started);
    stage.machine.engine.inject(Phase::Install, asking(&conflict()));
    stage.client.answer(id, 1, 1).await.unwrap();
    let second = sees(&mut stage.view, |view| {
        view.state.jobs[&id]
            .asked()
            .is_some_and(|asked| asked.number == 2)
    });
    let second = second.await.state.jobs[&id].asked().unwrap().clone();
    assert_eq!(second.question, conflict());
    stage.client.answer(id, 2, 2).await.unwrap();
    let outcome = stage.client.wait(id).await.unwrap();
    assert_eq!(
        (outcome.ending, outcome.machine),
        (Ending::Done, After::NewSystem)
    );
    let (_, log) = stage.client.log(id, 0).await.unwrap();
    assert!(log.iter().any(|line| line == "The answer is 2."), "{log:?}");
    // polkit is asked anew for every answer, by the verb of the job.
    let update = (wire::name::action::UPDATE, true);
    assert_eq!(stage.machine.authority.asked(), [update, update, update]);
}

async fn declined() {
    let (stage, id, _) = stage(&license()).await;
    stage.client.answer(id, 1, 0).await.unwrap();
    let outcome = stage.client.wait(id).await.unwrap();
    assert!(old_system(&outcome), "{outcome:?}");
    let failure = outcome.failure.unwrap();
    assert_eq!(
        (failure.code, failure.args["package"].as_str()),
        (FailureCode::License, "flash")
    );
}

async fn unasked() {
    let stage = Stage::new(Scenario::Asking).await;
    let id = stage.client.update().await.unwrap();
    let outcome = stage.client.wait(id).await.unwrap();
    assert!(old_system(&outcome), "{outcome:?}");
    assert_eq!(outcome.failure.unwrap().code, FailureCode::License);
    // Looking and fetching ask nobody at all.
    let id = stage.client.download().await.unwrap();
    let outcome = stage.client.wait(id).await.unwrap();
    assert_eq!(outcome.failure.unwrap().code, FailureCode::License);
}

async fn unanswered() {
    let machine = Machine {
        patience: Duration::from_millis(300),
        ..Machine::new(Scenario::Asking)
    };
    let bus = PrivateBus::start().unwrap();
    let served = machine.on(&bus).await;
    let (client, _) = ready_client(&bus).await;
    let before = machine.engine.system().unwrap();
    let id = client.update_asking().await.unwrap();
    let outcome = client.wait(id).await.unwrap();
    assert!(old_system(&outcome), "{outcome:?}");
    let failure = outcome.failure.unwrap();
    assert_eq!(failure.code, FailureCode::Unanswered);
    assert_eq!(
        (
            failure.args["question"].as_str(),
            failure.args["package"].as_str()
        ),
        ("license", "flash-player")
    );
    assert_eq!(machine.engine.system().unwrap().snapshots, before.snapshots);
    assert_eq!(refused(client.answer(id, 1, 1).await), RefusalCode::NothingAsked);
    drop(served);
}

async fn cancelled() {
    let (stage, id, _) = stage(&license()).await;
    stage.client.cancel(id).await.unwrap();
    let outcome = stage.client.wait(id).await.unwrap();
    assert_eq!(
        (outcome.ending, outcome.machine),
        (Ending::Cancelled, After::OldSystem)
    );
}

async fn exact() {
    let (stage, id, _) = stage(&conflict()).await;
    let client = &stage.client;
    assert!(matches!(client.answer(id, 1, 3).await, Err(Error::Invalid(_))));
    for (job, number) in [(id, 0), (id, 2), (id, u32::MAX)] {
        assert_eq!(
            refused(client.answer(job, number, 1).await),
            RefusalCode::NothingAsked
        );
    }
    // Nothing of this was worth a password, and nothing is answered yet.
    assert_eq!(stage.machine.authority.asked().len(), 1);
    assert_eq!(
        client.view().state.jobs[&id].asked().map(|asked| asked.number),
        Some(1)
    );
    // Of two who answer at the same time one is told that it was too late.
    stage.machine.authority.take(Duration::from_millis(200));
    let (one, other) = tokio::join!(client.answer(id, 1, 1), client.answer(id, 1, 2));
    let refusals = [one, other].into_iter().filter(Result::is_err).count();
    assert_eq!(refusals, 1);
    assert_eq!(client.wait(id).await.unwrap().ending, Ending::Done);
    assert_eq!(refused(client.answer(id, 1, 1).await), RefusalCode::NothingAsked);
}

async fn unauthorized() {
    let (stage, id, _) = stage(&license()).await;
    stage.machine.authority.refuse();
    let answer = stage.client.answer(id, 1, 1).await;
    assert!(matches!(answer, Err(Error::NotAuthorized { .. })), "{answer:?}");
    assert!(stage.client.view().state.jobs[&id].asked().is_some());
    stage.client.cancel(id).await.unwrap();
    stage.client.wait(id).await.unwrap();
}

async fn late() {
    let (stage, id, first) = stage(&license()).await;
    let (other, view): (Client, _) = ready_client(&stage.bus).await;
    assert_eq!(view.borrow().state.jobs[&id].asked(), Some(&first));
    other.answer(id, 1, 1).await.unwrap();
    let outcome = other.wait(id).await.unwrap();
    assert_eq!(outcome.ending, Ending::Done);
    // What has ended asks nothing.
    assert_eq!(stage.client.history(1).await.unwrap()[0].asked(), None);
}
