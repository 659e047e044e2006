// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Controls as QQC2
import QtQuick.Layouts
import org.kde.kirigami as Kirigami
import org.kedge.app

// One thing that was done: what, when, by whom, and what came of it.
QQC2.ItemDelegate {
    id: root

    required property int number
    required property string kind
    required property string ending
    required property int snapshot
    required property int target
    required property double started
    required property string user

    property int tick: 0
    property bool shown: false

    readonly property bool wrong: ending === "undone" || ending === "needs-attention"
    readonly property string what: Jobs.did(kind, target > 0 ? target : snapshot)
    readonly property string about: (tick, user.length > 0 ? i18nc("@info when and by whom something was done", "%1 · by %2", Wording.when(started), user) : Wording.when(started))

    highlighted: shown || (ListView.isCurrentItem && ListView.view.activeFocus)
    text: what
    Accessible.name: i18nc("@label read aloud: what was done, what came of it, when and by whom", "%1, %2, %3", what, Jobs.result(ending), about)
    Accessible.description: Wording.exactly(started)
    Accessible.onPressAction: clicked()

    QQC2.ToolTip.text: Wording.exactly(started)
    QQC2.ToolTip.visible: hovered
    QQC2.ToolTip.delay: Kirigami.Units.toolTipDelay

    contentItem: RowLayout {
        spacing: Kirigami.Units.largeSpacing
        Kirigami.Theme.inherit: !(root.highlighted || root.down)
        Kirigami.Theme.colorSet: Kirigami.Theme.Selection

        Kirigami.Icon {
            Layout.preferredWidth: Kirigami.Units.iconSizes.smallMedium
            Layout.preferredHeight: Kirigami.Units.iconSizes.smallMedium
            source: Jobs.icon(root.kind)
        }

        ColumnLayout {
            Layout.fillWidth: true
            spacing: 0

            QQC2.Label {
                Layout.fillWidth: true
                text: root.what
                textFormat: Text.PlainText
                wrapMode: Text.Wrap
                horizontalAlignment: Text.AlignLeft
            }

            QQC2.Label {
                Layout.fillWidth: true
                text: root.about
                textFormat: Text.PlainText
                font: Kirigami.Theme.smallFont
                opacity: 0.75
                wrapMode: Text.Wrap
                horizontalAlignment: Text.AlignLeft
            }
        }

        Marker {
            visible: root.ending !== "done"
            text: Jobs.result(root.ending)
            iconName: root.wrong ? "emblem-important-symbolic" : root.ending.length > 0 ? "dialog-cancel-symbolic" : "view-refresh-symbolic"
            tint: root.wrong ? Kirigami.Theme.negativeTextColor : Kirigami.Theme.focusColor
        }
    }
}
