// SPDX-License-Identifier: GPL-3.0-or-later
pragma ComponentBehavior: Bound

import QtQuick
import org.kde.kirigami as Kirigami
import org.kedge.app

// What was done to this system, by whom, and what came of it.
Kirigami.ScrollablePage {
    id: root

    required property App app
    required property HistoryModel history

    // The entry whose page is open beside this one, zero for none.
    property int shown: 0

    signal opened(number: int)
    signal updatesAsked

    readonly property bool failed: history.error.type !== undefined

    title: i18nc("@title:window", "History")

    header: LinkMessage {
        app: root.app
    }

    ListView {
        id: view

        model: root.history
        reuseItems: true
        currentIndex: -1
        activeFocusOnTab: true
        keyNavigationEnabled: true
        highlightMoveDuration: 0
        Accessible.role: Accessible.List
        Accessible.name: root.title

        section.property: "section"
        section.delegate: Kirigami.ListSectionHeader {
            required property string section

            width: view.width
            text: Wording.section(section)
        }

        Keys.onPressed: event => {
            if (event.key === Qt.Key_Home || event.key === Qt.Key_End) {
                currentIndex = event.key === Qt.Key_Home ? 0 : count - 1;
                event.accepted = true;
            }
        }
        Keys.onReturnPressed: (currentItem as HistoryDelegate)?.clicked()
        Keys.onEnterPressed: (currentItem as HistoryDelegate)?.clicked()

        delegate: HistoryDelegate {
            width: view.width
            tick: root.app.tick
            shown: number === root.shown
            onClicked: root.opened(number)
        }

        Kirigami.LoadingPlaceholder {
            anchors.centerIn: parent
            visible: root.history.loading && view.count === 0 && root.app.link !== "lost"
        }

        HelperGone {
            anchors.centerIn: parent
            width: parent.width - Kirigami.Units.gridUnit * 4
            visible: root.app.link === "lost" && view.count === 0
            detail: root.app.linkDetail
        }

        Kirigami.PlaceholderMessage {
            anchors.centerIn: parent
            width: parent.width - Kirigami.Units.gridUnit * 4
            visible: !root.history.loading && view.count === 0 && root.app.link !== "lost"
            icon.name: root.failed ? "emblem-important-symbolic" : "document-open-recent-symbolic" // qmllint disable unresolved-type missing-property
            text: root.failed ? i18nc("@info:placeholder", "The history could not be read") : i18nc("@info:placeholder", "Nothing has been done yet")
            explanation: root.failed ? Failures.sentence(root.history.error) : i18nc("@info", "Updates, rollbacks and everything else that changes this system is noted here.")
            helpfulAction: Kirigami.Action {
                text: root.failed ? i18nc("@action:button", "Try Again") : i18nc("@action:button", "Show Updates")
                icon.name: root.failed ? "view-refresh-symbolic" : "system-software-update-symbolic"
                onTriggered: root.failed ? root.history.reload() : root.updatesAsked()
            }
        }
    }
}
