// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick

// Stands for the bridge of the same name: plain lines, and what was asked.
ListModel {
    id: root

    property int from: 0
    property int to: 0
    property string fold: "directories"
    property string filter: ""
    property bool loading: false
    property var error: ({})
    property int created: 0
    property int deleted: 0
    property int changed: 0
    property int renamed: 0
    property int hidden: 0
    property int leftOut: 0
    property bool full: false
    property var calls: []

    function line(members: var): void {
        append(Object.assign({
            "kind": "file",
            "name": "issue",
            "address": "/etc/issue",
            "depth": 0,
            "open": false,
            "change": "changed",
            "file": "regular",
            "aspects": "",
            "before": "",
            "addressBefore": "",
            "below": 0,
            "rest": 0
        }, members));
    }

    function compare(from: int, to: int): void {
        root.from = from;
        root.to = to;
        calls = calls.concat(["compare " + from + " " + to]);
    }

    function showHidden(): void {
        calls = calls.concat(["showHidden"]);
    }

    function reload(): void {
        calls = calls.concat(["reload"]);
    }

    function toggle(row: int): void {
        calls = calls.concat(["toggle " + row]);
    }
}
