// SPDX-License-Identifier: GPL-3.0-or-later
pragma ComponentBehavior: Bound

import QtQuick
import QtQuick.Controls as QQC2
import QtQuick.Layouts
import org.kde.kirigami as Kirigami
import org.kedge.app

// What the makers of a package wrote between its two versions.
Kirigami.Dialog {
    id: root

    required property Changelog changelog
    property string name: ""

    readonly property bool failed: changelog.error.type !== undefined

    function show(which: string, from: int, to: int): void {
        name = which;
        changelog.read(which, from, to);
        open();
    }

    title: i18nc("@title:window a package", "What Is New in %1", name)
    preferredWidth: Kirigami.Units.gridUnit * 34
    preferredHeight: Kirigami.Units.gridUnit * 28
    maximumHeight: (parent?.height ?? 0) - Kirigami.Units.gridUnit * 2
    standardButtons: Kirigami.Dialog.NoButton
    showCloseButton: true
    padding: 0

    ListView {
        id: view

        implicitHeight: Kirigami.Units.gridUnit * 20
        clip: true
        model: root.changelog
        activeFocusOnTab: true
        Accessible.role: Accessible.List
        Accessible.name: root.title

        delegate: QQC2.Control {
            id: entry

            required property double time
            required property string author
            required property string version
            required property string words

            readonly property string heading: [version, time > 0 ? new Date(time).toLocaleDateString(Qt.locale(), Locale.ShortFormat) : "", author].filter(it => it.length > 0).join(i18nc("separates short facts", " · "))

            width: view.width
            padding: Kirigami.Units.largeSpacing
            Accessible.role: Accessible.ListItem
            Accessible.name: i18nc("@label read aloud: version, day and author of an entry, and its text", "%1: %2", heading, words)

            contentItem: ColumnLayout {
                spacing: Kirigami.Units.smallSpacing

                QQC2.Label {
                    Layout.fillWidth: true
                    text: entry.heading
                    textFormat: Text.PlainText
                    font.bold: true
                    wrapMode: Text.Wrap
                    Accessible.ignored: true
                }

                QQC2.Label {
                    Layout.fillWidth: true
                    text: entry.words
                    textFormat: Text.PlainText
                    wrapMode: Text.Wrap
                    Accessible.ignored: true
                }
            }
        }

        Kirigami.LoadingPlaceholder {
            anchors.centerIn: parent
            visible: root.changelog.loading
        }

        Kirigami.PlaceholderMessage {
            anchors.centerIn: parent
            width: parent.width - Kirigami.Units.gridUnit * 4
            visible: !root.changelog.loading && view.count === 0
            text: root.failed ? i18nc("@info:placeholder", "What is new is unknown") : i18nc("@info:placeholder", "Its makers wrote nothing down")
            explanation: root.failed ? Failures.sentence(root.changelog.error) : ""
        }
    }
}
