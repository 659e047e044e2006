// SPDX-License-Identifier: GPL-3.0-or-later
pragma ComponentBehavior: Bound

import QtQuick
import QtQuick.Controls as QQC2
import QtQuick.Layouts
import org.kde.kirigami as Kirigami
import org.kedge.app

// One line of the timeline.
QQC2.ItemDelegate {
    id: root

    required property int index
    required property int number
    required property string position
    required property string description
    required property double time
    required property string kind
    required property bool isDefault
    required property bool pinned
    required property bool inProgress
    required property bool damaged
    required property int packages
    required property int security
    required property string rollbackRefusal
    // How many packages differ from the version before, by signs.
    required property string changes

    property int tick: 0
    property bool narrow: false
    // Its page is open beside the list.
    property bool shown: false

    // Chosen together with others, and whether any is.
    property bool chosen: false
    property bool choosing: false

    signal chooseAsked
    signal opened
    signal menuAsked(item: Item)
    signal rollBackAsked
    signal updateAsked
    signal restartAsked
    signal undoAsked

    readonly property bool available: position === "available"
    readonly property string title: available ? i18ncp("@label", "%1 update", "%1 updates", packages) : Wording.snapshotTitle(description)
    readonly property string subtitle: root.tick, available ? (security > 0 ? i18ncp("@info", "%1 security fix", "%1 security fixes", security) : i18nc("@info", "Not installed yet")) : (changes.length > 0 ? i18nc("@info a snapshot's number, when it was made, how its packages differ from the version before: +new ↑upgraded ↓downgraded −removed", "#%1 · %2 · %3", String(number), Wording.when(time), changes) : i18nc("@info a snapshot's number and when it was made", "#%1 · %2", String(number), Wording.when(time)))
    // What sets this line apart. Most have nothing, so that only what is shown is made: a list is as fast as its lines.
    readonly property var markers: [
        {
            shown: position === "running",
            text: i18nc("@label:marker", "Running"),
            icon: "media-playback-start-symbolic",
            tint: Kirigami.Theme.positiveTextColor
        },
        {
            shown: isDefault && position !== "running" && !narrow,
            text: i18nc("@label:marker", "Starts next"),
            icon: "system-reboot-symbolic",
            tint: Kirigami.Theme.focusColor
        },
        {
            shown: available && security > 0,
            text: i18nc("@label:marker", "Security"),
            icon: "security-high-symbolic",
            tint: Kirigami.Theme.neutralTextColor
        },
        {
            shown: inProgress,
            text: i18nc("@label:marker", "Being made"),
            icon: "view-refresh-symbolic",
            tint: Kirigami.Theme.textColor
        },
        {
            shown: damaged,
            text: i18nc("@label:marker", "Damaged"),
            icon: "emblem-important-symbolic",
            tint: Kirigami.Theme.negativeTextColor
        },
        {
            shown: pinned,
            text: i18nc("@label:marker", "Pinned"),
            icon: "pin-symbolic",
            tint: Kirigami.Theme.textColor,
            iconOnly: true
        }
    ].filter(marker => marker.shown)
    readonly property string spoken: [position === "running" ? i18nc("@label:marker", "Running") : "", isDefault ? i18nc("@label:marker", "Starts next") : "", pinned ? i18nc("@label:marker", "Pinned") : "", inProgress ? i18nc("@label:marker", "Being made") : "", damaged ? i18nc("@label:marker", "Damaged") : "", chosen ? i18nc("@label:marker", "Chosen") : ""].filter(it => it.length > 0).join(", ")

    width: ListView.view.width
    topPadding: 0
    bottomPadding: 0
    highlighted: shown || ListView.isCurrentItem && ListView.view.activeFocus
    text: title

    Accessible.name: i18nc("@label read aloud: title, number and time, markers", "%1, %2, %3", title, subtitle, spoken)
    Accessible.onPressAction: clicked()

    QQC2.ToolTip.text: Wording.exactly(time)
    QQC2.ToolTip.visible: hovered && !available && buttons.hovered === false
    QQC2.ToolTip.delay: Kirigami.Units.toolTipDelay

    onClicked: {
        ListView.view.currentIndex = index;
        choosing && !available ? chooseAsked() : opened();
    }
    onPressAndHold: menuAsked(root)
    // Before the button takes it for a press.
    Keys.onSpacePressed: event => available ? event.accepted = false : chooseAsked()

    TapHandler {
        acceptedButtons: Qt.RightButton
        onTapped: root.menuAsked(root)
    }

    TapHandler {
        acceptedModifiers: Qt.ControlModifier
        enabled: !root.available
        onTapped: root.chooseAsked()
    }

    contentItem: RowLayout {
        spacing: Kirigami.Units.largeSpacing
        Kirigami.Theme.inherit: !(root.highlighted || root.down)
        Kirigami.Theme.colorSet: Kirigami.Theme.Selection

        TimelineAxis {
            Layout.fillHeight: true
            position: root.position
            last: root.index === root.ListView.view.count - 1
        }

        Loader {
            active: root.choosing && !root.available
            visible: active
            sourceComponent: QQC2.CheckBox {
                checked: root.chosen
                Accessible.name: i18nc("@option:check", "Choose #%1", String(root.number))
                // Not toggled(): that is not sent when a screen reader does it.
                onCheckedChanged: {
                    if (checked !== root.chosen) {
                        root.chooseAsked();
                        checked = Qt.binding(() => root.chosen);
                    }
                }
            }
        }

        ColumnLayout {
            Layout.fillWidth: true
            Layout.topMargin: Kirigami.Units.mediumSpacing + Kirigami.Units.smallSpacing
            Layout.bottomMargin: Layout.topMargin
            spacing: 0

            QQC2.Label {
                Layout.fillWidth: true
                text: root.title
                textFormat: Text.PlainText
                font.bold: root.position === "running"
                font.italic: !root.available && root.description.length === 0
                elide: Text.ElideRight
                horizontalAlignment: Text.AlignLeft
            }

            QQC2.Label {
                Layout.fillWidth: true
                text: root.subtitle
                textFormat: Text.PlainText
                font: Kirigami.Theme.smallFont
                opacity: 0.75
                elide: Text.ElideRight
                horizontalAlignment: Text.AlignLeft
            }
        }

        RowLayout {
            spacing: Kirigami.Units.smallSpacing

            Repeater {
                model: root.markers

                Marker {
                    required property var modelData

                    text: modelData.text
                    iconName: modelData.icon
                    tint: modelData.tint
                    iconOnly: root.narrow || modelData.iconOnly === true
                }
            }
        }

        TimelineButtons {
            id: buttons

            number: root.number
            position: root.position
            rollbackRefusal: root.rollbackRefusal
            narrow: root.narrow
            onMenuAsked: item => root.menuAsked(item)
            onRollBackAsked: root.rollBackAsked()
            onUpdateAsked: root.updateAsked()
            onRestartAsked: root.restartAsked()
            onUndoAsked: root.undoAsked()
        }
    }
}
