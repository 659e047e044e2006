// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick

// Stands for the bridge of the same name: plain entries.
ListModel {
    property bool loading: false
    property var error: ({})

    function read(which: string, from: int, to: int): void {
    }
}
