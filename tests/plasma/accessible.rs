// SPDX-License-Identifier: GPL-3.0-or-later
//! What a screen reader sees of the desktop, and what it can press: AT-SPI over its own bus.

use crate::desktop::PATIENCE;
use futures_util::future::{join, join_all};
use std::time::{Duration, Instant};
use zbus::{Connection, OwnedObjectPath, connection, proxy};

const REGISTRY: &str = "org.a11y.atspi.Registry";
const ROOT: &str = "/org/a11y/atspi/accessible/root";

#[proxy(
    interface = "org.a11y.Bus",
    default_service = "org.a11y.Bus",
    default_path = "/org/a11y/bus"
)]
trait Bus {
    fn get_address(&self) -> zbus::Result<String>;
}

#[proxy(interface = "org.a11y.atspi.Accessible")]
trait Accessible {
    fn get_children(&self) -> zbus::Result<Vec<(String, OwnedObjectPath)>>;
    fn get_role_name(&self) -> zbus::Result<String>;
    #[zbus(property(emits_changed_signal = "false"))]
    fn name(&self) -> zbus::Result<String>;
}

#[proxy(interface = "org.a11y.atspi.Action")]
trait Action {
    fn do_action(&self, index: i32) -> zbus::Result<bool>;
}

#[proxy(interface = "org.a11y.atspi.Component")]
trait Component {
    fn get_extents(&self, coordinates: u32) -> zbus::Result<((i32, i32, i32, i32),)>;
}

/// One thing on the screen.
#[derive(Debug, Clone)]
pub(crate) struct Thing {
    owner: String,
    path: OwnedObjectPath,
    pub(crate) role: String,
    pub(crate) name: String,
}

/// The desktop as a screen reader sees it.
#[derive(Debug)]
pub(crate) struct Screen(Connection);

impl Screen {
    pub(crate) async fn open(session: &Connection) -> zbus::Result<Self> {
        let address = BusProxy::new(session).await?.get_address().await?;
        Ok(Self(
            connection::Builder::address(address.as_str()).build().await?,
        ))
    }

    /// Everything that Plasma's shell and KRunner show or could show. What is on one level is asked for at once: one after
    /// the other, a busy machine takes longer than what is looked for is there.
    pub(crate) async fn things(&self) -> Vec<Thing> {
        let roots = self.children(REGISTRY, ROOT).await;
        let applications = join_all(roots.iter().map(|(owner, path)| self.thing(owner, path))).await;
        let mut level: Vec<_> = applications
            .into_iter()
            .flatten()
            .filter(|it| ["plasmashell", "krunner"].contains(&it.name.as_str()))
            .collect();
        let mut things = Vec::new();
        while !level.is_empty() {
            let below = level.iter().map(|it| self.children(&it.owner, it.path.as_str()));
            let below: Vec<_> = join_all(below).await.into_iter().flatten().collect();
            things.append(&mut level);
            let next = below.iter().map(|(owner, path)| self.thing(owner, path));
            level = join_all(next).await.into_iter().flatten().collect();
        }
        things
    }

    async fn children(&self, owner: &str, path: &str) -> Vec<(String, OwnedObjectPath)> {
        let asked = async { self.accessible(owner, path).await?.get_children().await };
        asked.await.unwrap_or_default()
    }

    async fn accessible(&self, owner: &str, path: &str) -> zbus::Result<AccessibleProxy<'static>> {
        AccessibleProxy::builder(&self.0)
            .destination(owner.to_owned())
            .path(path.to_owned())
            .cache_properties(zbus::proxy::CacheProperties::No)
            .build()
            .await
    }

    /// Things vanish while one looks, so one that does not answer is not there.
    async fn thing(&self, owner: &str, path: &OwnedObjectPath) -> Option<Thing> {
        let accessible = self.accessible(owner, path.as_str()).await.ok()?;
        let (role, name) = join(accessible.get_role_name(), accessible.name()).await;
        Some(Thing {
            owner: owner.to_owned(),
            path: path.clone(),
            role: role.ok()?,
            name: name.ok()?,
        })
    }

    /// The thing of this role whose name has this in it. (Qt says `push button` or `button`, by its version.)
    pub(crate) async fn find(&self, role: &str, name: &str) -> Option<Thing> {
        self.things()
            .await
            .into_iter()
            .find(|it| it.role.ends_with(role) && it.name.contains(name))
    }

    /// The same, waited for.
    pub(crate) async fn wait_for(&self, role: &str, name: &str) -> Thing {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(thing) = self.find(role, name).await {
                return thing;
            }
            assert!(
                Instant::now() < end,
                "no {role} {name:?} on the screen: {:#?}",
                self.names().await
            );
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Waits until it is gone.
    pub(crate) async fn wait_gone(&self, role: &str, name: &str) {
        let end = Instant::now() + PATIENCE;
        while self.find(role, name).await.is_some() {
            assert!(Instant::now() < end, "the {role} {name:?} stays on the screen");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// All names, for messages.
    pub(crate) async fn names(&self) -> Vec<String> {
        let named = |it: Thing| (!it.name.is_empty()).then(|| format!("{} {:?}", it.role, it.name));
        self.things().await.into_iter().filter_map(named).collect()
    }

    /// Waits for the thing and presses it. One that is drawn anew between the look and the press is looked for again.
    pub(crate) async fn press(&self, role: &str, name: &str) {
        let end = Instant::now() + PATIENCE;
        loop {
            let thing = self.wait_for(role, name).await;
            match self.try_press(&thing).await {
                Ok(()) => return,
                Err(error) => assert!(Instant::now() < end, "press {thing:?}: {error}"),
            }
        }
    }

    /// Presses it, if it is still there.
    pub(crate) async fn try_press(&self, thing: &Thing) -> zbus::Result<()> {
        let action = ActionProxy::builder(&self.0)
            .destination(thing.owner.clone())
            .path(thing.path.clone())
            .build()
            .await?;
        action.do_action(0).await.map(drop)
    }

    /// Where its middle is on the screen, if it is still there.
    pub(crate) async fn middle(&self, thing: &Thing) -> Option<(i32, i32)> {
        let component = ComponentProxy::builder(&self.0)
            .destination(thing.owner.clone())
            .path(thing.path.clone())
            .build();
        let ((x, y, width, height),) = component.await.ok()?.get_extents(0).await.ok()?;
        Some((x + width / 2, y + height / 2))
    }
}
