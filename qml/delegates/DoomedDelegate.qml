// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Controls as QQC2
import QtQuick.Layouts
import org.kde.kirigami as Kirigami
import org.kedge.app

// A snapshot that would be deleted, and why.
QQC2.ItemDelegate {
    id: root

    required property int number
    required property string description
    required property double time
    required property string reason

    property int tick: 0

    readonly property string title: Wording.snapshotTitle(description)
    readonly property string about: (tick, [i18nc("@info a snapshot's number and when it was made", "#%1 · %2", String(number), Wording.when(time)), Wording.doom(reason)].filter(it => it.length > 0).join(i18nc("separates short facts", " · ")))

    width: ListView.view.width
    text: title
    // A line of information, nothing to press.
    background: null
    Accessible.name: i18nc("@label read aloud: a snapshot, its number, time and why it would go", "%1, %2", title, about)

    contentItem: ColumnLayout {
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
            wrapMode: Text.Wrap
            horizontalAlignment: Text.AlignLeft
        }
    }
}
