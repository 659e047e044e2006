// SPDX-License-Identifier: GPL-3.0-or-later
pragma ComponentBehavior: Bound

import QtQuick
import QtQuick.Controls as QQC2
import QtQuick.Layouts
import org.kde.kirigami as Kirigami
import org.kedge.app

// One file: the version of a snapshot beside the present one, getting it back, and all its versions.
Kirigami.ScrollablePage {
    id: root

    required property App app
    required property FileHistory history
    // The snapshot that is looked at first; zero for the newest one that differs.
    property int snapshot: 0
    // Where it was moved to, and in which version; empty when it was not.
    property string movedTo: ""
    property int movedIn: 0

    signal compared(from: int, address: string, to: int)

    readonly property int chosen: snapshot > 0 ? snapshot : history.suggested
    readonly property var then: (history.revision, history.find(chosen))
    readonly property bool failed: history.error.type !== undefined
    readonly property string refusal: then.snapshot === undefined ? "no-such-file" : app.createRefusal

    title: history.name

    actions: [
        Kirigami.Action {
            text: i18nc("@action:button", "Show Differences…")
            icon.name: "vcs-diff-symbolic"
            shortcut: "Ctrl+Shift+D"
            enabled: root.then.snapshot !== undefined
            onTriggered: root.movedTo.length > 0 ? root.compared(root.chosen, root.movedTo, root.movedIn) : root.compared(root.chosen, root.history.address, root.app.booted)
        }
    ]

    header: LinkMessage {
        app: root.app
    }

    ListView {
        id: view

        model: root.history
        currentIndex: -1
        activeFocusOnTab: true
        keyNavigationEnabled: true
        highlightMoveDuration: 0
        Accessible.role: Accessible.List
        Accessible.name: i18nc("@title:group", "Versions of This File")
        Keys.onReturnPressed: (currentItem as VersionDelegate)?.clicked()
        Keys.onEnterPressed: (currentItem as VersionDelegate)?.clicked()

        header: ColumnLayout {
            width: view.width
            spacing: Kirigami.Units.largeSpacing

            QQC2.Label {
                Layout.fillWidth: true
                Layout.margins: Kirigami.Units.largeSpacing
                Layout.bottomMargin: 0
                text: root.history.path
                textFormat: Text.PlainText
                wrapMode: Text.WrapAnywhere
                horizontalAlignment: Text.AlignLeft
            }

            QQC2.Label {
                Layout.fillWidth: true
                Layout.leftMargin: Kirigami.Units.largeSpacing
                Layout.rightMargin: Kirigami.Units.largeSpacing
                visible: root.movedTo.length > 0
                text: i18nc("@info a version, and a file's path there", "In %1 it is %2", Wording.version(root.movedIn), root.history.shown(root.movedTo))
                textFormat: Text.PlainText
                wrapMode: Text.WrapAnywhere
                horizontalAlignment: Text.AlignLeft
            }

            GridLayout {
                Layout.fillWidth: true
                Layout.leftMargin: Kirigami.Units.largeSpacing
                Layout.rightMargin: Kirigami.Units.largeSpacing
                visible: view.count > 0
                columns: root.width < Kirigami.Units.gridUnit * 26 ? 1 : 2
                uniformCellWidths: true

                FileFacts {
                    Layout.fillWidth: true
                    title: i18nc("@title:group a file's version in a snapshot", "In #%1", String(root.chosen))
                    facts: root.then
                }

                FileFacts {
                    Layout.fillWidth: true
                    title: i18nc("@title:group a file's version in the running system", "Now")
                    facts: root.history.present
                }
            }

            QQC2.Label {
                Layout.fillWidth: true
                Layout.leftMargin: Kirigami.Units.largeSpacing
                Layout.rightMargin: Kirigami.Units.largeSpacing
                visible: root.then.same === true
                text: i18nc("@info", "Both have the same content.")
                wrapMode: Text.Wrap
            }

            Flow {
                Layout.fillWidth: true
                Layout.leftMargin: Kirigami.Units.largeSpacing
                Layout.rightMargin: Kirigami.Units.largeSpacing
                visible: view.count > 0
                spacing: Kirigami.Units.smallSpacing

                QQC2.Button {
                    text: root.history.present.snapshot === undefined ? i18nc("@action:button", "Get It Back") : i18nc("@action:button", "Replace the Present File")
                    icon.name: "document-revert-symbolic"
                    enabled: root.refusal.length === 0
                    Accessible.description: Failures.reason(root.refusal)
                    onClicked: root.app.restore(root.chosen, root.history.address, true)
                }

                QQC2.Button {
                    visible: root.history.present.snapshot !== undefined
                    text: i18nc("@action:button", "Get a Copy Beside It")
                    icon.name: "edit-copy-symbolic"
                    enabled: root.refusal.length === 0
                    Accessible.description: Failures.reason(root.refusal)
                    onClicked: root.app.restore(root.chosen, root.history.address, false)
                }
            }

            QQC2.Label {
                Layout.fillWidth: true
                Layout.leftMargin: Kirigami.Units.largeSpacing
                Layout.rightMargin: Kirigami.Units.largeSpacing
                visible: view.count > 0 && root.refusal.length > 0
                text: i18nc("@info a reason as a sentence", "%1.", Failures.reason(root.refusal))
                opacity: 0.75
                wrapMode: Text.Wrap
            }

            Kirigami.ListSectionHeader {
                Layout.fillWidth: true
                visible: view.count > 0
                text: i18nc("@title:group", "Versions of This File")
            }
        }

        delegate: VersionDelegate {
            tick: root.app.tick
            shown: root.chosen >= oldest && root.chosen <= snapshot
            onClicked: root.snapshot = snapshot
        }

        Kirigami.LoadingPlaceholder {
            anchors.centerIn: parent
            visible: root.history.loading && view.count === 0
        }

        Kirigami.PlaceholderMessage {
            anchors.centerIn: parent
            width: parent.width - Kirigami.Units.gridUnit * 4
            visible: !root.history.loading && view.count === 0
            icon.name: root.failed ? "emblem-important-symbolic" : "view-history-symbolic" // qmllint disable unresolved-type missing-property
            text: root.failed ? i18nc("@info:placeholder", "The versions of this file are unknown") : i18nc("@info:placeholder", "No snapshot has this file")
            explanation: root.failed ? Failures.sentence(root.history.error) : i18nc("@info", "Snapshots hold the system; personal files are often elsewhere.")
            helpfulAction: Kirigami.Action {
                enabled: root.failed
                text: i18nc("@action:button", "Try Again")
                icon.name: "view-refresh-symbolic"
                onTriggered: root.history.reload()
            }
        }
    }
}
