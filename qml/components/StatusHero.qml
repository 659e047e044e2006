// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Controls as QQC2
import QtQuick.Layouts
import org.kde.kirigami as Kirigami
import org.kedge.app

// The system in one sentence, with the one right button.
ColumnLayout {
    id: root

    required property App app
    required property CurrentJob job
    property var status: app.status
    // The bindings that speak of time look again when this changes.
    readonly property int tick: app.tick

    signal detailsAsked
    signal updatesAsked
    signal logAsked
    signal fixAsked(code: string)

    spacing: Kirigami.Units.largeSpacing

    StatusPicture {
        Layout.alignment: Qt.AlignHCenter
        Layout.bottomMargin: Kirigami.Units.largeSpacing
        code: root.status.code ?? ""
    }

    Kirigami.Heading {
        Layout.fillWidth: true
        text: Wording.status(root.status)
        type: Kirigami.Heading.Primary
        horizontalAlignment: Text.AlignHCenter
        wrapMode: Text.Wrap
    }

    QQC2.Label {
        Layout.fillWidth: true
        visible: text.length > 0
        text: root.tick, Wording.explanation(root.status)
        horizontalAlignment: Text.AlignHCenter
        wrapMode: Text.Wrap
        opacity: 0.8
    }

    JobProgress {
        Layout.alignment: Qt.AlignHCenter
        Layout.fillWidth: true
        Layout.maximumWidth: Kirigami.Units.gridUnit * 24
        Layout.topMargin: Kirigami.Units.largeSpacing
        visible: root.status.code === "working"
        job: root.job
    }

    GridLayout {
        id: buttons

        readonly property real wanted: primary.implicitWidth + (secondary.visible ? secondary.implicitWidth + columnSpacing : 0)

        Layout.alignment: Qt.AlignHCenter
        Layout.fillWidth: false
        Layout.topMargin: Kirigami.Units.largeSpacing
        columns: wanted <= root.width ? 2 : 1
        columnSpacing: Kirigami.Units.largeSpacing
        rowSpacing: Kirigami.Units.smallSpacing

        QQC2.Button {
            id: primary

            Layout.fillWidth: buttons.columns === 1

            focus: true

            readonly property string refusal: root.status.action === "update" ? root.app.updateRefusal : root.status.action === "check" ? root.app.checkRefusal : ""

            visible: text.length > 0
            text: Wording.action(root.status.action)
            icon.name: Wording.actionIcon(root.status.action)
            highlighted: root.status.action !== "cancel" && root.status.code !== "up-to-date"
            enabled: refusal.length === 0 && (root.status.action !== "cancel" || root.job.cancellable)
            QQC2.ToolTip.text: Failures.reason(refusal)
            QQC2.ToolTip.visible: refusal.length > 0 && hovered
            onClicked: {
                switch (root.status.action) {
                case "restart":
                    return root.app.restart();
                case "update":
                    return root.app.update();
                case "check":
                    return root.app.check();
                case "cancel":
                    return root.app.cancel(root.status.job);
                case "show-details":
                    return root.detailsAsked();
                }
            }
        }

        QQC2.Button {
            id: secondary

            Layout.fillWidth: buttons.columns === 1

            visible: text.length > 0 && !root.app.discarding
            text: {
                switch (root.status.code) {
                case "update-pending":
                    return i18nc("@action:button", "Undo the Update");
                case "rollback-pending":
                    return i18nc("@action:button", "Undo");
                case "available":
                    return i18nc("@action:button", "Show Updates");
                case "working":
                    return i18nc("@action:button", "Show Log");
                case "failed":
                    return i18nc("@action:button", "Dismiss");
                case "could-not-check":
                    return Failures.wayOutCode(root.status.failure) === "check" ? "" : Failures.wayOut(root.status.failure);
                default:
                    return "";
                }
            }
            onClicked: {
                switch (root.status.code) {
                case "update-pending":
                case "rollback-pending":
                    return root.app.discard();
                case "available":
                    return root.updatesAsked();
                case "working":
                    return root.logAsked();
                case "failed":
                    return root.app.dismiss();
                case "could-not-check":
                    return root.fixAsked(Failures.wayOutCode(root.status.failure));
                }
            }
        }
    }
}
