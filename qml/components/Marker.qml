// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Controls as QQC2
import QtQuick.Layouts
import org.kde.kirigami as Kirigami

// A small label with an icon that says what a snapshot is: a word and a shape, never colour alone.
QQC2.Control {
    id: root

    required property string text
    required property string iconName
    property color tint: Kirigami.Theme.textColor
    property bool iconOnly: false
    // On a selected line the tints would be lost in its color.
    readonly property color ink: Kirigami.Theme.colorSet === Kirigami.Theme.Selection ? Kirigami.Theme.textColor : tint

    padding: Kirigami.Units.smallSpacing / 2
    leftPadding: Kirigami.Units.smallSpacing * (iconOnly ? 0.5 : 1.5)
    rightPadding: leftPadding

    QQC2.ToolTip.text: text
    QQC2.ToolTip.visible: iconOnly && hover.hovered
    QQC2.ToolTip.delay: Kirigami.Units.toolTipDelay

    Accessible.role: Accessible.StaticText
    Accessible.name: text

    background: Rectangle {
        visible: !root.iconOnly
        radius: Kirigami.Units.cornerRadius
        color: Qt.alpha(root.ink, 0.12)
        border.color: Qt.alpha(root.ink, 0.35)
    }

    contentItem: RowLayout {
        spacing: Kirigami.Units.smallSpacing

        Kirigami.Icon {
            Layout.preferredWidth: Kirigami.Units.iconSizes.small
            Layout.preferredHeight: Kirigami.Units.iconSizes.small
            source: root.iconName
            isMask: true
            color: root.ink
        }

        QQC2.Label {
            visible: !root.iconOnly
            text: root.text
            font: Kirigami.Theme.smallFont
            Accessible.ignored: true
        }
    }

    HoverHandler {
        id: hover
    }
}
