// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import org.kde.kirigamiaddons.formcard as FormCard

// One of a few values, shown as words. What is shown is what holds; a wish shows once it holds.
FormCard.FormComboBoxDelegate {
    id: root

    required property list<string> codes
    required property list<string> words
    required property string chosen

    signal picked(code: string)

    function settle(): void {
        currentIndex = codes.indexOf(chosen);
    }

    model: words
    Accessible.name: i18nc("@label read aloud: a setting and its value", "%1: %2", text, currentText)
    Component.onCompleted: settle()
    onChosenChanged: settle()
    onActivated: index => {
        root.picked(codes[index]);
        // The dialog has set the index already; without an answer nothing has changed.
        Qt.callLater(settle);
    }
}
