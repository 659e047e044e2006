// SPDX-License-Identifier: GPL-3.0-or-later
//! The session's agent, as far as a window shows it: the restart that a person agreed to for later, and why nothing is
//! done about updates by itself. An agent that does not run is not started for it.

use crate::Error;
use futures_util::StreamExt;
use model::{RestartWhen, Wait};
use zbus::fdo::DBusProxy;
use zbus::names::BusName;
use zbus::{Connection, MatchRule, MessageStream, message, proxy};

const NAME: &str = "org.kedge.Kedge.Agent";
const PATH: &str = "/org/kedge/Kedge/Agent";

#[proxy(
    interface = "org.kedge.Kedge.Agent",
    default_service = "org.kedge.Kedge.Agent",
    default_path = "/org/kedge/Kedge/Agent"
)]
trait Agent {
    fn plan_restart(&self, when: &str) -> zbus::Result<()>;

    #[zbus(property(emits_changed_signal = "false"))]
    fn planned_restart(&self) -> zbus::Result<String>;

    #[zbus(property(emits_changed_signal = "false"))]
    fn restart_times(&self) -> zbus::Result<Vec<String>>;

    #[zbus(property(emits_changed_signal = "false"))]
    fn waits_for(&self) -> zbus::Result<String>;
}

/// What the agent of this session says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AgentView {
    /// When a restart may be agreed to; nothing where no agent runs.
    pub times: Vec<RestartWhen>,
    /// When it was agreed to.
    pub planned: Option<RestartWhen>,
    /// Why a check or an update that is due is not made.
    pub waits: Option<Wait>,
}

/// Tells what the agent says: at once, and whenever that changes, until the call says that nobody listens any more.
///
/// # Errors
/// When there is no session bus, or it is gone.
pub async fn follow_agent(mut tell: impl FnMut(AgentView) -> bool + Send) -> Result<(), Error> {
    let session = Connection::session().await?;
    let bus = DBusProxy::new(&session).await?;
    let mut owners = bus.receive_name_owner_changed_with_args(&[(0, NAME)]).await?;
    // Anybody may send this signal, so it only tells when to read.
    let rule = MatchRule::builder()
        .msg_type(message::Type::Signal)
        .path(PATH)
        .interface("org.freedesktop.DBus.Properties")
        .member("PropertiesChanged")
        .build()?;
    let mut changes = MessageStream::for_match_rule(rule, &session, None).await?;
    loop {
        let running = bus
            .name_has_owner(BusName::try_from(NAME)?)
            .await
            .map_err(zbus::Error::from)?;
        let view = match running {
            true => read(&session).await.unwrap_or_default(),
            false => AgentView::default(),
        };
        if !tell(view) {
            return Ok(());
        }
        let more = tokio::select! { owner = owners.next() => owner.is_some(), change = changes.next() => change.is_some() };
        if !more {
            return Err(Error::Disconnected("the session bus is gone".into()));
        }
    }
}

async fn read(session: &Connection) -> zbus::Result<AgentView> {
    let agent = proxy(session).await?;
    let times = agent.restart_times().await?;
    Ok(AgentView {
        times: times.iter().filter_map(|it| RestartWhen::from_code(it)).collect(),
        planned: RestartWhen::from_code(&agent.planned_restart().await?),
        waits: Wait::from_code(&agent.waits_for().await?),
    })
}

/// Agrees to a restart for later, or with `None` takes that back.
///
/// # Errors
/// When there is no agent to remember it.
pub async fn plan_restart(when: Option<RestartWhen>) -> Result<(), Error> {
    let session = Connection::session().await?;
    let agent = proxy(&session).await?;
    Ok(agent.plan_restart(when.map_or("", RestartWhen::as_str)).await?)
}

async fn proxy(session: &Connection) -> zbus::Result<AgentProxy<'static>> {
    AgentProxy::builder(session)
        .cache_properties(zbus::proxy::CacheProperties::No)
        .build()
        .await
}
