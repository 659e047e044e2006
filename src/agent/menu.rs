// SPDX-License-Identifier: GPL-3.0-or-later
//! com.canonical.dbusmenu: just what Plasma and the other trays ask for.

use crate::event::{Event, Sender};
use crate::tray::{Choice, Command, Entry, Page};
use crate::words;
use std::collections::HashMap;
use zbus::{OwnedVariant, Str, Structure, Variant, fdo, interface, object_server::SignalEmitter};

/// Where the menu is.
pub(crate) const PATH: &str = "/MenuBar";

type Properties = HashMap<String, OwnedVariant>;
type Layout = (i32, Properties, Vec<OwnedVariant>);

/// One line, by its number.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Line {
    Root,
    Do(Command, bool),
    Separator,
    Choose(Choice),
}

/// The menu. Numbers are positions in `lines`; the choices of a submenu follow their parent.
#[derive(Debug)]
pub(crate) struct Menu {
    events: Sender,
    revision: u32,
    lines: Vec<(Line, i32)>,
}

fn lines(entries: &[Entry]) -> Vec<(Line, i32)> {
    let mut lines = vec![(Line::Root, -1)];
    for entry in entries {
        match entry {
            Entry::Do(command, possible) => lines.push((Line::Do(*command, *possible), 0)),
            Entry::Separator => lines.push((Line::Separator, 0)),
            Entry::Choose(choice, choices) => {
                let parent = i32::try_from(lines.len()).unwrap_or(i32::MAX);
                lines.push((Line::Choose(*choice), 0));
                lines.extend(choices.iter().map(|command| (Line::Do(*command, true), parent)));
            }
        }
    }
    lines
}

const fn icon(command: Command) -> &'static str {
    match command {
        Command::Open(Page::Status) => "org.kedge.Kedge",
        Command::Open(Page::Timeline) => "view-history",
        Command::Open(Page::Updates) => "update-none",
        Command::Update => "update-low",
        Command::Restart | Command::RestartNow => "system-reboot",
        Command::Keep(_) => "emblem-checked",
        Command::Check => "view-refresh",
        Command::Cancel(_) | Command::KeepRunning(_) => "dialog-cancel",
        Command::Resume => "media-playback-start",
        Command::PlanRestart(_) | Command::Pause(_) | Command::Later(_) => "",
    }
}

const fn choice_icon(choice: Choice) -> &'static str {
    match choice {
        Choice::Pause => "media-playback-pause",
        Choice::RestartLater => "view-calendar-time-spent",
    }
}

/// A label in which no letter is a mnemonic.
fn label(text: &str) -> OwnedVariant {
    OwnedVariant::from(Str::from(text.replace('_', "__")))
}

impl Menu {
    pub(crate) fn new(events: Sender, entries: &[Entry]) -> Self {
        Self {
            events,
            revision: 1,
            lines: lines(entries),
        }
    }

    /// Takes new entries and tells when they differ.
    pub(crate) async fn update(
        &mut self,
        entries: &[Entry],
        emitter: &SignalEmitter<'_>,
    ) -> zbus::Result<()> {
        let new = lines(entries);
        if self.lines == new {
            return Ok(());
        }
        self.lines = new;
        self.revision = self.revision.wrapping_add(1);
        Self::layout_updated(emitter, self.revision, 0).await
    }

    fn line(&self, id: i32) -> Option<&Line> {
        let at = usize::try_from(id).ok()?;
        self.lines.get(at).map(|(line, _)| line)
    }

    fn properties(&self, id: i32, names: &[String]) -> Properties {
        let text = |value: &str| OwnedVariant::from(Str::from(value.to_owned()));
        let mut all: Vec<(&str, OwnedVariant)> = match self.line(id) {
            Some(Line::Root) => vec![("children-display", text("submenu"))],
            Some(Line::Do(command, possible)) => vec![
                ("label", label(&words::command(*command))),
                ("icon-name", text(icon(*command))),
                ("enabled", OwnedVariant::from(*possible)),
            ],
            Some(Line::Separator) => vec![("type", text("separator"))],
            Some(Line::Choose(choice)) => vec![
                ("label", label(&words::choice(*choice))),
                ("icon-name", text(choice_icon(*choice))),
                ("children-display", text("submenu")),
            ],
            None => Vec::new(),
        };
        all.retain(|(name, _)| names.is_empty() || names.iter().any(|wanted| wanted == name));
        all.into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    }

