// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import org.kde.kirigami as Kirigami

// The piece of the time axis beside one row: a line, and a node whose shape says where the row stands.
Item {
    id: root

    // One of the positions, empty for a heading, which has no node.
    property string position: ""
    property bool first: false
    property bool last: false

    // On a selected line the highlight color is what lies behind.
    readonly property color strong: Kirigami.Theme.colorSet === Kirigami.Theme.Selection ? Kirigami.Theme.textColor : Kirigami.Theme.focusColor
    readonly property color line: Kirigami.ColorUtils.linearInterpolation(Kirigami.Theme.backgroundColor, Kirigami.Theme.textColor, 0.25)
    readonly property real size: position === "running" ? Kirigami.Units.gridUnit * 0.9 : position === "earlier" ? Kirigami.Units.gridUnit * 0.5 : Kirigami.Units.gridUnit * 0.8

    implicitWidth: Kirigami.Units.gridUnit * 1.5

    Accessible.ignored: true

    Rectangle {
        visible: !root.first
        anchors.horizontalCenter: parent.horizontalCenter
        anchors.top: parent.top
        anchors.bottom: root.position.length > 0 ? node.top : parent.verticalCenter
        width: 2
        color: root.line
    }

    Rectangle {
        visible: !root.last
        anchors.horizontalCenter: parent.horizontalCenter
        anchors.top: root.position.length > 0 ? node.bottom : parent.verticalCenter
        anchors.bottom: parent.bottom
        width: 2
        color: root.line
    }

    Rectangle {
        id: node

        visible: root.position.length > 0
        anchors.centerIn: parent
        width: root.size
        height: root.size
        radius: width / 2
        color: root.position === "running" ? root.strong : root.position === "earlier" ? root.line : "transparent"
        border.width: root.position === "pending" || root.position === "available" ? 2 : 0
        border.color: root.position === "pending" ? root.strong : root.line

        // What waits for the restart is half-way there.
        Rectangle {
            visible: root.position === "pending"
            anchors.centerIn: parent
            width: parent.width / 2 - 1
            height: width
            radius: width / 2
            color: root.strong
        }
    }
}
