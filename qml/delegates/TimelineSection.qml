// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Controls as QQC2
import QtQuick.Layouts
import org.kde.kirigami as Kirigami
import org.kedge.app

// A heading on the time axis.
QQC2.Control {
    id: root

    required property string section

    topPadding: 0
    bottomPadding: 0
    leftPadding: Kirigami.Units.largeSpacing
    rightPadding: Kirigami.Units.largeSpacing

    Accessible.role: Accessible.Heading
    Accessible.name: label.text

    contentItem: RowLayout {
        spacing: Kirigami.Units.largeSpacing

        TimelineAxis {
            Layout.fillHeight: true
            first: root.y <= 0
        }

        Kirigami.Heading {
            id: label

            Layout.topMargin: Kirigami.Units.largeSpacing
            Layout.bottomMargin: Kirigami.Units.smallSpacing
            level: 5
            text: Wording.section(root.section)
            color: Kirigami.Theme.disabledTextColor
            font.weight: Font.DemiBold
        }

        Kirigami.Separator {
            Layout.fillWidth: true
            Layout.topMargin: Kirigami.Units.smallSpacing
        }
    }
}
