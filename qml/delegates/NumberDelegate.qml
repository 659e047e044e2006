// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import org.kde.kirigamiaddons.formcard as FormCard

// A number that is asked for when a person has stopped changing it: each change may ask for a password.
FormCard.FormSpinBoxDelegate {
    id: root

    required property int number

    signal picked(number: int)

    value: number
    onNumberChanged: value = number
    onValueChanged: {
        if (value !== number) {
            pause.restart();
        }
    }

    readonly property Timer pause: Timer {
        interval: 1500
        onTriggered: {
            const wished = root.value;
            root.value = Qt.binding(() => root.number);
            root.picked(wished);
        }
    }
}
