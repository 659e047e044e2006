// SPDX-License-Identifier: GPL-3.0-or-later
pragma ComponentBehavior: Bound

import QtQuick
import QtQuick.Controls as QQC2
import QtQuick.Layouts
import org.kde.kirigami as Kirigami
import org.kedge.app

// One snapshot: what it is, and which packages it changed.
Kirigami.ScrollablePage {
    id: root

    required property App app
    required property SnapshotModel snapshots
    required property PackageModel changes
    required property int number

    signal filesAsked(from: int, to: int)
    signal changelogAsked(name: string, from: int, to: int)
    signal rollBackAsked(number: int)
    signal describeAsked(number: int, description: string)

    // Looked up again with every change of the model.
    readonly property var snapshot: (snapshots.revision, snapshots.find(number))
    // It was deleted while its page was open.
    readonly property bool gone: snapshot.number === undefined

    title: changes.against > 0 ? i18nc("@title:window two snapshots", "From #%1 to #%2", String(changes.against), String(number)) : i18nc("@title:window", "Snapshot #%1", String(number))

    actions: [
        Kirigami.Action {
            text: i18nc("@action:button", "Roll Back…")
            icon.name: "document-revert-symbolic"
            shortcut: "Ctrl+R"
            enabled: root.snapshot.rollbackRefusal === ""
            tooltip: Failures.reason(root.snapshot.rollbackRefusal ?? "")
            onTriggered: root.rollBackAsked(root.number)
        },
        Kirigami.Action {
            text: root.snapshot.pinned ? i18nc("@action:button", "Unpin") : i18nc("@action:button", "Pin")
            icon.name: root.snapshot.pinned ? "window-unpin-symbolic" : "pin-symbolic"
            displayHint: Kirigami.DisplayHint.AlwaysHide
            enabled: root.snapshot.editRefusal === ""
            onTriggered: root.app.pin(root.number, !root.snapshot.pinned)
        },
        Kirigami.Action {
            text: i18nc("@action:button", "Edit Description…")
            icon.name: "edit-rename-symbolic"
            displayHint: Kirigami.DisplayHint.AlwaysHide
            enabled: root.snapshot.editRefusal === ""
            onTriggered: root.describeAsked(root.number, root.snapshot.description)
        },
        Kirigami.Action {
            text: i18nc("@action:button", "Delete")
            icon.name: "edit-delete-symbolic"
            displayHint: Kirigami.DisplayHint.AlwaysHide
            enabled: root.snapshot.deleteRefusal === ""
            tooltip: Failures.reason(root.snapshot.deleteRefusal ?? "")
            onTriggered: root.snapshots.deleteLater(root.number)
        },
        Kirigami.Action {
            text: i18nc("@action:button", "Changed Files")
            icon.name: "folder-symbolic"
            shortcut: "Ctrl+D"
            enabled: !root.gone && root.changes.base > 0
            onTriggered: root.filesAsked(root.changes.base, root.number)
        },
        Kirigami.Action {
            text: i18nc("@action:button", "Browse Files")
            icon.name: "system-file-manager-symbolic"
            displayHint: Kirigami.DisplayHint.AlwaysHide
            enabled: !root.gone
            onTriggered: root.app.browse(root.number)
        }
    ]

    // Not above the lines of the list itself: Kirigami 6.13 scrolls past what stands there when the focus comes.
    header: SnapshotHeader {
        visible: !root.gone
        snapshot: root.snapshot
        changes: root.changes
    }

    ListView {
        id: view

        model: root.gone ? null : root.changes
        reuseItems: true
        currentIndex: -1
        focus: true
        activeFocusOnTab: true
        keyNavigationEnabled: true
        highlightMoveDuration: 0
        Accessible.role: Accessible.List
        Accessible.name: i18nc("@title:group", "Packages That Differ")

        onActiveFocusChanged: {
            if (activeFocus && currentIndex < 0) {
                currentIndex = 0;
            }
        }
        Keys.onReturnPressed: (currentItem as PackageDelegate)?.clicked()
        Keys.onEnterPressed: (currentItem as PackageDelegate)?.clicked()

        section.property: "group"
        section.delegate: Kirigami.ListSectionHeader {
            required property string section

            width: view.width
            text: Wording.group(section)
        }

        delegate: PackageDelegate {
            readable: change === "upgraded" || change === "downgraded" || change === "rebuilt"
            onOpened: root.changelogAsked(name, root.changes.base, root.number)
        }

        Kirigami.LoadingPlaceholder {
            anchors.centerIn: parent
            visible: root.changes.loading && !root.gone
        }

        Kirigami.PlaceholderMessage {
            anchors.centerIn: parent
            width: parent.width - Kirigami.Units.gridUnit * 4
            visible: !root.changes.loading && view.count === 0 && !root.gone
            icon.name: root.changes.error.type !== undefined ? "emblem-important-symbolic" : "checkmark-symbolic" // qmllint disable unresolved-type missing-property
            text: root.changes.error.type !== undefined ? i18nc("@info:placeholder", "What changed is unknown") : root.changes.base > 0 ? i18nc("@info:placeholder", "The same packages as #%1", String(root.changes.base)) : i18nc("@info:placeholder", "The first version of this system")
            explanation: root.changes.error.type !== undefined ? Failures.sentence(root.changes.error) : ""
        }

        Kirigami.PlaceholderMessage {
            anchors.centerIn: parent
            width: parent.width - Kirigami.Units.gridUnit * 4
            visible: root.gone
            icon.name: "edit-delete-symbolic" // qmllint disable unresolved-type missing-property
            text: i18nc("@info:placeholder", "This snapshot is no longer there")
        }
    }
}