    /// The lines below this one, `depth` levels of them; a negative depth is all.
    fn children(&self, parent: i32, depth: i32, names: &[String]) -> zbus::Result<Vec<OwnedVariant>> {
        if depth == 0 {
            return Ok(Vec::new());
        }
        let mut children = Vec::new();
        for (id, (_, above)) in (0..).zip(&self.lines) {
            if *above == parent {
                let child = Structure::builder()
                    .add_field(id)
                    .add_field(self.properties(id, names))
                    .add_field(self.children(id, depth - 1, names)?)
                    .build()?;
                children.push(OwnedVariant::try_from(Variant::from(child))?);
            }
        }
        Ok(children)
    }

    fn click(&self, id: i32, event: &str) {
        if let ("clicked", Some(Line::Do(command, true))) = (event, self.line(id)) {
            self.events.send(Event::Command(*command, None));
        }
    }
}

#[interface(name = "com.canonical.dbusmenu")]
impl Menu {
    #[zbus(out_args("revision", "layout"))]
    fn get_layout(&self, parent_id: i32, depth: i32, names: Vec<String>) -> fdo::Result<(u32, Layout)> {
        if self.line(parent_id).is_none() {
            return Err(fdo::Error::InvalidArgs(format!("there is no line {parent_id}")));
        }
        let children = self.children(parent_id, depth, &names)?;
        Ok((
            self.revision,
            (parent_id, self.properties(parent_id, &names), children),
        ))
    }

    fn get_group_properties(&self, ids: Vec<i32>, names: Vec<String>) -> Vec<(i32, Properties)> {
        let all = || (0..).zip(&self.lines).map(|(id, _)| id).collect();
        let ids: Vec<i32> = if ids.is_empty() { all() } else { ids };
        ids.into_iter()
            .map(|id| (id, self.properties(id, &names)))
            .collect()
    }

    fn get_property(&self, id: i32, name: &str) -> fdo::Result<OwnedVariant> {
        self.properties(id, &[])
            .remove(name)
            .ok_or_else(|| fdo::Error::InvalidArgs(format!("line {id} has no property {name}")))
    }

    fn event(&self, id: i32, event: &str, _data: Variant<'_>, _timestamp: u32) {
        self.click(id, event);
    }

    fn event_group(&self, events: Vec<(i32, String, OwnedVariant, u32)>) -> Vec<i32> {
        events.iter().for_each(|(id, event, _, _)| self.click(*id, event));
        events
            .iter()
            .map(|(id, ..)| *id)
            .filter(|id| self.line(*id).is_none())
            .collect()
    }

    fn about_to_show(&self, _id: i32) -> bool {
        false
    }

    fn about_to_show_group(&self, _ids: Vec<i32>) -> (Vec<i32>, Vec<i32>) {
        (Vec::new(), Vec::new())
    }

    #[zbus(property)]
    fn version(&self) -> u32 {
        3
    }

    #[zbus(property)]
    fn text_direction(&self) -> &str {
        "ltr"
    }

    #[zbus(property)]
    fn status(&self) -> &str {
        "normal"
    }

    #[zbus(property)]
    fn icon_theme_path(&self) -> Vec<String> {
        Vec::new()
    }

    #[zbus(signal)]
    async fn layout_updated(emitter: &SignalEmitter<'_>, revision: u32, parent: i32) -> zbus::Result<()>;

    #[zbus(signal)]
    async fn items_properties_updated(
        emitter: &SignalEmitter<'_>,
        updated: Vec<(i32, Properties)>,
        removed: Vec<(i32, Vec<String>)>,
    ) -> zbus::Result<()>;
}
