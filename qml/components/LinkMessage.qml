// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import org.kde.kirigami as Kirigami
import org.kedge.app

// Says that what is shown is not live, when it is not.
Kirigami.InlineMessage {
    required property App app
    // Also where nothing was ever known, on a page that shows something without.
    property bool always: false

    position: Kirigami.InlineMessage.Position.Header
    type: Kirigami.MessageType.Warning
    visible: app.link === "lost" && (always || app.status.code !== undefined)
    text: app.status.code === undefined ? i18nc("@info", "The system service does not answer. Kedge keeps trying.") : i18nc("@info", "The system service does not answer. What is shown may be out of date; Kedge keeps trying.")
}
