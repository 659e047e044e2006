// SPDX-License-Identifier: GPL-3.0-or-later
pragma ComponentBehavior: Bound

import QtQuick
import QtQuick.Controls as QQC2
import QtQuick.Layouts
import org.kde.kirigami as Kirigami
import org.kedge.app

// How the text of a file differs between two versions.
Kirigami.ScrollablePage {
    id: root

    required property App app
    required property TextComparison comparison
    required property string name

    readonly property bool failed: comparison.error.type !== undefined

    title: i18nc("@title:window a file, and two snapshots", "%1 from %2 to %3", name, Wording.version(comparison.from), Wording.version(comparison.to))

    header: LinkMessage {
        app: root.app
    }

    ListView {
        id: view

        model: root.comparison
        reuseItems: true
        activeFocusOnTab: true
        keyNavigationEnabled: true
        highlightMoveDuration: 0
        currentIndex: -1
        Accessible.role: Accessible.List
        Accessible.name: root.title

        delegate: LineDelegate {}

        Kirigami.LoadingPlaceholder {
            anchors.centerIn: parent
            visible: root.comparison.loading
        }

        Kirigami.PlaceholderMessage {
            anchors.centerIn: parent
            width: parent.width - Kirigami.Units.gridUnit * 4
            visible: !root.comparison.loading && view.count === 0
            icon.name: root.failed ? "emblem-important-symbolic" : "document-preview-symbolic" // qmllint disable unresolved-type missing-property
            text: root.failed ? i18nc("@info:placeholder", "The file could not be read") : Wording.comparison(root.comparison.result)
            explanation: root.failed ? Failures.sentence(root.comparison.error) : ""
            helpfulAction: Kirigami.Action {
                enabled: root.failed
                text: i18nc("@action:button", "Try Again")
                icon.name: "view-refresh-symbolic"
                onTriggered: root.comparison.reload()
            }
        }
    }
}
