// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Controls as QQC2
import org.kde.kirigamiaddons.formcard as FormCard
import org.kedge.app

// What runs, what starts next where that is something else, and the way back.
FormCard.FormCard {
    id: root

    required property App app
    readonly property int tick: app.tick

    signal opened(number: int)
    signal rollBackAsked(number: int)
    signal timelineAsked

    function title(version: var): string {
        return i18nc("@label a snapshot's number and description", "#%1 · %2", String(version.number), Wording.snapshotTitle(version.description));
    }

    FormCard.FormButtonDelegate {
        icon.name: "media-playback-start-symbolic"
        text: root.app.booted > 0 ? root.title(root.app.running) : i18nc("@label", "The running system is not one of the kept versions")
        description: root.tick, root.app.booted > 0 ? i18nc("@info when the running version was made", "Running now · made %1", Wording.ago(root.app.running.time)) : i18nc("@info", "Running now")
        enabled: root.app.booted > 0
        onClicked: root.opened(root.app.booted)
    }

    FormCard.FormDelegateSeparator {
        visible: root.app.pending > 0
    }

    FormCard.FormButtonDelegate {
        visible: root.app.pending > 0
        icon.name: "system-reboot-symbolic"
        text: root.title(root.app.next)
        description: i18nc("@info", "Starts with the next restart")
        onClicked: root.opened(root.app.pending)
    }

    FormCard.FormDelegateSeparator {}

    FormCard.FormButtonDelegate {
        visible: root.app.previous.number > 0 && root.app.pending === 0
        icon.name: "document-revert-symbolic"
        text: i18nc("@action:button", "Go Back to #%1…", String(root.app.previous.number))
        description: root.tick, i18nc("@info", "If something stopped working: the version before this one, made %1", Wording.ago(root.app.previous.time))
        onClicked: root.rollBackAsked(root.app.previous.number)
    }

    FormCard.FormDelegateSeparator {
        visible: root.app.previous.number > 0 && root.app.pending === 0
    }

    FormCard.FormButtonDelegate {
        icon.name: "view-history-symbolic"
        text: i18ncp("@action:button", "Show %1 Version", "Show All %1 Versions", root.app.snapshots)
        onClicked: root.timelineAsked()
    }
}
