// SPDX-License-Identifier: GPL-3.0-or-later
pragma ComponentBehavior: Bound

import QtQuick
import QtQuick.Controls as QQC2
import QtQuick.Layouts
import org.kde.kirigami as Kirigami
import org.kedge.app

// What an update would change, installing it, and how that goes.
Kirigami.ScrollablePage {
    id: root

    required property App app
    required property CurrentJob job
    required property PackageModel updates
    required property Question question

    signal detailsAsked
    signal answerAsked
    signal logAsked

    readonly property bool known: app.status.code !== undefined
    readonly property bool working: app.status.code === "working"

    title: i18nc("@title:window", "Updates")

    actions: [
        Kirigami.Action {
            text: i18nc("@action:button", "Install Updates")
            icon.name: "install-symbolic"
            visible: root.updates.count > 0
            enabled: root.app.updateRefusal.length === 0
            tooltip: Failures.reason(root.app.updateRefusal)
            onTriggered: root.app.update()
        },
        Kirigami.Action {
            text: i18nc("@action:button", "Check for Updates")
            icon.name: "view-refresh-symbolic"
            displayHint: root.updates.count > 0 ? Kirigami.DisplayHint.IconOnly : Kirigami.DisplayHint.NoPreference
            enabled: root.app.checkRefusal.length === 0
            tooltip: root.app.checkRefusal.length > 0 ? Failures.reason(root.app.checkRefusal) : text
            onTriggered: root.app.check()
        },
        Kirigami.Action {
            text: i18nc("@action:button", "Show Log")
            icon.name: "view-list-text-symbolic"
            displayHint: Kirigami.DisplayHint.AlwaysHide
            visible: root.job.number > 0
            onTriggered: root.logAsked()
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

        UpdateMessage {
            id: message

            Layout.fillWidth: true
            app: root.app
            onDetailsAsked: root.detailsAsked()
        }

        QuestionMessage {
            Layout.fillWidth: true
            question: root.question
            onAnswerAsked: root.answerAsked()
        }

        // Not above the lines of the list itself: Kirigami 6.13 scrolls past what stands there when the focus comes.
        UpdateSummary {
            Layout.fillWidth: true
            visible: root.updates.count > 0
            brief: root.height < Kirigami.Units.gridUnit * 28
            updates: root.updates
            app: root.app
        }

        QQC2.ToolBar {
            Layout.fillWidth: true
            visible: root.working
            padding: Kirigami.Units.largeSpacing

            contentItem: RowLayout {
                spacing: Kirigami.Units.largeSpacing

                ColumnLayout {
                    spacing: Kirigami.Units.smallSpacing

                    Kirigami.Heading {
                        Layout.fillWidth: true
                        level: 4
                        text: Wording.status(root.app.status)
                        elide: Text.ElideRight
                    }

                    JobProgress {
                        Layout.fillWidth: true
                        job: root.job
                    }
                }

                QQC2.ToolButton {
                    text: i18nc("@action:button", "Show Log")
                    icon.name: "view-list-text-symbolic"
                    display: root.width < Kirigami.Units.gridUnit * 30 ? QQC2.AbstractButton.IconOnly : QQC2.AbstractButton.TextBesideIcon
                    onClicked: root.logAsked()
                }

                QQC2.Button {
                    text: i18nc("@action:button", "Cancel")
                    icon.name: "dialog-cancel-symbolic"
                    display: root.width < Kirigami.Units.gridUnit * 30 ? QQC2.AbstractButton.IconOnly : QQC2.AbstractButton.TextBesideIcon
                    enabled: root.job.cancellable
                    onClicked: root.app.cancel(root.app.status.job)
                }
            }
        }
    }

    ListView {
        id: view

        model: root.updates
        reuseItems: true
        currentIndex: -1
        Accessible.role: Accessible.List
        Accessible.name: root.title

        section.property: "group"
        section.delegate: Kirigami.ListSectionHeader {
            required property string section

            width: view.width
            text: Wording.group(section)
        }

        delegate: PackageDelegate {}

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

        ColumnLayout {
            anchors.centerIn: parent
            width: parent.width - Kirigami.Units.gridUnit * 4
            visible: root.known && view.count === 0 && !root.working
            spacing: Kirigami.Units.largeSpacing

            // What the message above says already is not said twice.
            StatusPicture {
                Layout.alignment: Qt.AlignHCenter
                visible: !message.visible
                code: root.app.status.code ?? ""
            }

            Kirigami.PlaceholderMessage {
                Layout.fillWidth: true
                text: !message.visible ? Wording.status(root.app.status) : message.failed ? i18nc("@info:placeholder", "No updates are known") : i18nc("@info:placeholder", "Nothing else to install")
                explanation: (root.app.tick, message.visible ? "" : Wording.explanation(root.app.status))
                helpfulAction: Kirigami.Action {
                    text: i18nc("@action:button", "Check for Updates")
                    icon.name: "view-refresh-symbolic"
                    enabled: root.app.status.action === "check" && root.app.checkRefusal.length === 0
                    onTriggered: root.app.check()
                }
            }
        }
    }
}
