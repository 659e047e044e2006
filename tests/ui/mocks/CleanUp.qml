// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick

// Stands for the bridge of the same name: a plain list.
ListModel {
    property string keeper: "kedge"
    property bool loading: false
    property var error: ({})
    property int reloads: 0

    function line(members: var): void {
        append(Object.assign({
            "number": 12,
            "description": "",
            "time": Date.now() - 30 * 86400000,
            "reason": "number"
        }, members));
    }

    function reload(): void {
        reloads++;
    }
}
