// SPDX-License-Identifier: GPL-3.0-or-later
pragma ComponentBehavior: Bound

import QtQuick
import QtQuick.Controls as QQC2
import QtQuick.Layouts
import org.kde.kirigami as Kirigami
import org.kde.kirigamiaddons.formcard as FormCard
import org.kedge.app

// One thing that was done: what came of it, why, and what it said; to copy as one text.
Kirigami.ScrollablePage {
    id: root

    required property App app
    required property HistoryModel history
    required property int number

    signal logAsked(number: int, kind: string)
    signal snapshotAsked(number: int)
    signal fixAsked(code: string)
    signal copied(text: string)

    // Looked up again with every answer.
    readonly property var entry: (history.revision, history.find(number))
    readonly property var failure: entry.failure ?? ({})
    readonly property bool failed: failure.type !== undefined
    readonly property int snapshot: entry.snapshot > 0 ? entry.snapshot : (entry.target ?? 0)
    property bool copying: false

    title: entry.kind !== undefined ? Jobs.did(entry.kind, entry.target > 0 ? entry.target : entry.snapshot) : i18nc("@title:window", "History")
    leftPadding: 0
    rightPadding: 0

    actions: [
        Kirigami.Action {
            text: i18nc("@action:button", "Copy Report")
            icon.name: "edit-copy-symbolic"
            shortcut: "Ctrl+Shift+C"
            enabled: root.entry.kind !== undefined && !root.copying
            tooltip: i18nc("@info:tooltip", "Copies everything that is known about this, with its log")
            onTriggered: {
                root.copying = true;
                root.history.fetchLog(root.number);
            }
        },
        Kirigami.Action {
            text: i18nc("@action:button", "Show Log")
            icon.name: "view-list-text-symbolic"
            enabled: root.entry.kind !== undefined
            onTriggered: root.logAsked(root.number, root.entry.kind)
        }
    ]

    Connections {
        target: root.history

        function onFetched(job: int, log: string, error: var): void {
            if (root.copying && job === root.number) {
                root.copying = false;
                const text = Reports.report(root.entry, log, error);
                root.history.copy(text);
                root.copied(text);
            }
        }
    }

    component Fact: FormCard.FormTextDelegate {
        visible: description.length > 0
        Accessible.name: i18nc("@label read aloud: a fact and its value", "%1: %2", text, description)
    }

    Kirigami.LoadingPlaceholder {
        anchors.centerIn: parent
        visible: root.entry.kind === undefined && root.history.loading
    }

    Kirigami.PlaceholderMessage {
        anchors.centerIn: parent
        width: parent.width - Kirigami.Units.gridUnit * 4
        visible: root.entry.kind === undefined && !root.history.loading
        text: i18nc("@info:placeholder", "This is no longer remembered")
    }

    ColumnLayout {
        visible: root.entry.kind !== undefined
        spacing: 0

        Kirigami.InlineMessage {
            Layout.fillWidth: true
            Layout.margins: Kirigami.Units.largeSpacing
            visible: root.failed
            type: root.entry.ending === "needs-attention" ? Kirigami.MessageType.Error : Kirigami.MessageType.Warning
            text: root.failed ? Failures.sentence(root.failure) : ""
            actions: Kirigami.Action {
                visible: text.length > 0
                text: Failures.wayOut(root.failure)
                icon.name: "tools-wizard-symbolic"
                onTriggered: root.fixAsked(Failures.wayOutCode(root.failure))
            }
        }

        FormCard.FormCard {
            Layout.topMargin: Kirigami.Units.largeSpacing

            Fact {
                text: i18nc("@label", "Result")
                description: root.entry.ending !== undefined ? Jobs.result(root.entry.ending) : ""
            }

            Fact {
                text: i18nc("@label", "The system since then")
                description: root.entry.ending ? Jobs.machine(root.entry.machine, root.entry.snapshot) : ""
            }

            Fact {
                text: i18nc("@label", "Began")
                description: Wording.exactly(root.entry.started ?? 0)
            }

            Fact {
                text: i18nc("@label", "Ended")
                description: Wording.exactly(root.entry.finished ?? 0)
            }

            Fact {
                text: i18nc("@label", "Asked for by")
                description: root.entry.user ?? ""
            }

            FormCard.FormButtonDelegate {
                visible: root.snapshot > 0 && root.entry.kind !== "delete"
                icon.name: "view-history-symbolic"
                text: i18nc("@action:button", "Show Snapshot #%1", String(root.snapshot))
                onClicked: root.snapshotAsked(root.snapshot)
            }
        }

        FormCard.FormHeader {
            visible: detail.text.length > 0
            title: i18nc("@title:group", "Technical Details")
        }

        QQC2.TextArea {
            id: detail

            Layout.fillWidth: true
            Layout.leftMargin: Kirigami.Units.gridUnit
            Layout.rightMargin: Kirigami.Units.gridUnit
            visible: text.length > 0
            text: root.failure.detail ?? ""
            textFormat: TextEdit.PlainText
            readOnly: true
            wrapMode: TextEdit.Wrap
            font.family: "monospace"
            LayoutMirroring.enabled: false
            Accessible.name: i18nc("@title:group", "Technical Details")
        }
    }
}
