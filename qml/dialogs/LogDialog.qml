// SPDX-License-Identifier: GPL-3.0-or-later
pragma ComponentBehavior: Bound

import QtQuick
import QtQuick.Controls as QQC2
import QtQuick.Layouts
import org.kde.kirigami as Kirigami
import org.kedge.app

// The log of the running job, or of the last one, as it is written.
Kirigami.Dialog {
    id: root

    required property CurrentJob job

    title: job.number > 0 ? i18nc("@title:window what the log is of", "Log: %1", Jobs.doing(job.kind)) : i18nc("@title:window", "Log")
    preferredWidth: Kirigami.Units.gridUnit * 44
    standardButtons: Kirigami.Dialog.NoButton

    onAboutToShow: job.reading = true
    onOpened: {
        view.following = true;
        view.positionViewAtEnd();
    }
    onClosed: job.reading = false

    customFooterActions: [
        Kirigami.Action {
            text: i18nc("@action:button", "Copy")
            icon.name: "edit-copy-symbolic"
            enabled: root.job.lines > 0
            onTriggered: {
                clipboard.text = root.job.text();
                clipboard.selectAll();
                clipboard.copy();
                clipboard.clear();
            }
        },
        Kirigami.Action {
            text: i18nc("@action:button", "Close")
            icon.name: "dialog-close-symbolic"
            onTriggered: root.close()
        }
    ]

    ColumnLayout {
        spacing: 0

        // The window's own shortcuts sleep while a dialog is open.
        Shortcut {
            sequence: "Ctrl+L"
            enabled: root.opened
            onActivated: root.close()
        }

        TextEdit {
            id: clipboard

            visible: false
            textFormat: TextEdit.PlainText
        }

        JobProgress {
            Layout.fillWidth: true
            Layout.margins: Kirigami.Units.largeSpacing
            visible: root.job.running
            job: root.job
        }

        QQC2.ScrollView {
            Layout.fillWidth: true
            // The dialog scrolls what is higher than itself; the lines are to scroll here instead.
            Layout.preferredHeight: Math.max(Kirigami.Units.gridUnit * 8, Math.min(Kirigami.Units.gridUnit * 22, (root.parent?.height ?? 0) - Kirigami.Units.gridUnit * 11))

            QQC2.ScrollBar.horizontal.policy: QQC2.ScrollBar.AlwaysOff
            Kirigami.Theme.colorSet: Kirigami.Theme.View
            Kirigami.Theme.inherit: false
            background: Rectangle {
                color: Kirigami.Theme.backgroundColor
            }

            ListView {
                id: view

                // Whether the end is in sight: then it stays so when lines come.
                property bool following: true

                clip: true
                reuseItems: true
                leftMargin: Kirigami.Units.largeSpacing
                rightMargin: Kirigami.Units.largeSpacing
                topMargin: Kirigami.Units.smallSpacing
                bottomMargin: Kirigami.Units.smallSpacing
                model: root.job
                onCountChanged: following && Qt.callLater(positionViewAtEnd)
                onMovementEnded: following = atYEnd
                LayoutMirroring.enabled: false
                Accessible.role: Accessible.List
                Accessible.name: root.title

                delegate: QQC2.Label {
                    required property string line

                    width: view.width - view.leftMargin - view.rightMargin
                    text: line
                    textFormat: Text.PlainText
                    font.family: "monospace"
                    wrapMode: Text.WrapAnywhere
                    horizontalAlignment: Text.AlignLeft
                    Accessible.name: line
                }

                Kirigami.PlaceholderMessage {
                    anchors.centerIn: parent
                    width: parent.width - Kirigami.Units.gridUnit * 4
                    visible: view.count === 0
                    text: root.job.number > 0 ? i18nc("@info:placeholder", "Nothing was logged") : i18nc("@info:placeholder", "Nothing has been done yet")
                }
            }
        }
    }
}
