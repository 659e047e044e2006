// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Controls as QQC2
import QtQuick.Layouts
import org.kde.kirigami as Kirigami
import org.kedge.app

// What a file is in one version, to be seen beside another one.
QQC2.Pane {
    id: root

    required property string title
    // As of FileHistory; without members where there is no such file.
    required property var facts

    readonly property bool there: facts.snapshot !== undefined
    readonly property string what: there ? i18nc("@info size and time of a file", "%1, written %2", Wording.size(facts.size), Wording.exactly(facts.modified)) : i18nc("@info", "No such file")
    readonly property string rights: there ? i18nc("@info owner and permissions of a file", "Belongs to %1, %2", facts.owner, facts.mode) : ""

    padding: Kirigami.Units.largeSpacing
    Accessible.role: Accessible.Grouping
    Accessible.name: i18nc("@label read aloud: which version of a file, what it is, rights", "%1: %2, %3", title, what, rights)

    background: Rectangle {
        radius: Kirigami.Units.cornerRadius
        color: "transparent"
        border.color: Qt.alpha(Kirigami.Theme.textColor, 0.2)
    }

    contentItem: ColumnLayout {
        spacing: Kirigami.Units.smallSpacing

        Kirigami.Heading {
            Layout.fillWidth: true
            level: 3
            text: root.title
            textFormat: Text.PlainText
        }

        QQC2.Label {
            Layout.fillWidth: true
            text: root.what
            textFormat: Text.PlainText
            wrapMode: Text.Wrap
            horizontalAlignment: Text.AlignLeft
        }

        QQC2.Label {
            Layout.fillWidth: true
            visible: text.length > 0
            text: root.rights
            textFormat: Text.PlainText
            font: Kirigami.Theme.smallFont
            opacity: 0.75
            wrapMode: Text.Wrap
            horizontalAlignment: Text.AlignLeft
        }
    }
}
