// SPDX-License-Identifier: GPL-3.0-or-later
//! One task sends every signal, in the order in which the state changed.

use crate::bus::{Changes, JobObject, Manager, Snapshots, Updates};
use crate::service::Service;
use model::{Event, Job, JobId};
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};
use zbus::names::InterfaceName;
use zbus::object_server::SignalEmitter;
use zbus::{Connection, Variant};

/// What is to be told.
#[derive(Debug)]
pub(crate) enum Emission {
    /// Something other than a job changed.
    Event(Event),
    /// A job began.
    Began(Box<Job>),
    /// A job moved on or ended, and whether what it asks changed.
    Moved(Box<Job>, bool),
    /// A job is forgotten.
    Gone(JobId),
    /// New lines of a job's log, the first with this number.
    Log(JobId, u64, Vec<String>),
    /// Everything before this is on its way.
    Flush(oneshot::Sender<()>),
}

/// Sends until the service is gone.
pub(crate) async fn run(
    connection: Connection,
    service: Arc<Service>,
    mut emissions: mpsc::UnboundedReceiver<Emission>,
) {
    while let Some(emission) = emissions.recv().await {
        if let Err(error) = send(&connection, &service, emission).await {
            tracing::warn!(%error, "a signal cannot be sent");
        }
    }
}

async fn send(connection: &Connection, service: &Arc<Service>, emission: Emission) -> zbus::Result<()> {
    let main = || SignalEmitter::new(connection, wire::name::PATH);
    match emission {
        Emission::Event(event) => {
            if let Some(changed) = manager_properties(&event) {
                return properties(&main()?, wire::name::MANAGER, changed).await;
            }
            match event {
                Event::Snapshots { present, gone } => {
                    let present = present.iter().map(Into::into).collect();
                    let gone = gone.iter().map(|id| id.0).collect();
                    Snapshots::changed(&main()?, present, gone).await
                }
                Event::Policy(policy) => {
                    properties(&main()?, wire::name::SETTINGS, wire::policy_properties(&policy)).await
                }
                Event::Bisect(search) => {
                    let search = wire::Bisect::from(search.as_ref());
                    let changed = HashMap::from([("Search", Variant::from(search))]);
                    properties(&main()?, wire::name::BISECT, changed).await
                }
                Event::Counts(counts) => {
                    let counts = counts.into_iter().map(|(id, it)| wire::ChangeCounts::of(id, it));
                    Changes::counted(&main()?, counts.collect()).await
                }
                Event::Updates(updates) => Updates::changed(&main()?, (&*updates).into()).await,
                _ => Ok(()),
            }
        }
        Emission::Began(job) => {
            let path = wire::name::job_path(job.id);
            let object = JobObject::new(Arc::clone(service), job.id);
            connection.object_server().at(&path, object).await?;
            Manager::job_new(&main()?, job.id.0, path.into(), (&*job).into()).await
        }
        Emission::Moved(job, asks) => {
            let path = wire::name::job_path(job.id);
            let emitter = SignalEmitter::new(connection, &path)?;
            let ended = job.outcome().map(|outcome| outcome.ending);
            let job = wire::Job::from(&*job);
            let id = job.id;
            let mut changed = HashMap::from([
                ("Progress", Variant::from(job.progress)),
                ("Cancellable", Variant::from(job.cancellable)),
            ]);
            if asks {
                changed.insert("Question", Variant::from(job.question));
            }
            if ended.is_some() {
                changed.insert("Outcome", Variant::from(job.outcome));
            }
            properties(&emitter, wire::name::JOB, changed).await?;
            match ended {
                Some(ending) => Manager::job_ended(&main()?, id, path.into(), ending.as_str()).await,
                None => Ok(()),
            }
        }
        Emission::Gone(id) => {
            let path = wire::name::job_path(id);
            connection.object_server().remove::<JobObject, _>(&path).await?;
            Manager::job_removed(&main()?, id.0, path.into()).await
        }
        Emission::Log(id, first, lines) => {
            let emitter = SignalEmitter::new(connection, wire::name::job_path(id))?;
            JobObject::log(&emitter, first, lines).await
        }
        Emission::Flush(done) => {
            // Whoever waited may have gone.
            let _ = done.send(());
            Ok(())
        }
    }
}

/// The properties of the manager that an event changes.
fn manager_properties(event: &Event) -> Option<HashMap<&'static str, Variant<'static>>> {
    match event {
        Event::Boot {
            booted,
            default,
            once,
        } => Some(HashMap::from([
            ("Booted", wire::snapshot_number(*booted).into()),
            ("Default", wire::snapshot_number(*default).into()),
            ("Once", wire::snapshot_number(*once).into()),
        ])),
        Event::Receipt(receipt) => Some(HashMap::from([("Receipt", wire::Receipt::from(*receipt).into())])),
        Event::Capabilities(capabilities) => {
            let map = wire::capabilities_to_wire(capabilities);
            Some(HashMap::from([("Capabilities", map.into())]))
        }
        _ => None,
    }
}

async fn properties(
    emitter: &SignalEmitter<'_>,
    interface: &'static str,
    changed: HashMap<&str, Variant<'_>>,
) -> zbus::Result<()> {
    let interface = InterfaceName::from_static_str(interface)?;
    zbus::fdo::Properties::properties_changed(emitter, interface, changed, Cow::Borrowed(&[])).await
}
