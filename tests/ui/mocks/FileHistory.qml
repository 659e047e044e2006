// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick

// Stands for the bridge of the same name: plain versions.
ListModel {
    id: root

    property string address: "/etc/issue"
    property string path: "/etc/issue"
    property string name: "issue"
    property bool loading: false
    property var error: ({})
    property var present: ({})
    property int suggested: 0
    property int revision: 0
    property var calls: []

    function line(members: var): void {
        append(Object.assign({
            "snapshot": 34,
            "oldest": 34,
            "snapshots": 1,
            "version": 1,
            "running": false,
            "same": false,
            "file": "regular",
            "size": 1024,
            "modified": Date.now() - 86400000,
            "owner": "Anna",
            "mode": "rw-r--r--"
        }, members));
        if (members.running === true) {
            present = Object.assign({}, get(count - 1));
        }
        revision++;
    }

    function open(address: string): void {
        calls = calls.concat(["open " + address]);
    }

    function shown(address: string): string {
        return address;
    }

    function reload(): void {
        calls = calls.concat(["reload"]);
    }

    function find(snapshot: int): var {
        for (let row = 0; row < count; row++) {
            if (get(row).snapshot >= snapshot && get(row).oldest <= snapshot) {
                return get(row);
            }
        }
        return {};
    }
}
