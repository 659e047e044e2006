// SPDX-License-Identifier: GPL-3.0-or-later
pragma ComponentBehavior: Bound

import QtQuick
import QtQuick.Controls as QQC2
import QtQuick.Layouts
import org.kde.kirigami as Kirigami
import org.kedge.app

// What going back to a snapshot would change, before it is done.
Kirigami.Dialog {
    id: root

    required property App app
    required property PackageModel plan
    property var snapshot: ({})

    readonly property bool narrow: (parent?.width ?? 0) < Kirigami.Units.gridUnit * 30

    function show(target: var): void {
        snapshot = target;
        plan.snapshot = 0;
        plan.snapshot = target.number;
        open();
    }

    title: i18nc("@title:window", "Roll back to #%1?", String(snapshot.number ?? 0))
    preferredWidth: Kirigami.Units.gridUnit * 30
    maximumHeight: (parent?.height ?? 0) - Kirigami.Units.gridUnit * 2
    standardButtons: Kirigami.Dialog.NoButton
    showCloseButton: true
    padding: 0

    component Fact: RowLayout {
        id: fact

        required property string text
        required property string iconName
        property color tint: Kirigami.Theme.textColor

        spacing: Kirigami.Units.largeSpacing

        Kirigami.Icon {
            Layout.preferredWidth: Kirigami.Units.iconSizes.smallMedium
            Layout.preferredHeight: Kirigami.Units.iconSizes.smallMedium
            Layout.alignment: Qt.AlignTop
            source: fact.iconName
            isMask: true
            color: fact.tint
        }

        QQC2.Label {
            Layout.fillWidth: true
            text: fact.text
            textFormat: Text.PlainText
            wrapMode: Text.Wrap
            horizontalAlignment: Text.AlignLeft
        }
    }

    ColumnLayout {
        spacing: 0

        ColumnLayout {
            Layout.fillWidth: true
            Layout.margins: Kirigami.Units.gridUnit
            Layout.topMargin: 0
            spacing: Kirigami.Units.largeSpacing

            QQC2.Label {
                Layout.fillWidth: true
                text: i18nc("@info a snapshot's description and when it was made", "“%1”, made %2. Personal files stay as they are.", Wording.snapshotTitle(root.snapshot.description ?? ""), Wording.when(root.snapshot.time ?? 0))
                textFormat: Text.PlainText
                wrapMode: Text.Wrap
            }

            Repeater {
                model: root.plan.concerns

                Fact {
                    required property string modelData

                    Layout.fillWidth: true
                    text: Wording.concern(modelData)
                    iconName: "emblem-important-symbolic"
                    tint: Kirigami.Theme.neutralTextColor
                }
            }

            Fact {
                Layout.fillWidth: true
                visible: root.plan.kernel.new !== undefined
                text: i18nc("@info", "Kernel: %1 → %2", root.plan.kernel.old ?? "", root.plan.kernel.new ?? "")
                iconName: "computer-symbolic"
            }

            Fact {
                Layout.fillWidth: true
                visible: root.plan.removed > 0
                text: i18ncp("@info", "%1 package that is installed now is missing there", "%1 packages that are installed now are missing there", root.plan.removed)
                iconName: "list-remove-symbolic"
            }

            Fact {
                Layout.fillWidth: true
                visible: root.plan.added > 0
                text: i18ncp("@info", "%1 package comes back", "%1 packages come back", root.plan.added)
                iconName: "list-add-symbolic"
            }

            Fact {
                Layout.fillWidth: true
                visible: root.plan.downgraded + root.plan.upgraded > 0
                text: i18ncp("@info", "%1 package has another version", "%1 packages have other versions", root.plan.downgraded + root.plan.upgraded)
                iconName: "document-revert-symbolic"
            }

            Fact {
                Layout.fillWidth: true
                visible: !root.plan.loading && root.plan.count === 0 && root.plan.error.type === undefined && root.plan.concerns.length === 0
                text: i18nc("@info", "The same packages are installed there.")
                iconName: "checkmark-symbolic"
            }

            Fact {
                Layout.fillWidth: true
                visible: root.plan.error.type !== undefined
                text: i18nc("@info", "What would change could not be found out. %1", root.plan.error.type !== undefined ? Failures.sentence(root.plan.error) : "")
                iconName: "error-symbolic"
                tint: Kirigami.Theme.negativeTextColor
            }
        }

        QQC2.ScrollView {
            Layout.fillWidth: true
            Layout.preferredHeight: Math.min(list.contentHeight, Kirigami.Units.gridUnit * 13)
            visible: root.plan.count > 0
            QQC2.ScrollBar.horizontal.policy: QQC2.ScrollBar.AlwaysOff

            ListView {
                id: list

                clip: true
                reuseItems: true
                currentIndex: -1
                model: root.plan
                section.property: "group"
                section.delegate: Kirigami.ListSectionHeader {
                    required property string section

                    width: list.width
                    text: Wording.group(section)
                }
                delegate: PackageDelegate {}
            }
        }

        Kirigami.LoadingPlaceholder {
            Layout.alignment: Qt.AlignHCenter
            Layout.margins: Kirigami.Units.gridUnit
            visible: root.plan.loading
            text: i18nc("@info:progress", "Comparing the packages…")
        }
    }

    footer: QQC2.Control {
        padding: Kirigami.Units.largeSpacing

        contentItem: GridLayout {
            columns: root.narrow ? 1 : 4

            QQC2.Button {
                Layout.row: root.narrow ? 2 : 0
                Layout.column: 0
                Layout.fillWidth: root.narrow
                text: i18nc("@action:button", "Cancel")
                icon.name: "dialog-cancel-symbolic"
                onClicked: root.close()
            }

            QQC2.Button {
                Layout.row: root.narrow ? 1 : 0
                Layout.column: root.narrow ? 0 : 2
                Layout.fillWidth: root.narrow
                text: i18nc("@action:button roll back without restarting now", "Restart Later")
                icon.name: "document-revert-symbolic"
                enabled: !root.plan.loading
                onClicked: {
                    root.close();
                    root.app.rollBack(root.snapshot.number, false);
                }
            }

            QQC2.Button {
                Layout.row: 0
                Layout.column: root.narrow ? 0 : 3
                Layout.fillWidth: root.narrow
                text: i18nc("@action:button roll back and restart", "Restart Now")
                icon.name: "system-reboot-symbolic"
                highlighted: true
                enabled: !root.plan.loading
                onClicked: {
                    root.close();
                    root.app.rollBack(root.snapshot.number, true);
                }
            }

            Item {
                visible: !root.narrow
                Layout.row: 0
                Layout.column: 1
                Layout.fillWidth: true
            }
        }
    }
}
