// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick

// Stands for the bridge of the same name: what it was asked to do is kept in `calls`.
QtObject {
    id: root

    property string link: "ready"
    property string linkDetail: ""
    property var status: ({
            "code": "up-to-date",
            "action": "check",
            "succeeded": Date.now() - 300000
        })
    property int booted: 38
    property var running: ({
            "number": 38,
            "description": "Update of #34",
            "time": Date.now() - 2 * 86400000
        })
    property var next: running
    property var previous: ({
            "number": 34,
            "description": "Update of #31",
            "time": Date.now() - 5 * 86400000
        })
    property int pending: 0
    property int snapshots: 25
    property double checked: Date.now() - 300000
    property string checkRefusal: ""
    property string updateRefusal: ""
    property string createRefusal: ""
    property string discardRefusal: ""
    property bool discarding: false
    property int tick: 0
    property string firstPage: ""
    property string firstFile: ""

    property var calls: []

    signal browsed(address: string)
    signal refused(what: string, error: var)
    signal ended(kind: string, ending: string, snapshot: int, failure: var)

    function called(what: string): void {
        calls = calls.concat([what]);
    }

    function check(): void {
        called("check");
    }

    function update(): void {
        called("update");
    }

    function discard(): void {
        called("discard");
    }

    function keep(): void {
        called("keep");
    }

    function cancel(job: int): void {
        called("cancel " + job);
    }

    function answer(job: int, question: int, choice: int): void {
        called("answer " + job + " " + question + " " + choice);
    }

    function restart(): void {
        called("restart");
    }

    function dismiss(): void {
        called("dismiss");
    }

    function rollBack(snapshot: int, restart: bool): void {
        called("rollBack " + snapshot + (restart ? " restart" : " later"));
    }

    function create(description: string, pinned: bool): void {
        called("create " + description + (pinned ? " pinned" : ""));
    }

    function describe(snapshot: int, description: string): void {
        called("describe " + snapshot + " " + description);
    }

    function restore(snapshot: int, address: string, replace: bool): void {
        called("restore " + snapshot + " " + address + (replace ? " replace" : " beside"));
    }

    function browse(snapshot: int): void {
        called("browse " + snapshot);
    }

    function makeRoom(snapshots: list<int>): void {
        called("makeRoom " + snapshots.join(" "));
    }

    function cleanUp(): void {
        called("cleanUp");
    }

    function pin(snapshot: int, pinned: bool): void {
        called((pinned ? "pin " : "unpin ") + snapshot);
    }
}
