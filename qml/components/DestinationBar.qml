// SPDX-License-Identifier: GPL-3.0-or-later
pragma ComponentBehavior: Bound

import QtQuick
import QtQuick.Controls as QQC2
import QtQuick.Layouts
import org.kde.kirigami as Kirigami

// The destinations beside each other below a narrow page: with their names where all of them fit, else by their icons, since
// half a word helps nobody.
QQC2.ToolBar {
    id: root

    required property list<Kirigami.Action> destinations

    readonly property bool fits: destinations.every(it => letters.advanceWidth(it.text) + Kirigami.Units.largeSpacing * 2 <= width / destinations.length)

    position: QQC2.ToolBar.Footer
    padding: 0

    FontMetrics {
        id: letters

        font: Kirigami.Theme.defaultFont
    }

    contentItem: RowLayout {
        spacing: 0

        Repeater {
            model: root.destinations

            Kirigami.NavigationTabButton {
                required property Kirigami.Action modelData

                Layout.fillWidth: true
                Layout.fillHeight: true
                Layout.preferredWidth: 1
                action: modelData
                display: root.fits ? QQC2.AbstractButton.TextUnderIcon : QQC2.AbstractButton.IconOnly
                Accessible.name: modelData.text
                QQC2.ToolTip.text: modelData.text
                QQC2.ToolTip.visible: !root.fits && hovered
                QQC2.ToolTip.delay: Kirigami.Units.toolTipDelay
            }
        }
    }
}
