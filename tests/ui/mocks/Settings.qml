// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick

// Stands for the bridge of the same name: what it was asked for is kept in `calls`, and nothing changes by itself.
QtObject {
    id: root

    property bool known: true
    property bool storing: false
    property string automation: "notify"
    property string cadence: "daily"
    property bool onBattery: false
    property bool onMetered: false
    property bool cleanUp: false
    property int keepUpdates: 10
    property int spacePercent: 30
    property var abilities: ({
            "snapshots": "",
            "boot-default": "",
            "boot-once": "no-boot-once",
            "updates": "database-outside",
            "package-changes": ""
        })
    property bool tray: true
    property bool reminders: true

    property var calls: []

    signal stored
    signal refused(error: var)

    function choose(name: string, code: string): void {
        calls = calls.concat([name + " " + code]);
    }

    function turn(name: string, on: bool): void {
        calls = calls.concat([name + " " + on]);
    }

    function count(name: string, number: int): void {
        calls = calls.concat([name + " " + number]);
    }

    function undo(): void {
        calls = calls.concat(["undo"]);
    }
}
