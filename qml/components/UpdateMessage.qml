// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import org.kde.kirigami as Kirigami
import org.kedge.app

// What became of the last update or rollback, where that still matters.
Kirigami.InlineMessage {
    id: root

    required property App app
    readonly property var status: app.status
    readonly property bool failed: status.code === "failed" || status.code === "could-not-check"

    signal detailsAsked

    position: Kirigami.InlineMessage.Position.Header
    visible: failed || status.code === "update-pending" || status.code === "rollback-pending"
    type: failed ? (status.code === "failed" ? Kirigami.MessageType.Error : Kirigami.MessageType.Warning) : Kirigami.MessageType.Information
    text: i18nc("@info a sentence without a full stop, and its explanation", "%1. %2", Wording.status(status), Wording.explanation(status))
    Accessible.name: text

    actions: [
        Kirigami.Action {
            visible: !root.failed
            text: i18nc("@action:button", "Restart Now")
            icon.name: "system-reboot-symbolic"
            onTriggered: root.app.restart()
        },
        Kirigami.Action {
            visible: !root.failed
            text: i18nc("@action:button", "Undo")
            icon.name: "edit-undo-symbolic"
            enabled: root.app.discardRefusal.length === 0 && !root.app.discarding
            tooltip: Failures.reason(root.app.discardRefusal)
            onTriggered: root.app.discard()
        },
        Kirigami.Action {
            visible: root.failed
            text: i18nc("@action:button", "Show Details")
            icon.name: "documentinfo-symbolic"
            onTriggered: root.detailsAsked()
        },
        Kirigami.Action {
            visible: root.status.code === "failed"
            text: i18nc("@action:button", "Dismiss")
            icon.name: "dialog-close-symbolic"
            onTriggered: root.app.dismiss()
        }
    ]
}
