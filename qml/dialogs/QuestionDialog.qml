// SPDX-License-Identifier: GPL-3.0-or-later
pragma ComponentBehavior: Bound

import QtQuick
import QtQuick.Controls as QQC2
import QtQuick.Layouts
import org.kde.kirigami as Kirigami
import org.kedge.app

// What only a person can decide while an update waits for it. Closing it decides nothing.
Kirigami.Dialog {
    id: root

    required property App app
    required property Question question
    // The number of the solution that was chosen, zero for none.
    readonly property int chosen: ((solutions.checkedButton as Choice)?.index ?? -1) + 1
    readonly property bool narrow: (parent?.width ?? 0) < Kirigami.Units.gridUnit * 30
    readonly property bool decided: question.open && (question.choices.length === 0 || chosen > 0)

    function answer(choice: int): void {
        app.answer(question.job, question.number, choice);
        close();
    }

    title: Jobs.question(question.kind, question.about)
    preferredWidth: Kirigami.Units.gridUnit * 34
    maximumHeight: (parent?.height ?? 0) - Kirigami.Units.gridUnit * 2
    standardButtons: Kirigami.Dialog.NoButton
    showCloseButton: true
    padding: 0

    onAboutToShow: page.contentY = 0
    // What is to be read comes first: nothing is agreed to by a key that was meant for something else.
    onOpened: page.forceActiveFocus()

    component Choice: QQC2.RadioDelegate {
        id: choice

        required property int index
        required property string modelData

        text: modelData
        QQC2.ButtonGroup.group: solutions
        Accessible.name: modelData
        onActiveFocusChanged: {
            if (activeFocus) {
                page.scroll(Math.min(0, y - page.contentY) + Math.max(0, y + Math.min(height, page.height) - page.contentY - page.height));
            }
        }

        contentItem: QQC2.Label {
            text: choice.text
            textFormat: Text.PlainText
            wrapMode: Text.Wrap
            horizontalAlignment: Text.AlignLeft
            Accessible.ignored: true
        }
    }

    QQC2.ButtonGroup {
        id: solutions
    }

    Connections {
        target: root.question

        function onAsked(): void {
            solutions.checkedButton = null;
            root.open();
        }

        function onOpenChanged(): void {
            if (!root.question.open) {
                root.close();
            }
        }
    }

    Flickable {
        id: page

        function scroll(distance: real): void {
            contentY = Math.max(0, Math.min(contentHeight - height, contentY + distance));
        }

        // The dialog scrolls what is higher than itself; the text is to scroll here instead, by keys too.
        implicitHeight: Math.max(Kirigami.Units.gridUnit * 8, Math.min(content.implicitHeight, Kirigami.Units.gridUnit * 24, (root.parent?.height ?? 0) - Kirigami.Units.gridUnit * (root.narrow ? 14 : 10)))
        contentWidth: width
        contentHeight: content.implicitHeight
        clip: true
        boundsBehavior: Flickable.StopAtBounds
        activeFocusOnTab: true
        Accessible.role: Accessible.Pane
        Accessible.name: root.title
        Keys.onUpPressed: scroll(-Kirigami.Units.gridUnit * 2)
        Keys.onDownPressed: scroll(Kirigami.Units.gridUnit * 2)
        Keys.onPressed: event => {
            const way = {
                [Qt.Key_PageUp]: -height,
                [Qt.Key_PageDown]: height,
                [Qt.Key_Space]: height,
                [Qt.Key_Home]: -contentHeight,
                [Qt.Key_End]: contentHeight
            }[event.key];
            event.accepted = way !== undefined;
            scroll(way ?? 0);
        }

        QQC2.ScrollBar.vertical: QQC2.ScrollBar {}

        ColumnLayout {
            id: content

            width: page.width
            spacing: Kirigami.Units.largeSpacing

            QQC2.Label {
                Layout.fillWidth: true
                Layout.margins: Kirigami.Units.gridUnit
                Layout.bottomMargin: 0
                text: Jobs.questionFacts(root.question.kind, root.question.about)
                textFormat: Text.PlainText
                wrapMode: Text.Wrap
                horizontalAlignment: Text.AlignLeft
            }

            // In the words of a package or of the package manager, which are English and from left to right.
            QQC2.Label {
                Layout.fillWidth: true
                Layout.leftMargin: Kirigami.Units.gridUnit
                Layout.rightMargin: Kirigami.Units.gridUnit
                visible: text.length > 0
                text: root.question.text
                textFormat: Text.PlainText
                font.family: "monospace"
                wrapMode: Text.Wrap
                horizontalAlignment: Text.AlignLeft
                LayoutMirroring.enabled: false
            }

            Repeater {
                model: root.question.choices

                Choice {
                    Layout.fillWidth: true
                }
            }

            QQC2.Label {
                Layout.fillWidth: true
                Layout.margins: Kirigami.Units.gridUnit
                Layout.topMargin: 0
                text: Jobs.questionEnd(root.question.until)
                textFormat: Text.PlainText
                font: Kirigami.Theme.smallFont
                wrapMode: Text.Wrap
                horizontalAlignment: Text.AlignLeft
            }
        }
    }

    footer: QQC2.Control {
        padding: Kirigami.Units.largeSpacing

        contentItem: GridLayout {
            columns: root.narrow ? 1 : 2

            QQC2.Button {
                Layout.fillWidth: root.narrow
                text: Jobs.declining(root.question.kind)
                icon.name: "dialog-cancel-symbolic"
                enabled: root.question.open
                onClicked: root.answer(0)
            }

            QQC2.Button {
                Layout.fillWidth: root.narrow
                Layout.alignment: Qt.AlignRight
                text: Jobs.agreeing(root.question.kind)
                icon.name: "checkmark-symbolic"
                enabled: root.decided
                onClicked: root.answer(Math.max(1, root.chosen))
            }
        }
    }
}
