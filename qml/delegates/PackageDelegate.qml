// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Controls as QQC2
import QtQuick.Layouts
import org.kde.kirigami as Kirigami
import org.kedge.app

// One package that differs: its name, both versions, and what the new one costs to download. Where it can be told what is
// new in it, it can be pressed.
QQC2.ItemDelegate {
    id: root

    required property string name
    required property string change
    required property string oldVersion
    required property string newVersion
    required property double size
    required property string origin
    required property bool security

    // Whether there is more to read about it.
    property bool readable: false

    signal opened

    readonly property string versions: Wording.versions(change, oldVersion, newVersion)

    width: ListView.view.width
    highlighted: ListView.isCurrentItem && ListView.view.activeFocus
    text: name
    hoverEnabled: true
    // Else a line of information, nothing to press.
    background.visible: readable || highlighted
    onClicked: {
        if (readable) {
            opened();
        }
    }
    Accessible.onPressAction: clicked()

    Accessible.name: i18nc("@label read aloud: package, what happens to it, versions", "%1, %2, %3", name, Wording.change(change), versions)
    Accessible.description: origin

    QQC2.ToolTip.text: i18nc("@info:tooltip what happens to a package and where it comes from", "%1 from %2", Wording.change(change), origin)
    QQC2.ToolTip.visible: hovered && origin.length > 0
    QQC2.ToolTip.delay: Kirigami.Units.toolTipDelay

    contentItem: RowLayout {
        spacing: Kirigami.Units.largeSpacing

        Kirigami.Icon {
            Layout.preferredWidth: Kirigami.Units.iconSizes.small
            Layout.preferredHeight: Kirigami.Units.iconSizes.small
            source: root.change === "added" ? "package-new" : root.change === "removed" ? "package-remove" : root.change === "downgraded" ? "package-downgrade" : "package-upgrade"
        }

        ColumnLayout {
            Layout.fillWidth: true
            spacing: 0

            QQC2.Label {
                Layout.fillWidth: true
                text: root.name
                textFormat: Text.PlainText
                elide: Text.ElideMiddle
                horizontalAlignment: Text.AlignLeft
            }

            QQC2.Label {
                Layout.fillWidth: true
                text: root.versions
                textFormat: Text.PlainText
                font: Kirigami.Theme.smallFont
                opacity: 0.75
                elide: Text.ElideRight
                horizontalAlignment: Text.AlignLeft
            }
        }

        Marker {
            visible: root.security
            text: i18nc("@label:marker", "Security")
            iconName: "security-high-symbolic"
            tint: Kirigami.Theme.neutralTextColor
        }

        QQC2.Label {
            visible: root.size > 0
            text: Wording.size(root.size)
            opacity: 0.75
        }
    }
}
