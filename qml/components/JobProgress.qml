// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Controls as QQC2
import QtQuick.Layouts
import org.kde.kirigami as Kirigami
import org.kedge.app

// How far the running job is: one bar, one number, one line about what it is at.
ColumnLayout {
    id: root

    required property CurrentJob job

    spacing: Kirigami.Units.smallSpacing

    QQC2.ProgressBar {
        Layout.fillWidth: true
        to: 1000
        value: Math.max(0, root.job.permille)
        indeterminate: root.job.permille < 0
        Accessible.name: i18nc("@info:progress", "Progress")
        Accessible.description: step.text
    }

    RowLayout {
        Layout.fillWidth: true
        spacing: Kirigami.Units.largeSpacing

        QQC2.Label {
            id: step

            Layout.fillWidth: true
            text: Jobs.step(root.job.phase, root.job.subject, root.job.item, root.job.items)
            textFormat: Text.PlainText
            elide: Text.ElideRight
            horizontalAlignment: Text.AlignLeft
            Accessible.name: text
        }

        QQC2.Label {
            visible: root.job.permille >= 0
            text: i18nc("@info:progress", "%1 %", Math.floor(root.job.permille / 10))
            font.features: ({
                    "tnum": 1
                })
            Accessible.name: text
        }
    }

    QQC2.Label {
        Layout.fillWidth: true
        visible: !root.job.cancellable
        text: i18nc("@info:progress", "It can no longer be cancelled, but is almost done.")
        font: Kirigami.Theme.smallFont
        opacity: 0.75
        wrapMode: Text.Wrap
    }
}
