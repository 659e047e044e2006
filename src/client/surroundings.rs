// SPDX-License-Identifier: GPL-3.0-or-later
//! What speaks against using the network or the processor now, asked of the services that know. None of them is started
//! for it, and what is not there speaks against nothing.

use crate::Client;
use model::Surroundings;
use std::collections::HashMap;
use zbus::fdo::{DBusProxy, PropertiesProxy};
use zbus::names::{BusName, InterfaceName};
use zbus::{Connection, OwnedVariant};

/// A service, its object and the interface whose properties tell.
type Source = [&'static str; 3];

const NETWORK: Source = [
    "org.freedesktop.NetworkManager",
    "/org/freedesktop/NetworkManager",
    "org.freedesktop.NetworkManager",
];
const BATTERY: Source = [
    "org.freedesktop.UPower",
    "/org/freedesktop/UPower",
    "org.freedesktop.UPower",
];
const PROFILE: Source = [
    "net.hadess.PowerProfiles",
    "/net/hadess/PowerProfiles",
    "net.hadess.PowerProfiles",
];

/// Everything that is asked: service, object and interface. Their `PropertiesChanged` is worth listening to.
pub const SURROUNDINGS: [Source; 3] = [NETWORK, BATTERY, PROFILE];

/// What speaks against using the network or the processor, as the services on this bus say.
pub async fn surroundings(connection: &Connection) -> Surroundings {
    let (network, battery, profile) = futures_util::future::join3(
        properties(connection, NETWORK),
        properties(connection, BATTERY),
        properties(connection, PROFILE),
    )
    .await;
    read_surroundings(&network, &battery, &profile)
}

impl Client {
    /// What speaks against using the network or the processor, as the services on the helper's bus say.
    pub async fn surroundings(&self) -> Surroundings {
        match self.connection().await {
            Ok(connection) => surroundings(&connection).await,
            Err(_) => Surroundings::default(),
        }
    }
}

/// All properties of an interface, without starting its service.
async fn properties(
    connection: &Connection,
    [service, path, interface]: Source,
) -> HashMap<String, OwnedVariant> {
    let asked = async {
        let bus = DBusProxy::new(connection).await?;
        let owner = bus.get_name_owner(BusName::try_from(service)?).await?;
        let properties = PropertiesProxy::builder(connection)
            .destination(BusName::from(owner))
            .path(path)
            .build()
            .await?;
        Ok(properties.get_all(InterfaceName::try_from(interface)?).await?)
    };
    let answer: zbus::Result<_> = asked.await;
    answer.unwrap_or_default()
}

fn read_surroundings(
    network: &HashMap<String, OwnedVariant>,
    battery: &HashMap<String, OwnedVariant>,
    profile: &HashMap<String, OwnedVariant>,
) -> Surroundings {
    let number = |name: &str| {
        network
            .get(name)
            .and_then(|value| u32::try_from(value.clone()).ok())
    };
    // NMConnectivityState: 1 none, 2 portal, 3 limited, 4 full; 0 unknown. NMMetered: 1 yes, 3 probably.
    // NMState: 70 connected.
    let connected = number("State").is_none_or(|state| state >= 70);
    let reachable = !matches!(number("Connectivity"), Some(1..=3));
    let on_battery = battery
        .get("OnBattery")
        .and_then(|value| bool::try_from(value.clone()).ok());
    let profile = profile
        .get("ActiveProfile")
        .and_then(|value| String::try_from(value.clone()).ok());
    Surroundings {
        offline: !(connected && reachable),
        metered: matches!(number("Metered"), Some(1 | 3)),
        on_battery: on_battery.unwrap_or(false),
        saves_power: profile.as_deref() == Some("power-saver"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use zbus::Str;

    #[test]
    fn what_speaks_against_a_check() {
        let numbers = |pairs: &[(&str, u32)]| {
            pairs
                .iter()
                .map(|(name, value)| ((*name).to_owned(), OwnedVariant::from(*value)))
                .collect::<HashMap<_, _>>()
        };
        let empty = HashMap::new();
        let calm = Surroundings::default();
        let offline = Surroundings {
            offline: true,
            ..calm
        };
        let metered = Surroundings {
            metered: true,
            ..calm
        };
        for (network, expected) in [
            (&[][..], calm),
            (&[("State", 70), ("Connectivity", 4), ("Metered", 4)], calm),
            (&[("State", 70), ("Connectivity", 0), ("Metered", 0)], calm),
            (&[("State", 20), ("Connectivity", 1)], offline),
            (&[("State", 70), ("Connectivity", 2)], offline),
            (&[("State", 70), ("Metered", 1)], metered),
            (&[("State", 70), ("Metered", 3)], metered),
            (&[("State", 70), ("Metered", 2)], calm),
        ] {
            assert_eq!(
                read_surroundings(&numbers(network), &empty, &empty),
                expected,
                "{network:?}"
            );
        }
        let battery = HashMap::from([("OnBattery".to_owned(), OwnedVariant::from(true))]);
        let profile = |name: &'static str| {
            HashMap::from([(
                "ActiveProfile".to_owned(),
                OwnedVariant::from(Str::from_static(name)),
            )])
        };
        let around = read_surroundings(&empty, &battery, &profile("power-saver"));
        assert_eq!(
            around,
            Surroundings {
                on_battery: true,
                saves_power: true,
                ..calm
            }
        );
        assert_eq!(read_surroundings(&empty, &empty, &profile("balanced")), calm);
    }
}
