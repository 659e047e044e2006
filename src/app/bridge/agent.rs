// SPDX-License-Identifier: GPL-3.0-or-later
//! `Agent`: what the session's agent has in mind, and the choice of a time to restart.

use super::publish;
use crate::runtime;
use client::{AgentView, Bus};
use core::pin::Pin;
use cxx_qt::{CxxQtType, Initialize, Threading};
use cxx_qt_lib::QString;
use model::{RestartWhen, Wait};

#[cxx_qt::bridge]
pub(crate) mod qobject {
    unsafe extern "C++" {
        include!("cxx-qt-lib/qstring.h");
        type QString = cxx_qt_lib::QString;
    }

    extern "RustQt" {
        #[qobject]
        #[qml_element]
        #[qproperty(QString, planned, READ, NOTIFY)]
        #[qproperty(QString, waits, READ, NOTIFY)]
        #[qproperty(bool, shutdowns, READ, NOTIFY)]
        #[qproperty(bool, nights, READ, NOTIFY)]
        type Agent = super::AgentRust;

        /// Agrees to a restart at this time (`tonight`, `next-shutdown`), or takes that back (nothing).
        #[qinvokable]
        fn plan(self: Pin<&mut Self>, when: &QString);
    }

    impl cxx_qt::Threading for Agent {}
    impl cxx_qt::Initialize for Agent {}
}

/// The fields behind `Agent`.
#[derive(Default)]
pub struct AgentRust {
    planned: QString,
    waits: QString,
    shutdowns: bool,
    nights: bool,
}

impl Initialize for qobject::Agent {
    fn initialize(self: Pin<&mut Self>) {
        // The agent speaks of this machine, and the window may show another one.
        if *runtime::client().bus() != Bus::System {
            return;
        }
        let qt = self.qt_thread();
        runtime::spawn(async move {
            let tell = |view: AgentView| qt.queue(move |it| it.apply(&view)).is_ok();
            if let Err(error) = client::follow_agent(tell).await {
                tracing::info!(%error, "the agent cannot be asked");
            }
        });
    }
}

impl qobject::Agent {
    fn apply(mut self: Pin<&mut Self>, view: &AgentView) {
        let planned = view.planned.map_or("", RestartWhen::as_str);
        let waits = view.waits.map_or("", Wait::as_str);
        publish!(self, planned, planned_changed, QString::from(planned));
        publish!(self, waits, waits_changed, QString::from(waits));
        let possible = |when| view.times.contains(&when);
        publish!(self, nights, nights_changed, possible(RestartWhen::Tonight));
        publish!(
            self,
            shutdowns,
            shutdowns_changed,
            possible(RestartWhen::NextShutdown)
        );
    }

    fn plan(self: Pin<&mut Self>, when: &QString) {
        let when = RestartWhen::from_code(&when.to_string());
        runtime::spawn(async move {
            // What became of it shows in what the agent says.
            if let Err(error) = client::plan_restart(when).await {
                tracing::warn!(%error, "the agent does not remember the restart");
            }
        });
    }
}
