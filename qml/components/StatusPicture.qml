// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import org.kde.kirigami as Kirigami
import org.kedge.app

// The picture of a status, the same wherever the status is told: a shape, and a colour beside it.
Rectangle {
    id: root

    required property string code

    readonly property color tint: {
        switch (code) {
        case "failed":
        case "could-not-check":
            return Kirigami.Theme.negativeTextColor;
        case "stale":
            return Kirigami.Theme.neutralTextColor;
        case "up-to-date":
            return Kirigami.Theme.positiveTextColor;
        default:
            // Not the highlight color, which fades while the window is not in front.
            return Kirigami.Theme.focusColor;
        }
    }

    implicitWidth: Kirigami.Units.gridUnit * 5
    implicitHeight: implicitWidth
    radius: width / 2
    color: Qt.alpha(tint, 0.14)
    Accessible.ignored: true

    Kirigami.Icon {
        anchors.centerIn: parent
        width: Kirigami.Units.iconSizes.large
        height: width
        source: Wording.statusIcon(root.code)
        isMask: true
        color: root.tint
    }
}
