// SPDX-License-Identifier: GPL-3.0-or-later
pragma ComponentBehavior: Bound

import QtQuick
import QtQuick.Controls as QQC2
import QtQuick.Layouts
import org.kde.kirigami as Kirigami
import org.kde.kirigamiaddons.formcard as FormCard
import org.kedge.app

// What happens by itself, what is kept, and what Kedge may say; and what this system can do.
FormCard.FormCardPage {
    id: root

    required property App app
    required property Settings settings

    signal aboutAsked
    signal cleanUpAsked
    signal roomAsked

    readonly property bool live: app.link === "ready" && settings.known

    title: i18nc("@title:window", "Settings")

    header: LinkMessage {
        app: root.app
        always: true
    }

    FormCard.FormHeader {
        title: i18nc("@title:group", "Updates of This System")
    }

    FormCard.FormCard {
        enabled: root.live && !root.settings.storing

        ChoiceDelegate {
            text: i18nc("@label:listbox", "When there are updates")
            codes: ["notify", "download", "install"]
            words: [i18nc("@item:inlistbox", "Tell me"), i18nc("@item:inlistbox", "Download them and tell me"), i18nc("@item:inlistbox", "Install them for the next restart")]
            chosen: root.settings.automation
            onPicked: code => root.settings.choose("automation", code)
        }

        FormCard.FormDelegateSeparator {}

        ChoiceDelegate {
            text: i18nc("@label:listbox", "Look for updates")
            codes: ["daily", "weekly", "monthly", "never"]
            words: [i18nc("@item:inlistbox", "Every day"), i18nc("@item:inlistbox", "Every week"), i18nc("@item:inlistbox", "Every 30 days"), i18nc("@item:inlistbox", "Only when asked")]
            chosen: root.settings.cadence
            onPicked: code => root.settings.choose("cadence", code)
        }

        FormCard.FormDelegateSeparator {}

        ToggleDelegate {
            text: i18nc("@option:check", "Also while running from the battery")
            on: root.settings.onBattery
            onTurned: on => root.settings.turn("onBattery", on)
        }

        FormCard.FormDelegateSeparator {}

        ToggleDelegate {
            text: i18nc("@option:check", "Also over networks that are paid by volume")
            on: root.settings.onMetered
            onTurned: on => root.settings.turn("onMetered", on)
        }
    }

    FormCard.FormSectionText {
        text: i18nc("@info", "For everybody who uses this computer. Nothing of it restarts the computer.")
    }

    FormCard.FormHeader {
        title: i18nc("@title:group", "Old Versions")
    }

    FormCard.FormCard {
        enabled: root.live && !root.settings.storing

        ToggleDelegate {
            text: i18nc("@option:check", "Delete old versions automatically")
            description: i18nc("@info", "Never the running one, the one that starts next, or pinned ones.")
            on: root.settings.cleanUp
            onTurned: on => root.settings.turn("cleanUp", on)
        }

        FormCard.FormDelegateSeparator {
            visible: root.settings.cleanUp
        }

        NumberDelegate {
            visible: root.settings.cleanUp
            label: i18nc("@label:spinbox", "Updates to keep")
            from: 2
            to: 1000
            number: root.settings.keepUpdates
            onPicked: number => root.settings.count("keepUpdates", number)
        }

        FormCard.FormDelegateSeparator {
            visible: root.settings.cleanUp
        }

        NumberDelegate {
            visible: root.settings.cleanUp
            label: i18nc("@label:spinbox", "Share of the disk that versions may fill, in percent")
            from: 1
            to: 100
            number: root.settings.spacePercent
            onPicked: number => root.settings.count("spacePercent", number)
        }

        FormCard.FormDelegateSeparator {}

        FormCard.FormButtonDelegate {
            icon.name: "view-list-details-symbolic"
            text: i18nc("@action:button", "Show What Would Be Deleted")
            onClicked: root.cleanUpAsked()
        }

        FormCard.FormDelegateSeparator {}

        FormCard.FormButtonDelegate {
            icon.name: "edit-clear-all-symbolic"
            text: i18nc("@action:button", "Make Room…")
            onClicked: root.roomAsked()
        }
    }

    FormCard.FormSectionText {
        text: !root.settings.cleanUp ? i18nc("@info", "Kedge keeps every version until somebody deletes it. The system's own clean-up may still delete some.") : root.settings.spacePercent < 100 ? i18nc("@info", "The newest %1 updates are kept, fewer when versions fill more than %2 % of the disk.", root.settings.keepUpdates, root.settings.spacePercent) : i18nc("@info", "The newest %1 updates are kept.", root.settings.keepUpdates)
    }

    FormCard.FormHeader {
        title: i18nc("@title:group", "On My Desktop")
    }

    FormCard.FormCard {
        ToggleDelegate {
            text: i18nc("@option:check", "Show an icon in the tray when there is something to say")
            on: root.settings.tray
            onTurned: on => root.settings.tray = on
        }

        FormCard.FormDelegateSeparator {}

        ToggleDelegate {
            text: i18nc("@option:check", "Remind me of updates and restarts")
            description: i18nc("@info", "Failures are always told.")
            on: root.settings.reminders
            onTurned: on => root.settings.reminders = on
        }
    }

    FormCard.FormHeader {
        title: i18nc("@title:group", "About This System")
    }

    FormCard.FormCard {
        Repeater {
            model: ["snapshots", "boot-default", "boot-once", "updates", "package-changes"]

            FormCard.FormTextDelegate {
                required property string modelData

                readonly property string why: root.settings.abilities[modelData] ?? "unknown"

                icon.name: root.live ? (why.length === 0 ? "checkmark-symbolic" : "dialog-cancel-symbolic") : "question-symbolic"
                text: Wording.ability(modelData)
                description: !root.live ? i18nc("@info", "Unknown while the system service does not answer") : why.length === 0 ? i18nc("@info this system can do it", "Works on this system") : Failures.reason(why)
                Accessible.name: i18nc("@label read aloud: a fact and its value", "%1: %2", text, description)
            }
        }

        FormCard.FormDelegateSeparator {}

        FormCard.FormButtonDelegate {
            icon.name: "org.kedge.Kedge"
            text: i18nc("@action:button", "About Kedge")
            onClicked: root.aboutAsked()
        }
    }
}
