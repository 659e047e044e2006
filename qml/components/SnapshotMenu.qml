// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Controls as QQC2
import org.kde.kirigami as Kirigami
import org.kedge.app

// What can be done with one snapshot; what cannot says why.
QQC2.Menu {
    id: root

    required property App app
    required property SnapshotModel snapshots
    required property Selection selection
    property var snapshot: ({})

    signal detailsAsked(number: int)
    signal compareAsked(from: int, to: int)
    signal filesAsked(from: int, to: int)
    signal rollBackAsked(number: int)
    signal describeAsked(number: int, description: string)

    function show(number: int, item: Item): void {
        snapshot = snapshots.find(number);
        popup(item);
    }

    // By its number: Qt 6.8 frees the type of a component that only a signature names, and reads it afterwards.
    function remove(number: int): void {
        if (number > 0 && snapshots.find(number).deleteRefusal === "") {
            snapshots.deleteLater(number);
        }
    }

    function named(text: string, refusal: string): string {
        return refusal ? i18nc("@action:inmenu an action and why it is not possible", "%1 — %2", text, Failures.reason(refusal)) : text;
    }

    // Qt offers a screen reader no way to press an entry of a menu.
    component Entry: QQC2.MenuItem {
        Accessible.onPressAction: {
            root.close();
            triggered();
        }
    }

    Entry {
        text: i18nc("@action:inmenu", "Show What Changed")
        icon.name: "view-list-details-symbolic"
        onTriggered: root.detailsAsked(root.snapshot.number)
    }

    Entry {
        text: i18nc("@action:inmenu", "Show Changed Files")
        icon.name: "folder-symbolic"
        enabled: root.snapshot.previous > 0
        onTriggered: root.filesAsked(root.snapshot.previous, root.snapshot.number)
    }

    Entry {
        text: i18nc("@action:inmenu", "Compare with the Running System")
        icon.name: "vcs-diff-symbolic"
        enabled: root.app.booted > 0 && root.app.booted !== root.snapshot.number
        onTriggered: root.compareAsked(root.snapshot.number, root.app.booted)
    }

    Entry {
        text: i18nc("@action:inmenu", "Browse Files")
        icon.name: "system-file-manager-symbolic"
        onTriggered: root.app.browse(root.snapshot.number)
    }

    Entry {
        text: root.selection.numbers.includes(root.snapshot.number) ? i18nc("@action:inmenu", "Choose No Longer") : i18nc("@action:inmenu", "Choose")
        icon.name: "edit-select-symbolic"
        onTriggered: root.selection.toggle(root.snapshot.number)
    }

    QQC2.MenuSeparator {}

    Entry {
        text: root.named(i18nc("@action:inmenu", "Roll Back…"), root.snapshot.rollbackRefusal ?? "")
        icon.name: "document-revert-symbolic"
        enabled: root.snapshot.rollbackRefusal === ""
        onTriggered: root.rollBackAsked(root.snapshot.number)
    }

    QQC2.MenuSeparator {}

    Entry {
        text: root.named(root.snapshot.pinned ? i18nc("@action:inmenu", "Unpin") : i18nc("@action:inmenu", "Pin"), root.snapshot.editRefusal ?? "")
        icon.name: root.snapshot.pinned ? "window-unpin-symbolic" : "pin-symbolic"
        enabled: root.snapshot.editRefusal === ""
        onTriggered: root.app.pin(root.snapshot.number, !root.snapshot.pinned)
    }

    Entry {
        text: root.named(i18nc("@action:inmenu", "Edit Description…"), root.snapshot.editRefusal ?? "")
        icon.name: "edit-rename-symbolic"
        enabled: root.snapshot.editRefusal === ""
        onTriggered: root.describeAsked(root.snapshot.number, root.snapshot.description)
    }

    QQC2.MenuSeparator {}

    Entry {
        text: root.named(i18nc("@action:inmenu", "Delete"), root.snapshot.deleteRefusal ?? "")
        icon.name: "edit-delete-symbolic"
        enabled: root.snapshot.deleteRefusal === ""
        onTriggered: root.snapshots.deleteLater(root.snapshot.number)
    }
}
