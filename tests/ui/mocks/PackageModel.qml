// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick

// Stands for the bridge of the same name: a plain list.
ListModel {
    property string source: ""
    property int snapshot: 0
    property int base: 0
    property int against: 0
    property bool loading: false
    property var error: ({})
    property int added: 0
    property int removed: 0
    property int upgraded: count
    property int downgraded: 0
    property int security: 0
    property int securityLost: 0
    property double downloadSize: 0
    property list<string> concerns: []
    property var kernel: ({})

    function reload(): void {
    }

    // One package with what most have, and what is said otherwise.
    function line(members: var): void {
        append(Object.assign({
            "name": "bash",
            "arch": "x86_64",
            "change": "upgraded",
            "oldVersion": "5.2",
            "newVersion": "5.3",
            "size": 0,
            "origin": "",
            "security": false,
            "group": "changed"
        }, members));
    }
}
