// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Controls as QQC2
import QtQuick.Layouts
import org.kde.kirigami as Kirigami
import org.kedge.app

// One version of a file, and which snapshots have it.
QQC2.ItemDelegate {
    id: root

    required property int index
    required property int snapshot
    required property int oldest
    required property int snapshots
    required property bool running
    required property bool same
    required property double size
    required property double modified

    property int tick: 0
    property bool shown: false

    readonly property string title: snapshots > 1 ? i18nc("@label the snapshots that have a version of a file", "#%1 to #%2", String(oldest), String(snapshot)) : snapshot > 0 ? i18nc("@label a snapshot's number", "#%1", String(snapshot)) : i18nc("@label", "The running system")
    readonly property string about: (tick, i18nc("@info size of a file and when it was written", "%1 · written %2", Wording.size(size), Wording.when(modified)))

    width: ListView.view.width
    highlighted: shown || (ListView.isCurrentItem && ListView.view.activeFocus)
    text: title
    Accessible.name: i18nc("@label read aloud: snapshots, size and time, whether it is the present one", "%1, %2, %3", title, about, marker.visible ? marker.text : "")
    Accessible.onPressAction: clicked()

    QQC2.ToolTip.text: Wording.exactly(modified)
    QQC2.ToolTip.visible: hovered
    QQC2.ToolTip.delay: Kirigami.Units.toolTipDelay

    contentItem: RowLayout {
        spacing: Kirigami.Units.largeSpacing

        ColumnLayout {
            Layout.fillWidth: true
            spacing: 0

            QQC2.Label {
                Layout.fillWidth: true
                text: root.title
                textFormat: Text.PlainText
                elide: Text.ElideRight
                horizontalAlignment: Text.AlignLeft
            }

            QQC2.Label {
                Layout.fillWidth: true
                text: root.about
                textFormat: Text.PlainText
                font: Kirigami.Theme.smallFont
                opacity: 0.75
                elide: Text.ElideRight
                horizontalAlignment: Text.AlignLeft
            }
        }

        Marker {
            id: marker

            visible: root.running || root.same
            text: root.running ? i18nc("@label:marker", "Running") : i18nc("@label:marker a version of a file", "Same as now")
            iconName: root.running ? "media-playback-start-symbolic" : "checkmark-symbolic"
            tint: Kirigami.Theme.positiveTextColor
        }
    }
}
