// SPDX-License-Identifier: GPL-3.0-or-later
//! `Settings`: what is decided for the system (the helper's), and what a person likes (`~/.config/kedgerc`).

use super::{glue, publish, value};
use crate::runtime;
use client::Link;
use core::pin::Pin;
use cxx_qt::{CxxQtType, Initialize, Threading};
use cxx_qt_lib::{QString, QVariant};
use model::{Automation, Cadence, Capability, Policy, PolicyChange, State};

#[cxx_qt::bridge]
pub(crate) mod qobject {
    unsafe extern "C++" {
        include!("cxx-qt-lib/qstring.h");
        type QString = cxx_qt_lib::QString;
        include!("cxx-qt-lib/qvariant.h");
        type QVariant = cxx_qt_lib::QVariant;
    }

    extern "RustQt" {
        #[qobject]
        #[qml_element]
        #[qproperty(bool, known, READ, NOTIFY)]
        #[qproperty(bool, storing, READ, NOTIFY)]
        #[qproperty(QString, automation, READ, NOTIFY)]
        #[qproperty(QString, cadence, READ, NOTIFY)]
        #[qproperty(bool, on_battery, cxx_name = "onBattery", READ, NOTIFY)]
        #[qproperty(bool, on_metered, cxx_name = "onMetered", READ, NOTIFY)]
        #[qproperty(bool, clean_up, cxx_name = "cleanUp", READ, NOTIFY)]
        #[qproperty(i32, keep_updates, cxx_name = "keepUpdates", READ, NOTIFY)]
        #[qproperty(i32, space_percent, cxx_name = "spacePercent", READ, NOTIFY)]
        #[qproperty(QVariant, abilities, READ, NOTIFY)]
        #[qproperty(bool, tray, READ, WRITE = set_tray, NOTIFY)]
        #[qproperty(bool, reminders, READ, WRITE = set_reminders, NOTIFY)]
        type Settings = super::SettingsRust;

        /// A change was stored and can be taken back.
        #[qsignal]
        fn stored(self: Pin<&mut Self>);
        /// A change was not stored, and why.
        #[qsignal]
        fn refused(self: Pin<&mut Self>, error: QVariant);

        /// Asks the helper for another value: a code, a switch or a number, by the property's name.
        #[qinvokable]
        #[cxx_name = "choose"]
        fn choose(self: Pin<&mut Self>, name: &QString, code: &QString);
        #[qinvokable]
        #[cxx_name = "turn"]
        fn turn(self: Pin<&mut Self>, name: &QString, on: bool);
        #[qinvokable]
        #[cxx_name = "count"]
        fn count(self: Pin<&mut Self>, name: &QString, number: i32);
        /// Takes the last stored change back.
        #[qinvokable]
        fn undo(self: Pin<&mut Self>);
        #[cxx_name = "setTray"]
        fn set_tray(self: Pin<&mut Self>, tray: bool);
        #[cxx_name = "setReminders"]
        fn set_reminders(self: Pin<&mut Self>, reminders: bool);
    }

    impl cxx_qt::Threading for Settings {}
    impl cxx_qt::Initialize for Settings {}
}

/// The fields behind `Settings`.
#[derive(Default)]
pub struct SettingsRust {
    known: bool,
    storing: bool,
    automation: QString,
    cadence: QString,
    on_battery: bool,
    on_metered: bool,
    clean_up: bool,
    keep_updates: i32,
    space_percent: i32,
    abilities: QVariant,
    tray: bool,
    reminders: bool,
    policy: Policy,
    undo: PolicyChange,
}

/// The switches of kedgerc, by group and key: docs/window.md says what they mean.
const TRAY: (&str, &str) = ("Tray", "Enabled");
const REMINDERS: (&str, &str) = ("Notifications", "Updates");

fn taste((group, key): (&str, &str)) -> bool {
    glue::taste_of(&QString::from(group), &QString::from(key))
}

fn set_taste((group, key): (&str, &str), value: bool) {
    glue::set_taste(&QString::from(group), &QString::from(key), value);
}

impl Initialize for qobject::Settings {
    fn initialize(mut self: Pin<&mut Self>) {
        let mut this = self.as_mut().rust_mut();
        this.abilities = value::nothing();
        (this.tray, this.reminders) = (taste(TRAY), taste(REMINDERS));
        self.as_mut().draw(&Policy::default());
        let qt = self.qt_thread();
        runtime::follow(move |view| {
            let drawn = qt.queue(move |it| {
                if view.link != Link::Connecting {
                    it.apply(&view.state, view.link == Link::Ready);
                }
            });
            drawn.is_ok()
        });
    }
}

