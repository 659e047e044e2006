// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick

// Stands for the bridge of the same name: a plain proposal, and what was asked.
ListModel {
    id: root

    property double size: 107374182400
    property double used: 75161927680
    property double free: 32212254720
    property list<int> numbers: []
    property double data: 0
    property double metadata: 0
    property bool planned: false
    property bool enough: true
    property bool loading: false
    property bool working: false
    property var error: ({})
    property string refusal: ""
    property var calls: []

    function line(members: var): void {
        append(Object.assign({
            "number": 12,
            "description": "",
            "time": Date.now() - 30 * 86400000,
            "reason": ""
        }, members));
    }

    function look(): void {
    }

    function plan(bytes: double): void {
        calls = calls.concat(["plan " + bytes]);
    }

    function forget(): void {
        calls = calls.concat(["forget"]);
    }
}
