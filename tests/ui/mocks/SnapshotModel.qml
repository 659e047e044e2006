// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick

// Stands for the bridge of the same name: a plain list.
ListModel {
    id: root

    property string filter: ""
    property int total: count
    property int deleting: 0
    property int revision: 0
    property var calls: []

    signal refused(error: var)

    // One line with what a complete snapshot has, and what is said otherwise.
    function line(members: var): void {
        append(Object.assign({
            "number": 1,
            "position": "earlier",
            "section": "today",
            "description": "",
            "time": 1772436600000,
            "kind": "single",
            "isDefault": false,
            "pinned": false,
            "inProgress": false,
            "damaged": false,
            "cleanup": "number",
            "previous": 0,
            "packages": 0,
            "security": 0,
            "rollbackRefusal": "",
            "changes": "",
            "deleteRefusal": "",
            "editRefusal": ""
        }, members));
    }

    function deleteLater(snapshot: int): void {
        calls = calls.concat(["deleteLater " + snapshot]);
    }

    function undoDelete(): void {
        calls = calls.concat(["undoDelete"]);
    }

    // All members of one line.
    function find(snapshot: int): var {
        for (let row = 0; row < count; row++) {
            if (get(row).number === snapshot) {
                // As the real one it gives what it is now, which stays when the line is gone.
                return Object.assign({}, get(row));
            }
        }
        return {};
    }
}
