// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Controls as QQC2
import QtQuick.Layouts
import org.kde.kirigami as Kirigami
import org.kedge.app

// Words for a snapshot: for a new one, or other ones for one that exists.
Kirigami.PromptDialog {
    id: root

    required property App app
    // Zero for a new one.
    property int number: 0

    function ask(which: int, description: string): void {
        number = which;
        field.text = description;
        keep.checked = false;
        open();
        field.forceActiveFocus();
        field.selectAll();
    }

    title: number > 0 ? i18nc("@title:window", "Describe Snapshot #%1", String(number)) : i18nc("@title:window", "Create Snapshot")
    preferredWidth: Kirigami.Units.gridUnit * 22
    standardButtons: Kirigami.Dialog.NoButton

    customFooterActions: [
        Kirigami.Action {
            id: commit

            text: root.number > 0 ? i18nc("@action:button", "Save") : i18nc("@action:button", "Create Snapshot")
            icon.name: root.number > 0 ? "document-save-symbolic" : "list-add-symbolic"
            onTriggered: {
                root.close();
                root.number > 0 ? root.app.describe(root.number, field.text.trim()) : root.app.create(field.text.trim(), keep.checked);
            }
        },
        Kirigami.Action {
            text: i18nc("@action:button", "Cancel")
            icon.name: "dialog-cancel-symbolic"
            onTriggered: root.close()
        }
    ]

    ColumnLayout {
        spacing: Kirigami.Units.largeSpacing

        QQC2.Label {
            Layout.fillWidth: true
            visible: root.number === 0
            text: i18nc("@info", "A snapshot keeps the system as it is now, so that it can go back to this point.")
            wrapMode: Text.Wrap
        }

        QQC2.TextField {
            id: field

            Layout.fillWidth: true
            placeholderText: i18nc("@info:placeholder", "Description, for example “before the printer driver”")
            maximumLength: 250
            Accessible.name: i18nc("@label:textbox", "Description")
            onAccepted: commit.trigger()
        }

        QQC2.CheckBox {
            id: keep

            Layout.fillWidth: true
            visible: root.number === 0
            text: i18nc("@option:check", "Pin it, so that no cleanup removes it")
        }
    }
}
