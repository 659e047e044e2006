// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import org.kde.kirigami as Kirigami
import org.kedge.app

// Says that what is shown is not live, when it is not.
Kirigami.InlineMessage {
    required property App app

    position: Kirigami.InlineMessage.Position.Header
    type: Kirigami.MessageType.Warning
    visible: app.link === "lost" && app.status.code !== undefined
    text: i18nc("@info", "The system service does not answer. What is shown may be out of date; Kedge keeps trying.")
}
