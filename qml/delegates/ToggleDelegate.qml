// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import org.kde.kirigamiaddons.formcard as FormCard

// A switch that shows what holds; a wish shows once it holds.
FormCard.FormSwitchDelegate {
    id: root

    required property bool on

    signal turned(on: bool)

    function settle(): void {
        checked = on;
    }

    Component.onCompleted: settle()
    onOnChanged: settle()
    // Not toggled(): that is not sent when a screen reader does it.
    onCheckedChanged: {
        if (checked !== on) {
            turned(checked);
            // The switch has moved already; without an answer nothing has changed.
            Qt.callLater(settle);
        }
    }
}
