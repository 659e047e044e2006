// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Controls as QQC2
import QtQuick.Layouts
import org.kde.kirigami as Kirigami
import org.kedge.app

// An update in two lines: how much there is, and what becomes of the running system.
ColumnLayout {
    id: root

    required property PackageModel updates
    required property App app
    // Without what is the same for every update.
    property bool brief: false
    readonly property int tick: app.tick

    readonly property string amount: i18ncp("@info", "%1 package changes", "%1 packages change", updates.count)
    readonly property string download: updates.downloadSize > 0 ? i18nc("@info", "%1 to download", Wording.size(updates.downloadSize)) : ""
    readonly property string fixes: updates.security > 0 ? i18ncp("@info", "%1 security fix", "%1 security fixes", updates.security) : ""

    spacing: Kirigami.Units.smallSpacing

    Kirigami.Heading {
        Layout.fillWidth: true
        Layout.margins: Kirigami.Units.largeSpacing
        Layout.bottomMargin: root.brief ? Kirigami.Units.largeSpacing : 0
        level: 2
        text: [root.amount, root.fixes, root.download].filter(it => it.length > 0).join(i18nc("separates short facts, e.g. '12 packages change · 48 MiB to download'", " · "))
        wrapMode: Text.Wrap
    }

    QQC2.Label {
        Layout.fillWidth: true
        Layout.margins: Kirigami.Units.largeSpacing
        Layout.topMargin: 0
        visible: !root.brief
        text: root.tick, i18nc("@info", "The running system stays untouched: the update is installed beside it and starts with the next restart. Last checked: %1", Wording.when(root.app.checked))
        opacity: 0.8
        wrapMode: Text.Wrap
    }
}
