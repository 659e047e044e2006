// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Controls as QQC2
import QtQuick.Layouts
import org.kde.kirigami as Kirigami
import org.kedge.app

// Something did not work: the friendly line first, the technical details behind it, to copy.
Kirigami.Dialog {
    id: root

    property string headline: ""
    property var failure: ({})
    property string state: ""
    readonly property string way: Failures.wayOutCode(failure)

    signal logAsked
    signal fixAsked(code: string)

    function show(what: string, why: var, after: string): void {
        headline = what;
        failure = why;
        state = after;
        open();
    }

    title: headline
    preferredWidth: Kirigami.Units.gridUnit * 28
    padding: Kirigami.Units.gridUnit
    topPadding: 0
    standardButtons: Kirigami.Dialog.NoButton

    customFooterActions: [
        Kirigami.Action {
            text: i18nc("@action:button", "Copy Details")
            icon.name: "edit-copy-symbolic"
            visible: detail.text.length > 0
            onTriggered: {
                detail.selectAll();
                detail.copy();
                detail.deselect();
            }
        },
        Kirigami.Action {
            visible: text.length > 0 && root.way !== "log"
            text: Failures.wayOut(root.failure)
            icon.name: "tools-wizard-symbolic"
            onTriggered: {
                root.close();
                root.fixAsked(root.way);
            }
        },
        Kirigami.Action {
            text: i18nc("@action:button", "Show Log")
            icon.name: "view-list-text-symbolic"
            onTriggered: {
                root.close();
                root.logAsked();
            }
        },
        Kirigami.Action {
            text: i18nc("@action:button", "Close")
            icon.name: "dialog-close-symbolic"
            onTriggered: root.close()
        }
    ]

    ColumnLayout {
        spacing: Kirigami.Units.largeSpacing

        QQC2.Label {
            Layout.fillWidth: true
            text: Failures.sentence(root.failure)
            wrapMode: Text.Wrap
        }

        QQC2.Label {
            Layout.fillWidth: true
            visible: text.length > 0
            text: root.state
            wrapMode: Text.Wrap
        }

        Kirigami.Heading {
            Layout.topMargin: Kirigami.Units.largeSpacing
            visible: detail.text.length > 0
            level: 5
            text: i18nc("@title:group", "Technical Details")
        }

        QQC2.ScrollView {
            Layout.fillWidth: true
            Layout.preferredHeight: Math.min(detail.implicitHeight + Kirigami.Units.gridUnit, Kirigami.Units.gridUnit * 12)
            visible: detail.text.length > 0

            QQC2.TextArea {
                id: detail

                text: root.failure.detail ?? ""
                textFormat: TextEdit.PlainText
                readOnly: true
                wrapMode: TextEdit.Wrap
                font.family: "monospace"
                Accessible.name: i18nc("@title:group", "Technical Details")
            }
        }
    }
}
