// SPDX-License-Identifier: GPL-3.0-or-later
//! What the running service says of itself is what the interface files say.

use crate::fixture::Machine;
use crate::trial;
use engine::Scenario;
use libtest_mimic::Trial;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use std::collections::BTreeMap;
use zbus::fdo::IntrospectableProxy;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "interface: the running objects are what the interface files say",
            running,
        ),
        trial(
            "interface: one polkit action a verb, all of them declared",
            actions,
        ),
    ]
}

/// The members of each interface, one line each with names, types, directions and annotations, in a stable order.
fn members(xml: &str) -> BTreeMap<String, Vec<String>> {
    let mut interfaces: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let (mut interface, mut member) = (String::new(), String::new());
    let mut reader = Reader::from_str(xml);
    loop {
        let event = reader.read_event().expect("well-formed XML");
        let (element, empty) = match &event {
            Event::Start(element) => (element, false),
            Event::Empty(element) => (element, true),
            Event::Eof => return interfaces,
            _ => continue,
        };
        let a = |name: &str| attribute(element, name);
        match element.name().as_ref() {
            "interface" => {
                interface = a("name");
                interfaces.entry(interface.clone()).or_default();
            }
            kind @ ("method" | "signal" | "property") => {
                member = format!("{kind} {} {}{}", a("name"), a("type"), a("access"));
                interfaces.get_mut(&interface).unwrap().push(member.clone());
            }
            "arg" => {
                // The D-Bus specification: a method's argument goes in, a signal's goes out.
                let direction = match (a("direction"), member.starts_with("signal")) {
                    (direction, false) if !direction.is_empty() => direction,
                    (_, false) => "in".to_owned(),
                    (_, true) => String::new(),
                };
                let line = format!("{member}: {direction} {} {}", a("name"), a("type"));
                interfaces.get_mut(&interface).unwrap().push(line);
            }
            "annotation" => {
                // true is what a property without this annotation has.
                let emits = "org.freedesktop.DBus.Property.EmitsChangedSignal";
                if !(a("name") == emits && a("value") == "true") {
                    let line = format!("{member}: {} = {}", a("name"), a("value"));
                    interfaces.get_mut(&interface).unwrap().push(line);
                }
            }
            _ => assert!(empty || element.name().as_ref() == "node", "an unknown element"),
        }
    }
}

fn attribute(element: &BytesStart<'_>, name: &str) -> String {
    let found = element.try_get_attribute(name).unwrap();
    found.map_or_else(String::new, |value| value.value.into_owned())
}

async fn running() {
    let machine = Machine::new(Scenario::Normal);
    let (_served, connection) = machine.p2p().await;
    let updates = wire::UpdatesProxy::new(&connection).await.unwrap();
    let (_, job) = updates.check(Default::default()).await.unwrap();
    let mut running = BTreeMap::new();
    for path in [wire::name::PATH, job.as_str()] {
        let object = IntrospectableProxy::builder(&connection)
            .destination(wire::name::BUS)
            .path(path)
            .build()
            .await
            .unwrap();
        let xml = object.introspect().await.unwrap();
        running.extend(
            members(&xml)
                .into_iter()
                .filter(|(name, _)| name.starts_with("org.kedge.")),
        );
    }
    let mut contract: BTreeMap<_, _> = wire::CONTRACT.iter().flat_map(|(_, xml)| members(xml)).collect();
    let names: Vec<_> = wire::CONTRACT
        .iter()
        .map(|(name, _)| (*name).to_owned())
        .collect();
    assert!(contract.len() == names.len() && names.iter().all(|name| contract.contains_key(name)));
    for lines in running.values_mut().chain(contract.values_mut()) {
        // Members may come in any order; the arguments of one may not.
        lines.sort_by(|a, b| a.split(':').next().cmp(&b.split(':').next()));
    }
    for (name, lines) in &contract {
        assert!(lines.len() > 1, "{name} is empty");
        assert_eq!(Some(lines), running.get(name), "{name}");
    }
    assert_eq!(contract.len(), running.len());
}

async fn actions() {
    let policy = include_str!("../../desktop/org.kedge.kedge1.policy");
    let mut declared = Vec::new();
    let (mut reader, mut any) = (Reader::from_str(policy), 0);
    loop {
        match reader.read_event().unwrap() {
            Event::Start(element) if element.name().as_ref() == "action" => {
                declared.push(attribute(&element, "id"))
            }
            Event::Start(element) if element.name().as_ref() == "allow_any" => {
                any += 1;
                let text = reader.read_text(element.name()).unwrap();
                assert!(["no", "auth_admin"].contains(&&*text), "allow_any {text:?}");
            }
            Event::Eof => break,
            _ => {}
        }
    }
    let mut known = wire::name::action::ALL
        .iter()
        .map(|it| (*it).to_owned())
        .collect::<Vec<_>>();
    // The system bus lets through what its policy names.
    let bus = include_str!("../../desktop/org.kedge.Kedge1.conf");
    for (name, _) in wire::CONTRACT {
        assert!(bus.contains(&format!("send_interface=\"{name}\"")), "{name}");
    }
    known.sort();
    declared.sort();
    assert_eq!(declared, known);
    assert_eq!(any, known.len());
}
