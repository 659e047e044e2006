// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Controls as QQC2
import QtQuick.Layouts
import org.kde.kirigami as Kirigami
import org.kedge.app

// One line of changed files: a folder, a package, a file, or how many more there are.
QQC2.ItemDelegate {
    id: root

    required property int index
    required property string kind
    required property string name
    required property string address
    required property int depth
    required property bool open
    required property string change
    required property string file
    required property string aspects
    required property string before
    required property string addressBefore
    required property int below
    required property int rest

    signal opened
    signal foldAsked

    readonly property bool folds: kind === "directory" || kind === "package"
    readonly property string title: kind === "more" ? i18ncp("@action:button", "Show more (%1 left)", "Show more (%1 left)", rest) : kind === "package" ? (name.length > 0 ? name : i18nc("@label files that belong to no package", "Files of no package")) : name
    readonly property string about: [Wording.fileChange(change), change === "changed" || change === "renamed" ? Wording.aspects(aspects) : "", before.length > 0 ? i18nc("@info a path before", "was /%1", before) : "", folds ? i18ncp("@info", "%1 change", "%1 changes", below) : ""].filter(it => it.length > 0).join(i18nc("separates short facts", " · "))

    function unfold(wanted: bool): void {
        if (folds && open !== wanted) {
            foldAsked();
        }
    }

    width: ListView.view.width
    highlighted: ListView.isCurrentItem && ListView.view.activeFocus
    text: title
    Accessible.name: about.length > 0 ? i18nc("@label read aloud: a file and what happened to it", "%1, %2", title, about) : title
    Accessible.description: folds ? (open ? i18nc("@info what is in it is shown", "Unfolded") : i18nc("@info what is in it is not shown", "Folded")) : ""
    Accessible.onPressAction: clicked()

    onClicked: {
        ListView.view.currentIndex = index;
        folds || kind === "more" ? foldAsked() : change === "hidden" || file === "directory" ? undefined : opened();
    }

    contentItem: RowLayout {
        spacing: Kirigami.Units.smallSpacing

        Kirigami.Icon {
            Layout.leftMargin: root.depth * Kirigami.Units.gridUnit
            Layout.preferredWidth: Kirigami.Units.iconSizes.small
            Layout.preferredHeight: Kirigami.Units.iconSizes.small
            source: root.folds ? (root.open ? "arrow-down-symbolic" : root.LayoutMirroring.enabled ? "arrow-left-symbolic" : "arrow-right-symbolic") : ""
        }

        Kirigami.Icon {
            Layout.preferredWidth: Kirigami.Units.iconSizes.small
            Layout.preferredHeight: Kirigami.Units.iconSizes.small
            source: Wording.fileIcon(root.kind, root.file)
        }

        ColumnLayout {
            Layout.fillWidth: true
            spacing: 0

            QQC2.Label {
                Layout.fillWidth: true
                text: root.title
                textFormat: Text.PlainText
                elide: Text.ElideMiddle
                horizontalAlignment: Text.AlignLeft
            }

            QQC2.Label {
                Layout.fillWidth: true
                visible: text.length > 0
                text: root.about
                textFormat: Text.PlainText
                font: Kirigami.Theme.smallFont
                opacity: 0.75
                wrapMode: Text.Wrap
                horizontalAlignment: Text.AlignLeft
            }
        }

        Marker {
            visible: root.change.length > 0 && root.kind !== "more"
            text: Wording.fileChange(root.change)
            iconName: Wording.fileChangeIcon(root.change)
            tint: root.change === "created" ? Kirigami.Theme.positiveTextColor : root.change === "deleted" ? Kirigami.Theme.negativeTextColor : Kirigami.Theme.neutralTextColor
            iconOnly: true
        }
    }
}
