// SPDX-License-Identifier: GPL-3.0-or-later
//! What a screen reader sees of the desktop, and what it can press: AT-SPI over its own bus.

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

    /// Everything that Plasma's shell shows or could show.
    pub(crate) async fn things(&self) -> Vec<Thing> {
        let mut things = Vec::new();
        let mut open = self.children(REGISTRY, ROOT).await;
        let mut applications = Vec::new();
        for (owner, path) in open.drain(..) {
            let thing = self.thing(&owner, &path).await;
            if thing.is_some_and(|it| it.name == "plasmashell") {
                applications.push((owner, path));
            }
        }
        let mut open = applications;
        while let Some((owner, path)) = open.pop() {
            if let Some(thing) = self.thing(&owner, &path).await {
                things.push(thing);
                open.extend(self.children(&owner, path.as_str()).await);
            }
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
        Some(Thing {
            owner: owner.to_owned(),
            path: path.clone(),
            role: accessible.get_role_name().await.ok()?,
            name: accessible.name().await.ok()?,
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
        let end = Instant::now() + Duration::from_secs(20);
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
        let end = Instant::now() + Duration::from_secs(20);
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

    /// Presses it.
    pub(crate) async fn press(&self, thing: &Thing) {
        let action = ActionProxy::builder(&self.0)
            .destination(thing.owner.clone())
            .path(thing.path.clone())
            .build()
            .await
            .unwrap();
        action
            .do_action(0)
            .await
            .unwrap_or_else(|error| panic!("press {thing:?}: {error}"));
    }

    /// Where its middle is on the screen.
    pub(crate) async fn middle(&self, thing: &Thing) -> (i32, i32) {
        let component = ComponentProxy::builder(&self.0)
            .destination(thing.owner.clone())
            .path(thing.path.clone())
            .build()
            .await
            .unwrap();
        let ((x, y, width, height),) = component.get_extents(0).await.unwrap();
        (x + width / 2, y + height / 2)
    }
}
