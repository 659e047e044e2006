// SPDX-License-Identifier: GPL-3.0-or-later
pragma ComponentBehavior: Bound

import QtQuick
import QtQuick.Controls as QQC2
import QtQuick.Layouts
import org.kde.kirigami as Kirigami
import org.kedge.app

// What can be done with one line of the timeline, one click away.
RowLayout {
    id: root

    required property int number
    required property string position
    required property string rollbackRefusal
    required property bool narrow
    readonly property bool available: position === "available"
    readonly property bool hovered: hover.hovered

    signal menuAsked(item: Item)
    signal rollBackAsked
    signal updateAsked
    signal restartAsked
    signal undoAsked

    spacing: 0

    HoverHandler {
        id: hover
    }

    Loader {
        active: root.available || root.position === "pending"
        visible: active
        sourceComponent: QQC2.ToolButton {
            text: root.available ? i18nc("@action:button", "Install") : i18nc("@action:button", "Restart Now")
            icon.name: root.available ? "install-symbolic" : "system-reboot-symbolic"
            display: root.narrow ? QQC2.AbstractButton.IconOnly : QQC2.AbstractButton.TextBesideIcon
            QQC2.ToolTip.text: text
            QQC2.ToolTip.visible: hovered && display === QQC2.AbstractButton.IconOnly
            onClicked: root.available ? root.updateAsked() : root.restartAsked()
        }
    }

    Loader {
        active: root.position === "pending"
        visible: active
        sourceComponent: QQC2.ToolButton {
            text: i18nc("@action:button", "Undo")
            icon.name: "edit-undo-symbolic"
            display: root.narrow ? QQC2.AbstractButton.IconOnly : QQC2.AbstractButton.TextBesideIcon
            QQC2.ToolTip.text: text
            QQC2.ToolTip.visible: hovered && display === QQC2.AbstractButton.IconOnly
            onClicked: root.undoAsked()
        }
    }

    Loader {
        active: root.position === "earlier"
        visible: active
        sourceComponent: QQC2.ToolButton {
            readonly property bool refused: root.rollbackRefusal.length > 0

            text: i18nc("@action:button", "Roll Back")
            icon.name: "document-revert-symbolic"
            display: QQC2.AbstractButton.IconOnly
            // Not disabled, so that hovering and focusing it tells why not.
            opacity: refused ? 0.4 : 1
            Accessible.name: i18nc("@action:button", "Roll Back to #%1", String(root.number))
            Accessible.description: Failures.reason(root.rollbackRefusal)
            QQC2.ToolTip.text: refused ? i18nc("@info:tooltip an action and why it is not possible", "%1: %2", text, Failures.reason(root.rollbackRefusal)) : Accessible.name
            QQC2.ToolTip.visible: hovered || visualFocus
            onClicked: {
                if (!refused) {
                    root.rollBackAsked();
                }
            }
        }
    }

    QQC2.ToolButton {
        id: menu

        visible: !root.available
        text: i18nc("@action:button", "More Actions")
        icon.name: "overflow-menu-symbolic"
        display: QQC2.AbstractButton.IconOnly
        Accessible.name: i18nc("@action:button", "More actions for #%1", String(root.number))
        QQC2.ToolTip.text: text
        QQC2.ToolTip.visible: hovered
        onClicked: root.menuAsked(menu)
    }
}
