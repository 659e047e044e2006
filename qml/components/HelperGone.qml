// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import org.kde.kirigami as Kirigami

// Stands for a page that has nothing to show because the system service cannot be reached.
Kirigami.PlaceholderMessage {
    required property string detail

    icon.name: "network-disconnect-symbolic" // qmllint disable unresolved-type missing-property
    text: i18nc("@info:status", "The system service does not answer")
    explanation: i18nc("@info", "Kedge keeps trying. If this stays so, the service may not be installed.") + (detail.length > 0 ? "\n\n" + detail : "")
}
