// SPDX-License-Identifier: GPL-3.0-or-later
pragma ComponentBehavior: Bound

import QtQuick
import QtQuick.Controls as QQC2
import QtQuick.Layouts
import org.kde.kirigami as Kirigami
import org.kedge.app

// What the rules of keeping old versions would delete now.
Kirigami.ScrollablePage {
    id: root

    required property App app
    required property CleanUp plan

    readonly property bool failed: plan.error.type !== undefined

    title: i18nc("@title:window", "What Would Be Deleted")

    Component.onCompleted: plan.reload()

    actions: [
        Kirigami.Action {
            text: i18nc("@action:button", "Delete Them Now")
            icon.name: "edit-delete-symbolic"
            enabled: view.count > 0 && root.app.createRefusal.length === 0
            tooltip: Failures.reason(root.app.createRefusal)
            onTriggered: root.app.cleanUp()
        }
    ]

    header: LinkMessage {
        app: root.app
    }

    // What was deleted is gone from the list, too.
    Connections {
        target: root.app

        function onSnapshotsChanged(): void {
            root.plan.reload();
        }
    }

    ListView {
        id: view

        model: root.plan
        currentIndex: -1
        activeFocusOnTab: true
        keyNavigationEnabled: true
        Accessible.role: Accessible.List
        Accessible.name: root.title

        header: ColumnLayout {
            width: view.width

            QQC2.Label {
                Layout.fillWidth: true
                Layout.margins: Kirigami.Units.largeSpacing
                visible: root.plan.keeper.length > 0
                text: Wording.keeper(root.plan.keeper)
                wrapMode: Text.Wrap
            }
        }

        delegate: DoomedDelegate {
            tick: root.app.tick
        }

        Kirigami.LoadingPlaceholder {
            anchors.centerIn: parent
            visible: root.plan.loading && view.count === 0
            text: i18nc("@info:progress", "Reading what snapshots hold. The first time this takes minutes.")
        }

        Kirigami.PlaceholderMessage {
            anchors.centerIn: parent
            width: parent.width - Kirigami.Units.gridUnit * 4
            visible: !root.plan.loading && view.count === 0
            icon.name: root.failed ? "emblem-important-symbolic" : "checkmark-symbolic" // qmllint disable unresolved-type missing-property
            text: root.failed ? i18nc("@info:placeholder", "The disk could not be read") : i18nc("@info:placeholder", "There is nothing to delete")
            explanation: root.failed ? Failures.sentence(root.plan.error) : ""
            helpfulAction: Kirigami.Action {
                enabled: root.failed
                text: i18nc("@action:button", "Try Again")
                icon.name: "view-refresh-symbolic"
                onTriggered: root.plan.reload()
            }
        }
    }
}
