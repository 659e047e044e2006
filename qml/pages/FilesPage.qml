// SPDX-License-Identifier: GPL-3.0-or-later
pragma ComponentBehavior: Bound

import QtQuick
import QtQuick.Controls as QQC2
import QtQuick.Layouts
import org.kde.kirigami as Kirigami
import org.kedge.app

// Which files differ between two versions: folded by folder or by package.
Kirigami.ScrollablePage {
    id: root

    required property App app
    required property FileModel files
    required property int from
    required property int to

    signal fileAsked(address: string, snapshot: int)
    signal movedAsked(before: string, after: string)

    readonly property int total: files.created + files.deleted + files.changed + files.renamed
    readonly property bool failed: files.error.type !== undefined

    title: i18nc("@title:window two versions", "Files from %1 to %2", Wording.version(from), Wording.version(to))

    Component.onCompleted: files.compare(from, to)

    header: ColumnLayout {
        spacing: 0

        LinkMessage {
            Layout.fillWidth: true
            app: root.app
        }

        Kirigami.InlineMessage {
            Layout.fillWidth: true
            position: Kirigami.InlineMessage.Position.Header
            visible: root.files.hidden > 0
            text: i18ncp("@info", "%1 folder with changes is not for everybody.", "%1 folders with changes are not for everybody.", root.files.hidden)
            actions: Kirigami.Action {
                text: i18nc("@action:button", "Show Them…")
                icon.name: "view-visible-symbolic"
                onTriggered: root.files.showHidden()
            }
        }

        Kirigami.InlineMessage {
            Layout.fillWidth: true
            position: Kirigami.InlineMessage.Position.Header
            visible: root.files.leftOut > 0
            text: i18ncp("@info", "%1 file with a very long path is not shown.", "%1 files with very long paths are not shown.", root.files.leftOut)
        }

        Kirigami.InlineMessage {
            Layout.fillWidth: true
            position: Kirigami.InlineMessage.Position.Header
            type: Kirigami.MessageType.Warning
            visible: root.files.full || root.failed && view.count > 0
            text: root.files.full ? i18nc("@info", "What is shown is not all: more files differ than there is room to remember on the disk.") : i18nc("@info the other text says what happened", "What is shown may not be all. %1", Failures.sentence(root.files.error))
        }

        QQC2.ToolBar {
            Layout.fillWidth: true
            position: QQC2.ToolBar.Header

            contentItem: RowLayout {
                spacing: Kirigami.Units.smallSpacing

                Kirigami.SearchField {
                    Layout.fillWidth: true
                    placeholderText: i18nc("@info:placeholder", "Filter by name…")
                    focusSequence: StandardKey.Find
                    Accessible.name: i18nc("@label", "Filter")
                    onTextChanged: root.files.filter = text
                    Keys.onDownPressed: view.forceActiveFocus()
                }

                QQC2.ToolButton {
                    text: i18nc("@option:check", "By Package")
                    icon.name: "package-x-generic-symbolic"
                    checkable: true
                    checked: root.files.fold === "packages"
                    // Not toggled(): that is not sent when a screen reader does it.
                    onCheckedChanged: root.files.fold = checked ? "packages" : "directories"
                }
            }
        }
    }

    ListView {
        id: view

        model: root.files
        reuseItems: true
        currentIndex: -1
        activeFocusOnTab: true
        keyNavigationEnabled: true
        highlightMoveDuration: 0
        Accessible.role: Accessible.List
        Accessible.name: root.title

        onActiveFocusChanged: {
            if (activeFocus && currentIndex < 0) {
                currentIndex = 0;
            }
        }
        Keys.onReturnPressed: (currentItem as FileDelegate)?.clicked()
        Keys.onEnterPressed: (currentItem as FileDelegate)?.clicked()
        Keys.onRightPressed: (currentItem as FileDelegate)?.unfold(true)
        Keys.onLeftPressed: (currentItem as FileDelegate)?.unfold(false)

        header: ColumnLayout {
            width: view.width

            QQC2.Label {
                Layout.fillWidth: true
                Layout.margins: Kirigami.Units.largeSpacing
                visible: root.total > 0
                text: i18nc("@info how many files differ, and in which way", "%1: %2", i18ncp("@info", "%1 file differs", "%1 files differ", root.total), Wording.fileCounts(root.files.created, root.files.deleted, root.files.changed, root.files.renamed))
                wrapMode: Text.Wrap
            }
        }

        delegate: FileDelegate {
            onFoldAsked: root.files.toggle(index)
            // What is gone is got back from where it was; so is what is different now.
            onOpened: addressBefore.length > 0 ? root.movedAsked(addressBefore, address) : root.fileAsked(address, change === "created" ? root.to : root.from)
        }

        footer: ColumnLayout {
            width: view.width

            QQC2.ProgressBar {
                Layout.fillWidth: true
                visible: root.files.loading && view.count > 0
                indeterminate: true
                Accessible.name: i18nc("@info:progress", "Looking for more")
            }
        }

        Kirigami.LoadingPlaceholder {
            anchors.centerIn: parent
            visible: root.files.loading && view.count === 0
            text: i18nc("@info:progress", "Comparing files…")
        }

        Kirigami.PlaceholderMessage {
            anchors.centerIn: parent
            width: parent.width - Kirigami.Units.gridUnit * 4
            visible: !root.files.loading && view.count === 0
            icon.name: root.failed ? "emblem-important-symbolic" : root.files.filter.length > 0 ? "edit-find-symbolic" : "checkmark-symbolic" // qmllint disable unresolved-type missing-property
            text: root.failed ? i18nc("@info:placeholder", "What changed is unknown") : root.files.filter.length > 0 ? i18nc("@info:placeholder", "Nothing matches the filter") : i18nc("@info:placeholder", "No files differ")
            explanation: root.failed ? Failures.sentence(root.files.error) : ""
            helpfulAction: Kirigami.Action {
                enabled: root.failed
                text: i18nc("@action:button", "Try Again")
                icon.name: "view-refresh-symbolic"
                onTriggered: root.files.reload()
            }
        }
    }
}
