// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Layouts
import org.kde.kirigami as Kirigami
import org.kde.kirigamiaddons.formcard as FormCard
import org.kedge.app

// One sentence, one right button, and the way back.
Kirigami.ScrollablePage {
    id: root

    required property App app
    required property CurrentJob job
    required property Agent agent

    signal opened(number: int)
    signal rollBackAsked(number: int)
    signal timelineAsked
    signal updatesAsked
    signal detailsAsked
    signal logAsked
    signal aboutAsked
    signal fixAsked(code: string)

    readonly property bool known: app.status.code !== undefined
    readonly property bool lost: app.link === "lost" && !known

    title: i18nc("@title:window", "Status")
    leftPadding: 0
    rightPadding: 0

    actions: [
        Kirigami.Action {
            text: i18nc("@action:button", "Check for Updates")
            icon.name: "view-refresh-symbolic"
            displayHint: Kirigami.DisplayHint.AlwaysHide
            visible: root.app.status.action !== "check"
            enabled: root.app.checkRefusal.length === 0
            onTriggered: root.app.check()
        },
        Kirigami.Action {
            text: i18nc("@action", "About Kedge")
            icon.name: "help-about-symbolic"
            displayHint: Kirigami.DisplayHint.AlwaysHide
            onTriggered: root.aboutAsked()
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

        AgentMessage {
            Layout.fillWidth: true
            app: root.app
            agent: root.agent
            onSettingsAsked: root.fixAsked("settings")
        }
    }

    Kirigami.LoadingPlaceholder {
        anchors.centerIn: parent
        visible: root.app.link === "connecting" && !root.known
    }

    HelperGone {
        anchors.centerIn: parent
        width: parent.width - Kirigami.Units.gridUnit * 4
        visible: root.lost
        detail: root.app.linkDetail
    }

    ColumnLayout {
        visible: root.known
        spacing: 0

        StatusHero {
            Layout.fillWidth: true
            Layout.maximumWidth: Kirigami.Units.gridUnit * 32
            Layout.alignment: Qt.AlignHCenter
            Layout.leftMargin: Kirigami.Units.gridUnit
            Layout.rightMargin: Kirigami.Units.gridUnit
            Layout.topMargin: Kirigami.Units.gridUnit * 2
            Layout.bottomMargin: Kirigami.Units.gridUnit
            app: root.app
            job: root.job
            onDetailsAsked: root.detailsAsked()
            onUpdatesAsked: root.updatesAsked()
            onLogAsked: root.logAsked()
            onFixAsked: code => root.fixAsked(code)
        }

        FormCard.FormHeader {
            title: i18nc("@title:group", "Versions of This System")
        }

        VersionCard {
            app: root.app
            onOpened: number => root.opened(number)
            onRollBackAsked: number => root.rollBackAsked(number)
            onTimelineAsked: root.timelineAsked()
        }
    }
}
