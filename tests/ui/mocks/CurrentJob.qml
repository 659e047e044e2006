// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick

// Stands for the bridge of the same name: the log is a plain list of `line`.
ListModel {
    property int number: 0
    property string kind: ""
    property bool running: false
    property bool cancellable: true
    property string phase: "prepare"
    property int permille: -1
    property int item: 0
    property int items: 0
    property string subject: ""
    property double started: 0
    property string ending: ""
    property var failure: ({})
    property int lines: count
    property bool reading: false

    function text(): string {
        return "";
    }
}
