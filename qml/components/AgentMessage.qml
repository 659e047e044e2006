// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import org.kde.kirigami as Kirigami
import org.kedge.app

// When to restart, as far as the agent can remember it, or why nothing is done about updates by itself.
Kirigami.InlineMessage {
    id: root

    required property App app
    required property Agent agent
    readonly property bool planned: agent.planned.length > 0 && app.pending > 0
    readonly property bool choice: agent.planned.length === 0 && agent.shutdowns && app.pending > 0
    readonly property var plans: ({
            "tonight": i18nc("@info", "The computer restarts tonight between 3 and 5, if it is on."),
            "next-shutdown": i18nc("@info", "No reminders until the computer is shut down or restarted.")
        })
    readonly property var reasons: ({
            "offline": i18nc("@info", "Automatic checks and updates wait for a network."),
            "metered": i18nc("@info", "Automatic checks and updates wait for a network that is not metered."),
            "on-battery": i18nc("@info", "Automatic checks and updates wait until the battery is being charged."),
            "saves-power": i18nc("@info", "Automatic checks and updates wait until power saving is over.")
        })

    signal settingsAsked

    position: Kirigami.InlineMessage.Position.Header
    visible: text.length > 0
    text: choice ? i18nc("@info", "The restart can wait for a better moment.") : (planned ? plans[agent.planned] : reasons[agent.waits]) ?? ""
    Accessible.name: text

    actions: [
        Kirigami.Action {
            visible: root.choice && root.agent.nights
            text: i18nc("@action restart later", "Tonight")
            icon.name: "clock-symbolic"
            onTriggered: root.agent.plan("tonight")
        },
        Kirigami.Action {
            visible: root.choice
            text: i18nc("@action restart later", "With the Next Shutdown")
            icon.name: "system-shutdown-symbolic"
            onTriggered: root.agent.plan("next-shutdown")
        },
        Kirigami.Action {
            visible: root.planned
            text: root.agent.planned === "tonight" ? i18nc("@action:inmenu", "Do Not Restart Tonight") : i18nc("@action:inmenu", "Remind of the Restart Again")
            icon.name: "edit-undo-symbolic"
            onTriggered: root.agent.plan("")
        },
        Kirigami.Action {
            visible: !root.planned && !root.choice
            text: i18nc("@action:button a page", "Settings")
            icon.name: "settings-configure-symbolic"
            onTriggered: root.settingsAsked()
        }
    ]
}
