// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import org.kde.kirigami as Kirigami
import org.kedge.app

// What is about to be discarded can be kept for a few seconds.
Kirigami.InlineMessage {
    id: root

    required property App app

    position: Kirigami.InlineMessage.Position.Header
    visible: app.discarding
    text: i18nc("@info", "What waits for the restart will be deleted in a few seconds.")
    Accessible.name: text

    actions: Kirigami.Action {
        text: i18nc("@action:button", "Keep It")
        icon.name: "edit-undo-symbolic"
        shortcut: StandardKey.Undo
        enabled: root.app.discarding
        onTriggered: root.app.keep()
    }
}
