// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick

// Stands for the bridge of the same name: a plain list, and the text that was copied.
ListModel {
    id: root

    property bool loading: false
    property var error: ({})
    property int revision: 0
    property string log: ""
    property string copied: ""
    property int reloads: 0

    signal fetched(job: int, log: string, error: var)

    // One job with what most have, and what is said otherwise. A list keeps no nested values, so they stand beside it.
    property var failures: ({})

    function line(members: var): void {
        const all = Object.assign({
            "number": 1,
            "kind": "update",
            "ending": "done",
            "machine": "new-system",
            "snapshot": 41,
            "target": 0,
            "started": Date.now() - 600000,
            "finished": Date.now() - 300000,
            "user": "Anna",
            "section": "today"
        }, members);
        failures[all.number] = all.failure ?? {};
        delete all.failure;
        append(all);
        revision++;
    }

    function find(job: int): var {
        for (let row = 0; row < count; row++) {
            if (get(row).number === job) {
                return Object.assign({
                    "failure": failures[job]
                }, get(row));
            }
        }
        return {};
    }

    function fetchLog(job: int): void {
        fetched(job, log, {});
    }

    function copy(text: string): void {
        copied = text;
    }

    function reload(): void {
        reloads++;
    }
}