impl qobject::Settings {
    fn apply(mut self: Pin<&mut Self>, state: &State, ready: bool) {
        self.as_mut().draw(&state.policy);
        let mut abilities = value::Members::default();
        for capability in Capability::ALL {
            let why = match state.capabilities.absence(*capability) {
                _ if state.capabilities.has(*capability) => "",
                Some(reason) => reason.as_str(),
                None => "unknown",
            };
            value::put(&mut abilities, capability.as_str(), value::text(why));
        }
        publish!(self, abilities, abilities_changed, QVariant::from(&abilities));
        publish!(self, known, known_changed, ready);
    }

    fn draw(mut self: Pin<&mut Self>, policy: &Policy) {
        let number = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
        self.as_mut().rust_mut().policy = *policy;
        publish!(
            self,
            automation,
            automation_changed,
            QString::from(policy.automation.as_str())
        );
        publish!(
            self,
            cadence,
            cadence_changed,
            QString::from(policy.cadence.as_str())
        );
        publish!(self, on_battery, on_battery_changed, policy.on_battery);
        publish!(self, on_metered, on_metered_changed, policy.on_metered);
        publish!(self, clean_up, clean_up_changed, policy.clean_up);
        publish!(
            self,
            keep_updates,
            keep_updates_changed,
            number(policy.keep_updates)
        );
        publish!(
            self,
            space_percent,
            space_percent_changed,
            number(policy.space_percent)
        );
    }

    fn choose(self: Pin<&mut Self>, name: &QString, code: &QString) {
        let (name, code) = (name.to_string(), code.to_string());
        let mut change = PolicyChange::default();
        match name.as_str() {
            "automation" => change.automation = Automation::from_code(&code),
            "cadence" => change.cadence = Cadence::from_code(&code),
            _ => {}
        }
        self.store(change);
    }

    fn turn(self: Pin<&mut Self>, name: &QString, on: bool) {
        let mut change = PolicyChange::default();
        match name.to_string().as_str() {
            "onBattery" => change.on_battery = Some(on),
            "onMetered" => change.on_metered = Some(on),
            "cleanUp" => change.clean_up = Some(on),
            _ => {}
        }
        self.store(change);
    }

    fn count(self: Pin<&mut Self>, name: &QString, number: i32) {
        let number = u32::try_from(number).ok();
        let mut change = PolicyChange::default();
        match name.to_string().as_str() {
            "keepUpdates" => change.keep_updates = number,
            "spacePercent" => change.space_percent = number,
            _ => {}
        }
        self.store(change);
    }

    fn undo(self: Pin<&mut Self>) {
        let change = self.undo;
        self.store(change);
    }

    /// Asks the helper, one change at a time: polkit may ask a person.
    fn store(mut self: Pin<&mut Self>, change: PolicyChange) {
        let before = self.policy;
        let changes = before.changed(&change).is_ok_and(|next| next != before);
        if self.storing || !changes {
            // A control that was moved goes back to what is.
            self.as_mut().redraw();
            return;
        }
        publish!(self, storing, storing_changed, true);
        let qt = self.qt_thread();
        runtime::spawn(async move {
            let answer = runtime::client().configure(&change).await;
            // An error here only means that the window is gone.
            let _ = qt.queue(move |it| it.answered(&before, &change, answer));
        });
    }

    fn answered(
        mut self: Pin<&mut Self>,
        before: &Policy,
        change: &PolicyChange,
        answer: Result<(), client::Error>,
    ) {
        publish!(self, storing, storing_changed, false);
        match answer {
            Ok(()) => {
                let after = before.changed(change).unwrap_or(*before);
                self.as_mut().rust_mut().undo = after.change_to(before);
                self.as_mut().draw(&after);
                self.stored();
            }
            Err(error) => {
                self.as_mut().redraw();
                if error != client::Error::Cancelled {
                    self.refused(value::error(&error));
                }
            }
        }
    }

    /// Tells every value again, for a control that shows what was wished and not what is.
    fn redraw(mut self: Pin<&mut Self>) {
        self.as_mut().automation_changed();
        self.as_mut().cadence_changed();
        self.as_mut().on_battery_changed();
        self.as_mut().on_metered_changed();
        self.as_mut().clean_up_changed();
        self.as_mut().keep_updates_changed();
        self.space_percent_changed();
    }

    fn set_tray(mut self: Pin<&mut Self>, tray: bool) {
        if self.tray != tray {
            set_taste(TRAY, tray);
            publish!(self, tray, tray_changed, tray);
        }
    }

    fn set_reminders(mut self: Pin<&mut Self>, reminders: bool) {
        if self.reminders != reminders {
            set_taste(REMINDERS, reminders);
            publish!(self, reminders, reminders_changed, reminders);
        }
    }
}
