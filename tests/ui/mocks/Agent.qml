// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick

// Stands for the bridge of the same name: what it was asked for is kept in `calls`, and nothing changes by itself.
QtObject {
    property string planned: ""
    property string waits: ""
    property bool shutdowns: true
    property bool nights: true

    property var calls: []

    function plan(when: string): void {
        calls = calls.concat(["plan " + when]);
    }
}
