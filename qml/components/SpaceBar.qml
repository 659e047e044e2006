// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Controls as QQC2
import QtQuick.Layouts
import org.kde.kirigami as Kirigami
import org.kedge.app

// How full the disk is: a bar and a sentence.
ColumnLayout {
    id: root

    required property double size
    required property double used
    required property double free

    spacing: Kirigami.Units.smallSpacing

    QQC2.ProgressBar {
        Layout.fillWidth: true
        to: Math.max(1, root.size)
        value: root.used
        Accessible.name: i18nc("@label", "How full the disk is")
        Accessible.description: sentence.text
    }

    QQC2.Label {
        id: sentence

        Layout.fillWidth: true
        text: i18nc("@info how full the disk is: used, size, free", "%1 of %2 used, %3 free", Wording.size(root.used), Wording.size(root.size), Wording.size(root.free))
        wrapMode: Text.Wrap
        Accessible.name: text
    }
}
