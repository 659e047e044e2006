// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick

// Stands for the bridge of the same name: plain lines.
ListModel {
    property int from: 34
    property int to: 38
    property bool loading: false
    property var error: ({})
    property string result: ""
    property var calls: []

    function compare(before: string, from: int, after: string, to: int): void {
        calls = calls.concat(["compare " + before + " " + from + " " + after + " " + to]);
    }

    function reload(): void {
        calls = calls.concat(["reload"]);
    }

    function clear(): void {
    }
}
