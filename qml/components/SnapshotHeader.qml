// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Controls as QQC2
import QtQuick.Layouts
import org.kde.kirigami as Kirigami
import org.kedge.app

// What a snapshot is, above the list of what it changed.
ColumnLayout {
    id: root

    required property var snapshot
    required property PackageModel changes

    spacing: Kirigami.Units.smallSpacing

    Kirigami.Heading {
        Layout.fillWidth: true
        Layout.margins: Kirigami.Units.largeSpacing
        Layout.bottomMargin: 0
        level: 2
        text: Wording.snapshotTitle(root.snapshot.description ?? "")
        textFormat: Text.PlainText
        wrapMode: Text.Wrap
    }

    QQC2.Label {
        Layout.fillWidth: true
        Layout.leftMargin: Kirigami.Units.largeSpacing
        Layout.rightMargin: Kirigami.Units.largeSpacing
        text: Wording.exactly(root.snapshot.time ?? 0)
        opacity: 0.75
        wrapMode: Text.Wrap
    }

    Flow {
        Layout.fillWidth: true
        Layout.leftMargin: Kirigami.Units.largeSpacing
        Layout.rightMargin: Kirigami.Units.largeSpacing
        visible: root.snapshot.position === "running" || root.snapshot.isDefault === true || root.snapshot.pinned === true || root.snapshot.inProgress === true
        spacing: Kirigami.Units.smallSpacing

        Marker {
            visible: root.snapshot.position === "running"
            text: i18nc("@label:marker", "Running")
            iconName: "media-playback-start-symbolic"
            tint: Kirigami.Theme.positiveTextColor
        }

        Marker {
            visible: root.snapshot.isDefault === true
            text: i18nc("@label:marker", "Starts next")
            iconName: "system-reboot-symbolic"
            tint: Kirigami.Theme.focusColor
        }

        Marker {
            visible: root.snapshot.pinned === true
            text: i18nc("@label:marker", "Pinned")
            iconName: "pin-symbolic"
        }

        Marker {
            visible: root.snapshot.inProgress === true
            text: i18nc("@label:marker", "Being made")
            iconName: "view-refresh-symbolic"
        }
    }

    QQC2.Label {
        Layout.fillWidth: true
        Layout.margins: Kirigami.Units.largeSpacing
        visible: root.changes.count > 0
        text: i18ncp("@info", "%1 package differs from #%2", "%1 packages differ from #%2", root.changes.count, String(root.changes.base))
        wrapMode: Text.Wrap
    }

    Flow {
        Layout.fillWidth: true
        Layout.leftMargin: Kirigami.Units.largeSpacing
        Layout.rightMargin: Kirigami.Units.largeSpacing
        Layout.bottomMargin: Kirigami.Units.largeSpacing
        visible: root.changes.security + root.changes.securityLost > 0
        spacing: Kirigami.Units.smallSpacing

        Marker {
            visible: root.changes.security > 0
            text: i18ncp("@label:marker", "%1 security fix gained", "%1 security fixes gained", root.changes.security)
            iconName: "security-high-symbolic"
            tint: Kirigami.Theme.positiveTextColor
        }

        Marker {
            visible: root.changes.securityLost > 0
            text: i18ncp("@label:marker", "%1 security fix lost", "%1 security fixes lost", root.changes.securityLost)
            iconName: "security-low-symbolic"
            tint: Kirigami.Theme.negativeTextColor
        }
    }
}
