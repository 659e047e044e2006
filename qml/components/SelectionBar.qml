// SPDX-License-Identifier: GPL-3.0-or-later
pragma ComponentBehavior: Bound

import QtQuick
import QtQuick.Controls as QQC2
import QtQuick.Layouts
import org.kde.kirigami as Kirigami
import org.kedge.app

// What deleting the chosen snapshots frees, and what can be done with them.
QQC2.ToolBar {
    id: root

    required property Selection selection

    signal compared(from: int, to: int)
    signal deleteAsked

    readonly property string told: selection.error.type !== undefined ? Failures.sentence(selection.error) : selection.known ? Wording.freed(selection.count, selection.data, selection.metadata) : selection.loading ? i18nc("@info:progress", "Reading what snapshots hold…") : ""
    readonly property string kept: !selection.known || selection.held <= 0 ? "" : selection.holder.bytes === undefined ? i18nc("@info", "%1 more stay, because others hold them too.", Wording.size(selection.held)) : selection.holder.number > 0 ? i18nc("@info", "%1 more stay, %2 of them only because of #%3.", Wording.size(selection.held), Wording.size(selection.holder.bytes), String(selection.holder.number)) : i18nc("@info %3 is the path of a directory", "%1 more stay, %2 of them only because of “%3”.", Wording.size(selection.held), Wording.size(selection.holder.bytes), selection.holder.subvolume)

    position: QQC2.ToolBar.Footer
    visible: selection.count > 0
    Accessible.name: i18nc("@title:group", "Chosen Snapshots")

    contentItem: ColumnLayout {
        spacing: Kirigami.Units.smallSpacing

        QQC2.Label {
            Layout.fillWidth: true
            text: [i18ncp("@info", "%1 snapshot chosen", "%1 snapshots chosen", root.selection.count), root.told, root.kept].filter(it => it.length > 0).join("\n")
            textFormat: Text.PlainText
            wrapMode: Text.Wrap
            Accessible.name: text
        }

        Flow {
            Layout.fillWidth: true
            spacing: Kirigami.Units.smallSpacing

            QQC2.Button {
                text: i18nc("@action:button", "Compare")
                icon.name: "vcs-diff-symbolic"
                enabled: root.selection.count === 2
                Accessible.description: enabled ? "" : i18nc("@info:tooltip why not", "Two snapshots have to be chosen")
                onClicked: root.compared(root.selection.numbers[0], root.selection.numbers[1])
            }

            QQC2.Button {
                readonly property string why: root.selection.deleteRefusal.length === 0 ? "" : root.selection.refused > 0 ? i18nc("@info:tooltip a snapshot and why it cannot be deleted", "#%1: %2", String(root.selection.refused), Failures.reason(root.selection.deleteRefusal)) : Failures.reason(root.selection.deleteRefusal)

                text: i18nc("@action:button", "Delete")
                icon.name: "edit-delete-symbolic"
                enabled: root.selection.deleteRefusal.length === 0
                Accessible.description: why
                QQC2.ToolTip.text: why
                QQC2.ToolTip.visible: hovered && why.length > 0
                onClicked: root.deleteAsked()
            }

            QQC2.Button {
                text: i18nc("@action:button", "Choose None")
                icon.name: "edit-select-none-symbolic"
                onClicked: root.selection.clear()
            }
        }

        QQC2.Label {
            Layout.fillWidth: true
            visible: text.length > 0
            text: root.selection.deleteRefusal.length === 0 || root.selection.refused === 0 ? "" : i18nc("@info why a snapshot cannot be deleted", "#%1 cannot be deleted: %2.", String(root.selection.refused), Failures.reason(root.selection.deleteRefusal))
            font: Kirigami.Theme.smallFont
            wrapMode: Text.Wrap
        }
    }
}
