// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Controls as QQC2
import QtQuick.Layouts
import org.kde.kirigami as Kirigami
import org.kedge.app

// One line of a text that differs: in both versions, gone, or new.
QQC2.Control {
    id: root

    required property string side
    required property string line
    required property int place

    readonly property bool gone: side === "before"
    readonly property color tint: gone ? Kirigami.Theme.negativeTextColor : Kirigami.Theme.positiveTextColor

    width: ListView.view.width
    leftPadding: Kirigami.Units.largeSpacing
    rightPadding: Kirigami.Units.largeSpacing
    Accessible.role: Accessible.ListItem
    Accessible.name: side === "gap" ? i18nc("@info lines that are the same are left out", "Lines left out") : side === "both" ? line : gone ? i18nc("@label read aloud: a line that is gone", "Gone: %1", line) : i18nc("@label read aloud: a line that is new", "New: %1", line)

    background: Rectangle {
        visible: root.side !== "both"
        color: root.side === "gap" ? Qt.alpha(Kirigami.Theme.textColor, 0.05) : Qt.alpha(root.tint, 0.12)
    }

    contentItem: RowLayout {
        // Code is written from left to right everywhere.
        LayoutMirroring.enabled: false
        LayoutMirroring.childrenInherit: true
        spacing: Kirigami.Units.largeSpacing

        QQC2.Label {
            Layout.preferredWidth: Kirigami.Units.gridUnit * 2.5
            text: root.side === "gap" ? "⋯" : String(root.place)
            font: Kirigami.Theme.smallFont
            opacity: 0.6
            horizontalAlignment: Text.AlignRight
            Accessible.ignored: true
        }

        QQC2.Label {
            text: root.side === "before" ? "−" : root.side === "after" ? "+" : " "
            font.family: "monospace"
            color: root.tint
            Accessible.ignored: true
        }

        QQC2.Label {
            Layout.fillWidth: true
            text: root.line
            textFormat: Text.PlainText
            font.family: "monospace"
            wrapMode: Text.WrapAnywhere
            horizontalAlignment: Text.AlignLeft
            Accessible.ignored: true
        }
    }
}
