// SPDX-License-Identifier: GPL-3.0-or-later
pragma ComponentBehavior: Bound

import QtQuick
import QtQuick.Controls as QQC2
import QtQuick.Layouts
import org.kde.kirigami as Kirigami
import org.kedge.app

// The time axis: what is available, what waits for the restart, what runs, and the earlier snapshots.
Kirigami.ScrollablePage {
    id: root

    required property App app
    required property SnapshotModel snapshots
    required property Selection selection

    // The snapshot whose page is open beside this one, zero for none.
    property int shown: 0

    signal opened(number: int)
    signal compareAsked(from: int, to: int)
    signal filesAsked(from: int, to: int)
    signal roomAsked
    signal rollBackAsked(number: int)
    signal createAsked
    signal describeAsked(number: int, description: string)
    signal updatesAsked

    readonly property bool narrow: width < Kirigami.Units.gridUnit * 30
    readonly property bool known: app.status.code !== undefined

    title: i18nc("@title:window", "Timeline")

    actions: [
        Kirigami.Action {
            text: i18nc("@action:button", "Create Snapshot…")
            icon.name: "list-add-symbolic"
            shortcut: StandardKey.New
            enabled: root.app.createRefusal.length === 0
            tooltip: Failures.reason(root.app.createRefusal)
            onTriggered: root.createAsked()
        },
        Kirigami.Action {
            text: i18nc("@action:button", "Make Room…")
            icon.name: "edit-clear-all-symbolic"
            displayHint: Kirigami.DisplayHint.IconOnly
            onTriggered: root.roomAsked()
        }
    ]

    header: ColumnLayout {
        spacing: 0

        LinkMessage {
            Layout.fillWidth: true
            app: root.app
        }

        UndoMessage {
            Layout.fillWidth: true
            app: root.app
        }

        Kirigami.InlineMessage {
            Layout.fillWidth: true
            position: Kirigami.InlineMessage.Position.Header
            visible: root.snapshots.deleting > 0
            text: i18ncp("@info", "%1 snapshot will be deleted in a few seconds.", "%1 snapshots will be deleted in a few seconds.", root.snapshots.deleting)
            actions: Kirigami.Action {
                text: i18nc("@action:button", "Undo")
                icon.name: "edit-undo-symbolic"
                shortcut: StandardKey.Undo
                onTriggered: root.snapshots.undoDelete()
            }
        }

        QQC2.ToolBar {
            Layout.fillWidth: true
            visible: root.snapshots.total > 0
            position: QQC2.ToolBar.Header

            contentItem: Kirigami.SearchField {
                id: search

                placeholderText: i18nc("@info:placeholder", "Filter by number or description…")
                focusSequence: StandardKey.Find
                Accessible.name: i18nc("@label", "Filter")
                onTextChanged: root.snapshots.filter = text
                Keys.onDownPressed: view.enter()
                Keys.onTabPressed: view.enter()
            }
        }
    }

    footer: SelectionBar {
        selection: root.selection
        onCompared: (from, to) => root.compareAsked(from, to)
        onDeleteAsked: {
            root.selection.numbers.forEach(number => root.snapshots.deleteLater(number));
            root.selection.clear();
        }
    }

    ListView {
        id: view

        // No line is marked before somebody comes to it with the keyboard.
        function enter(): void {
            currentIndex = Math.max(0, currentIndex);
            forceActiveFocus();
        }

        model: root.snapshots
        reuseItems: true
        currentIndex: -1
        activeFocusOnTab: true
        keyNavigationEnabled: true
        // At its own speed the view would take minutes to the end of a long list.
        highlightMoveDuration: 0
        Accessible.role: Accessible.List
        Accessible.name: root.title

        section.property: "section"
        section.delegate: TimelineSection {
            width: view.width
        }

        Keys.onPressed: event => {
            if (event.key === Qt.Key_Home || event.key === Qt.Key_End) {
                currentIndex = event.key === Qt.Key_Home ? 0 : count - 1;
                event.accepted = true;
            }
        }
        Keys.onReturnPressed: (currentItem as TimelineDelegate)?.clicked()
        Keys.onEnterPressed: (currentItem as TimelineDelegate)?.clicked()
        Keys.onDeletePressed: menu.remove((currentItem as TimelineDelegate)?.number ?? 0)
        Keys.onSpacePressed: (currentItem as TimelineDelegate)?.chooseAsked()
        Keys.onMenuPressed: (currentItem as TimelineDelegate)?.menuAsked(currentItem)

        delegate: TimelineDelegate {
            id: line

            tick: root.app.tick
            narrow: root.narrow
            shown: number > 0 && number === root.shown
            chosen: root.selection.numbers.includes(number)
            choosing: root.selection.count > 0
            onChooseAsked: root.selection.toggle(number)
            onOpened: available ? root.updatesAsked() : root.opened(number)
            onRollBackAsked: root.rollBackAsked(number)
            onUpdateAsked: root.app.update()
            onRestartAsked: root.app.restart()
            onUndoAsked: root.app.discard()
            onMenuAsked: item => menu.show(number, item)
        }

        Kirigami.LoadingPlaceholder {
            anchors.centerIn: parent
            visible: root.app.link === "connecting" && !root.known
        }

        HelperGone {
            anchors.centerIn: parent
            width: parent.width - Kirigami.Units.gridUnit * 4
            visible: root.app.link === "lost" && !root.known
            detail: root.app.linkDetail
        }

        Kirigami.PlaceholderMessage {
            anchors.centerIn: parent
            width: parent.width - Kirigami.Units.gridUnit * 4
            visible: root.known && view.count === 0
            icon.name: root.snapshots.filter.length > 0 ? "edit-find-symbolic" : "view-history-symbolic" // qmllint disable unresolved-type missing-property
            text: root.snapshots.filter.length > 0 ? i18nc("@info:placeholder", "Nothing matches the filter") : i18nc("@info:placeholder", "No snapshots yet")
            explanation: root.snapshots.filter.length > 0 ? "" : root.app.createRefusal.length > 0 ? Failures.reason(root.app.createRefusal) : i18nc("@info", "A snapshot is a version of the system that it can go back to.")
            helpfulAction: Kirigami.Action {
                enabled: root.snapshots.filter.length > 0 || root.app.createRefusal.length === 0
                text: root.snapshots.filter.length > 0 ? i18nc("@action:button", "Clear Filter") : i18nc("@action:button", "Create Snapshot…")
                icon.name: root.snapshots.filter.length > 0 ? "edit-clear-symbolic" : "list-add-symbolic"
                onTriggered: root.snapshots.filter.length > 0 ? search.clear() : root.createAsked()
            }
        }
    }

    SnapshotMenu {
        id: menu

        app: root.app
        snapshots: root.snapshots
        selection: root.selection
        onCompareAsked: (from, to) => root.compareAsked(from, to)
        onFilesAsked: (from, to) => root.filesAsked(from, to)
        onDetailsAsked: number => root.opened(number)
        onRollBackAsked: number => root.rollBackAsked(number)
        onDescribeAsked: (number, description) => root.describeAsked(number, description)
    }
}
