// SPDX-License-Identifier: GPL-3.0-or-later
pragma ComponentBehavior: Bound

import QtQuick
import QtQuick.Controls as QQC2
import QtQuick.Layouts
import org.kde.kirigami as Kirigami
import org.kedge.app

// How full the disk is, and making room: choose how much, see what would go, agree, watch it become free.
Kirigami.ScrollablePage {
    id: root

    required property App app
    required property Room room
    required property CurrentJob job

    readonly property bool failed: room.error.type !== undefined

    title: i18nc("@title:window", "Make Room")

    Component.onCompleted: room.look()
    Component.onDestruction: room.forget()

    header: LinkMessage {
        app: root.app
    }

    ListView {
        id: view

        model: root.room
        currentIndex: -1
        activeFocusOnTab: true
        keyNavigationEnabled: true
        highlightMoveDuration: 0
        Accessible.role: Accessible.List
        Accessible.name: i18nc("@title:group", "Snapshots That Would Be Deleted")

        header: ColumnLayout {
            width: view.width
            spacing: Kirigami.Units.largeSpacing

            SpaceBar {
                Layout.fillWidth: true
                Layout.margins: Kirigami.Units.largeSpacing
                visible: root.room.size > 0
                size: root.room.size
                used: root.room.used
                free: root.room.free
            }

            RowLayout {
                Layout.fillWidth: true
                Layout.leftMargin: Kirigami.Units.largeSpacing
                Layout.rightMargin: Kirigami.Units.largeSpacing
                visible: !root.room.working
                spacing: Kirigami.Units.smallSpacing

                QQC2.Label {
                    Layout.fillWidth: true
                    text: i18nc("@label:spinbox", "Room to make, in GiB")
                    wrapMode: Text.Wrap
                }

                QQC2.SpinBox {
                    id: wish

                    from: 1
                    to: 100000
                    value: 5
                    editable: true
                    focus: true
                    Keys.onReturnPressed: look.enabled ? look.clicked() : undefined
                    Keys.onEnterPressed: look.enabled ? look.clicked() : undefined
                    Accessible.name: i18nc("@label:spinbox", "Room to make, in GiB")
                    onValueModified: root.room.forget()
                }

                QQC2.Button {
                    id: look

                    text: i18nc("@action:button", "Look What Could Go")
                    icon.name: "search-symbolic"
                    enabled: root.room.refusal.length === 0 && !root.room.loading
                    Accessible.description: Failures.reason(root.room.refusal)
                    onClicked: root.room.plan(wish.value * 1073741824)
                }
            }

            QQC2.Label {
                Layout.fillWidth: true
                Layout.leftMargin: Kirigami.Units.largeSpacing
                Layout.rightMargin: Kirigami.Units.largeSpacing
                visible: !root.room.working && root.room.refusal.length > 0
                text: i18nc("@info a reason as a sentence", "%1.", Failures.reason(root.room.refusal))
                wrapMode: Text.Wrap
            }

            RowLayout {
                Layout.fillWidth: true
                Layout.leftMargin: Kirigami.Units.largeSpacing
                Layout.rightMargin: Kirigami.Units.largeSpacing
                visible: root.room.loading

                QQC2.Label {
                    Layout.fillWidth: true
                    text: i18nc("@info:progress", "Reading what snapshots hold. The first time this takes minutes.")
                    wrapMode: Text.Wrap
                }

                QQC2.Button {
                    text: i18nc("@action:button", "Cancel")
                    icon.name: "dialog-cancel-symbolic"
                    onClicked: root.room.forget()
                }
            }

            ColumnLayout {
                Layout.fillWidth: true
                Layout.margins: Kirigami.Units.largeSpacing
                visible: root.room.working

                Kirigami.Heading {
                    Layout.fillWidth: true
                    level: 2
                    text: i18nc("@info:status", "Making room")
                }

                JobProgress {
                    Layout.fillWidth: true
                    job: root.job
                }
            }

            ColumnLayout {
                Layout.fillWidth: true
                Layout.leftMargin: Kirigami.Units.largeSpacing
                Layout.rightMargin: Kirigami.Units.largeSpacing
                visible: root.room.planned && view.count > 0
                spacing: Kirigami.Units.smallSpacing

                Kirigami.Heading {
                    Layout.fillWidth: true
                    level: 2
                    text: Wording.freed(view.count, root.room.data, root.room.metadata)
                    wrapMode: Text.Wrap
                }

                QQC2.Label {
                    Layout.fillWidth: true
                    visible: !root.room.enough
                    text: i18nc("@info", "That is less than was asked for. The others run, start next, wait for the restart, or are pinned or important.")
                    wrapMode: Text.Wrap
                }

                QQC2.Button {
                    text: i18ncp("@action:button", "Delete %1 Snapshot", "Delete %1 Snapshots", view.count)
                    icon.name: "edit-delete-symbolic"
                    enabled: root.room.refusal.length === 0
                    onClicked: root.app.makeRoom(root.room.numbers)
                }
            }
        }

        delegate: DoomedDelegate {
            tick: root.app.tick
        }

        Kirigami.PlaceholderMessage {
            anchors.centerIn: parent
            anchors.verticalCenterOffset: (view.headerItem?.height ?? 0) / 2
            width: parent.width - Kirigami.Units.gridUnit * 4
            visible: root.failed || (root.room.planned && view.count === 0)
            icon.name: root.failed ? "emblem-important-symbolic" : "checkmark-symbolic" // qmllint disable unresolved-type missing-property
            text: root.failed ? i18nc("@info:placeholder", "The disk could not be read") : i18nc("@info:placeholder", "No snapshot may be deleted")
            explanation: root.failed ? Failures.sentence(root.room.error) : i18nc("@info", "Those that are left run, start next, wait for the restart, or are pinned or important.")
        }
    }
}
