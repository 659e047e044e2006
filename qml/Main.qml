// SPDX-License-Identifier: GPL-3.0-or-later
pragma ComponentBehavior: Bound

import QtQuick
import QtQuick.Controls as QQC2
import QtQuick.Layouts
import org.kde.config as KConfig
import org.kde.kirigami as Kirigami
import org.kde.kirigamiaddons.formcard as FormCard
import org.kedge.app

// The window: five destinations beside each other when there is room, below each other when there is not.
Kirigami.ApplicationWindow {
    id: root

    readonly property bool narrow: width < Kirigami.Units.gridUnit * 42
    property string current: ""
    property int shownEntry: 0
    // Where the rollback led that can be made again when it was undone.
    property int wentBackTo: 0
    // A page that was asked for before there was anything to show.
    property string awaited: ""
    readonly property bool known: system.status.code !== undefined && snapshotModel.revision > 0

    function showPage(name: string): void {
        if (["changes", "room", "clean-up"].includes(name)) {
            return showBeside(name);
        }
        // What lies over the pages, as the one about Kedge, would hide them.
        pageStack.layers.clear();
        const known = ["status", "timeline", "updates", "history", "settings"];
        const wanted = known.includes(name) ? name : known[0];
        if (wanted === current && pageStack.depth === 1) {
            return;
        }
        current = wanted;
        pageStack.clear();
        pageStack.push(pages[wanted]());
    }

    // A page that stands beside another one: what the running version changed, making room, or what would be cleaned up.
    function showBeside(name: string): void {
        showPage(name === "clean-up" ? "settings" : "timeline");
        while (pageStack.depth > 1) {
            pageStack.pop();
        }
        awaited = "";
        if (name === "room") {
            pageStack.push(roomPage.createObject(root));
        } else if (name === "clean-up") {
            pageStack.push(cleanUpPage.createObject(root));
        } else if (known) {
            showChanges(snapshotModel.find(system.booted));
        } else {
            // At the start nobody knows yet what runs.
            awaited = name;
        }
    }

    // Which files a version changed; of the first one there is only to say that it is the first.
    function showChanges(version: var): void {
        if (version.previous > 0) {
            showFiles(version.previous, version.number);
        } else if (version.number > 0) {
            showSnapshot(version.number);
        } else {
            showPassiveNotification(i18nc("@info:status", "There is no version before the running one to compare with"));
        }
    }

    // What the .desktop file's actions, the agent and KRunner ask for: a page, or what can be done at once.
    function act(name: string): void {
        switch (name) {
        case "check":
            showPage("updates");
            return system.check();
        case "update":
            showPage("updates");
            return system.updateRefusal.length === 0 ? system.update() : undefined;
        case "rollback":
            showPage("status");
            return system.previous.number > 0 ? askRollBack(system.previous.number) : undefined;
        default:
            return showPage(name);
        }
    }

    // The way out of a failure.
    function fix(code: string): void {
        switch (code) {
        case "check":
            return system.check();
        case "log":
            return showLog();
        default:
            return showPage(code);
        }
    }

    function showEntry(number: int): void {
        showPage("history");
        while (pageStack.depth > 1) {
            pageStack.pop();
        }
        shownEntry = number;
        pageStack.push(entryPage.createObject(root, {
            number
        }));
    }

    function showSnapshot(number: int): void {
        showComparison(0, number);
    }

    // What changed between two snapshots; zero stands for the version before.
    function showComparison(from: int, to: int): void {
        showPage("timeline");
        while (pageStack.depth > 1) {
            pageStack.pop();
        }
        changedPackages.snapshot = 0;
        changedPackages.against = from;
        changedPackages.snapshot = to;
        pageStack.push(snapshotPage.createObject(root, {
            number: to
        }));
    }

    function showFiles(from: int, to: int): void {
        pageStack.push(filesPage.createObject(root, {
            from,
            to
        }));
    }

    // The versions of a file, the one of a snapshot first; zero for whichever differs.
    function showVersions(address: string, snapshot: int): void {
        fileHistory.open(address);
        pageStack.push(filePage.createObject(root, {
            snapshot
        }));
    }

    // What a file manager asks for.
    function showFile(address: string): void {
        showPage("timeline");
        while (pageStack.depth > 1) {
            pageStack.pop();
        }
        showVersions(address, 0);
    }

    // The same of a file that has another name in the newer version.
    function showMoved(before: string, from: int, after: string, to: int): void {
        fileHistory.open(before);
        pageStack.push(filePage.createObject(root, {
            snapshot: from,
            movedTo: after,
            movedIn: to
        }));
    }

    function showText(from: int, address: string, to: int): void {
        fileTexts.compare(fileHistory.address, from, address, to);
        pageStack.push(textPage.createObject(root, {
            name: fileHistory.name
        }));
    }

    function askRollBack(number: int): void {
        const target = snapshotModel.find(number);
        if (target.rollbackRefusal === "") {
            (rollbackDialog.made() as RollbackDialog).show(target);
        }
    }

    // What became of something that was asked for here. What the shown page says by itself is not said again.
    function tell(kind: string, ending: string, snapshot: int, failure: var): void {
        const waits = kind === "restore" && ending === "done" && system.pending === snapshot;
        const text = waits ? i18nc("@info:status", "The file is back in #%1, which starts with the next restart", String(snapshot)) : Jobs.done(kind, ending, snapshot);
        if (kind === "restore" && failure.type === undefined) {
            fileHistory.reload();
        }
        if (failure.type === undefined) {
            if (kind === "rollback" && ending === "done") {
                wentBackTo = snapshot;
                showPassiveNotification(text, "long", i18nc("@action:button", "Undo"), () => system.discard());
            } else if (kind === "discard" && ending === "done" && wentBackTo > 0) {
                const number = wentBackTo;
                wentBackTo = 0;
                showPassiveNotification(text, "long", i18nc("@action:button", "Go Back to #%1 Again", String(number)), () => system.rollBack(number, false));
            } else if (text.length > 0) {
                showPassiveNotification(text);
            }
        } else if (kind === "check" || kind === "update") {
            if (current === "timeline") {
                showPassiveNotification(Jobs.failed(kind), "long", i18nc("@action:button", "Show Details"), showFailure);
            }
        } else {
            showError(Jobs.failed(kind), failure, Jobs.after(ending));
        }
    }

    function showError(what: string, failure: var, after: string): void {
        (failureDialog.made() as FailureDialog).show(what, failure, after);
    }

    function showLog(): void {
        (logDialog.made() as LogDialog).open();
    }

    function describe(number: int, description: string): void {
        (descriptionDialog.made() as DescriptionDialog).ask(number, description);
    }

    function showFailure(): void {
        const status = system.status;
        showError(Wording.status(status), status.failure ?? ({}), Jobs.after(status.ending ?? ""));
    }

    readonly property var pages: ({
            "status": () => statusPage.createObject(root),
            "timeline": () => timelinePage.createObject(root),
            "updates": () => updatesPage.createObject(root),
            "history": () => historyPage.createObject(root),
            "settings": () => settingsPage.createObject(root)
        })

    title: i18nc("@title:window", "Kedge")
    width: Kirigami.Units.gridUnit * 56
    height: Kirigami.Units.gridUnit * 40
    minimumWidth: Kirigami.Units.gridUnit * 20
    minimumHeight: Kirigami.Units.gridUnit * 20

    // Not by the binding alone: the drawer opens and closes itself too.
    onNarrowChanged: sidebar.drawerOpen = !narrow
    onKnownChanged: {
        if (known && awaited.length > 0) {
            showBeside(awaited);
        }
    }
    Component.onCompleted: system.firstFile.length > 0 ? showFile(system.firstFile) : showPage(system.firstPage)

    KConfig.WindowStateSaver {
        configGroupName: "MainWindow"
    }

    App {
        id: system

        onRefused: (what, error) => {
            if (error.type !== "cancelled") {
                root.showError(Jobs.failed(what), error, "");
            }
        }
        onBrowsed: address => Qt.openUrlExternally(address)
        onEnded: (kind, ending, snapshot, failure) => {
            root.tell(kind, ending, snapshot, failure);
        }
    }

    SnapshotModel {
        id: snapshotModel

        onRefused: error => root.showError(Jobs.failed("delete"), error, "")
    }

    Selection {
        id: chosenSnapshots
    }

    FileModel {
        id: changedFiles
    }

    FileHistory {
        id: fileHistory
    }

    TextComparison {
        id: fileTexts
    }

    Changelog {
        id: packageChangelog
    }

    Room {
        id: diskRoom
    }

    CleanUp {
        id: cleanUpPlan
    }

    CurrentJob {
        id: currentJob
    }

    Question {
        id: openQuestion
    }

    CurrentJob {
        id: pastJob
    }

    HistoryModel {
        id: historyModel
    }

    Agent {
        id: sessionAgent
    }

    Settings {
        id: systemSettings

        onStored: root.showPassiveNotification(i18nc("@info:status", "Setting changed"), "long", i18nc("@action:button", "Undo"), () => systemSettings.undo())
        onRefused: error => root.showError(Jobs.failed("settings"), error, "")
    }

    PackageModel {
        id: availableUpdates

        source: "updates"
    }

    PackageModel {
        id: changedPackages

        source: "changes"
    }

    PackageModel {
        id: rollbackPlan

        source: "rollback"
    }

    component Destination: Kirigami.Action {
        required property string name

        checkable: true
        checked: root.current === name
        onTriggered: {
            root.showPage(name);
            // A press on the page that is open has just taken its mark away.
            checked = Qt.binding(() => root.current === name);
        }
    }

    readonly property list<Kirigami.Action> destinations: [
        Destination {
            name: "status"
            text: i18nc("@action:button a page", "Status")
            icon.name: "security-high-symbolic"
            shortcut: "Alt+1"
        },
        Destination {
            name: "timeline"
            text: i18nc("@action:button a page", "Timeline")
            icon.name: "view-history-symbolic"
            shortcut: "Alt+2"
        },
        Destination {
            name: "updates"
            text: i18nc("@action:button a page", "Updates")
            icon.name: "system-software-update-symbolic"
            shortcut: "Alt+3"
        },
        Destination {
            name: "history"
            text: i18nc("@action:button a page", "History")
            icon.name: "document-open-recent-symbolic"
            shortcut: "Alt+4"
        },
        Destination {
            name: "settings"
            text: i18nc("@action:button a page", "Settings")
            icon.name: "settings-configure-symbolic"
            shortcut: "Alt+5"
        }
    ]

    globalDrawer: Kirigami.GlobalDrawer {
        id: sidebar

        drawerOpen: !root.narrow
        modal: false
        handleVisible: false
        width: Kirigami.Units.gridUnit * 11
        actions: root.destinations

        header: QQC2.ToolBar {
            implicitHeight: root.pageStack.globalToolBar.preferredHeight

            contentItem: RowLayout {
                spacing: Kirigami.Units.largeSpacing

                Kirigami.Icon {
                    Layout.leftMargin: Kirigami.Units.smallSpacing
                    Layout.preferredWidth: Kirigami.Units.iconSizes.smallMedium
                    Layout.preferredHeight: Kirigami.Units.iconSizes.smallMedium
                    source: "org.kedge.Kedge"
                }

                Kirigami.Heading {
                    Layout.fillWidth: true
                    text: root.title
                }
            }
        }
    }

    footer: DestinationBar {
        visible: root.narrow
        height: visible ? implicitHeight : 0
        destinations: root.destinations
    }

    Shortcut {
        sequences: [StandardKey.Preferences]
        onActivated: root.showPage("settings")
    }

    Shortcut {
        sequences: [StandardKey.HelpContents]
        onActivated: root.pageStack.layers.push(aboutPage)
    }

    Shortcut {
        sequences: [StandardKey.Close]
        onActivated: root.close()
    }

    Shortcut {
        sequences: [StandardKey.Quit]
        onActivated: Qt.quit()
    }

    Shortcut {
        sequences: [StandardKey.FullScreen]
        onActivated: root.visibility = root.visibility === Window.FullScreen ? Window.AutomaticVisibility : Window.FullScreen
    }

    Shortcut {
        sequences: [StandardKey.Refresh]
        onActivated: system.check()
    }

    Shortcut {
        sequence: "Ctrl+L"
        onActivated: root.showLog()
    }

    Late {
        id: rollbackDialog

        sourceComponent: RollbackDialog {
            app: system
            plan: rollbackPlan
        }
    }

    Late {
        id: changelogDialog

        sourceComponent: ChangelogDialog {
            changelog: packageChangelog
        }
    }

    Late {
        id: descriptionDialog

        sourceComponent: DescriptionDialog {
            app: system
        }
    }

    Late {
        id: failureDialog

        sourceComponent: FailureDialog {
            onLogAsked: root.showLog()
            onFixAsked: code => root.fix(code)
        }
    }

    // It opens by itself when a job asks.
    QuestionDialog {
        id: questionDialog

        app: system
        question: openQuestion
    }

    Late {
        id: logDialog

        sourceComponent: LogDialog {
            job: currentJob
        }
    }

    Late {
        id: pastLogDialog

        sourceComponent: LogDialog {
            job: pastJob
        }
    }

    Component {
        id: statusPage

        StatusPage {
            app: system
            job: currentJob
            agent: sessionAgent
            onOpened: number => root.showSnapshot(number)
            onRollBackAsked: number => root.askRollBack(number)
            onTimelineAsked: root.showPage("timeline")
            onUpdatesAsked: root.showPage("updates")
            onDetailsAsked: root.showFailure()
            onLogAsked: root.showLog()
            onAboutAsked: root.pageStack.layers.push(aboutPage)
            onFixAsked: code => root.fix(code)
        }
    }

    Component {
        id: historyPage

        HistoryPage {
            app: system
            history: historyModel
            shown: root.pageStack.depth > 1 ? root.shownEntry : 0
            onOpened: number => root.showEntry(number)
            onUpdatesAsked: root.showPage("updates")
        }
    }

    Component {
        id: entryPage

        EntryPage {
            app: system
            history: historyModel
            onLogAsked: (number, kind) => {
                pastJob.pick(number, kind);
                (pastLogDialog.made() as LogDialog).open();
            }
            onSnapshotAsked: number => root.showSnapshot(number)
            onFixAsked: code => code === "log" ? logAsked(number, entry.kind) : root.fix(code)
            onCopied: root.showPassiveNotification(i18nc("@info:status", "The report is on the clipboard"))
        }
    }

    Component {
        id: settingsPage

        SettingsPage {
            app: system
            settings: systemSettings
            onAboutAsked: root.pageStack.layers.push(aboutPage)
            onCleanUpAsked: root.pageStack.push(cleanUpPage.createObject(root))
            onRoomAsked: root.pageStack.push(roomPage.createObject(root))
        }
    }

    Component {
        id: aboutPage

        FormCard.AboutPage {}
    }

    Component {
        id: timelinePage

        TimelinePage {
            app: system
            snapshots: snapshotModel
            selection: chosenSnapshots
            onCompareAsked: (from, to) => root.showComparison(from, to)
            onFilesAsked: (from, to) => root.showFiles(from, to)
            onRoomAsked: root.pageStack.push(roomPage.createObject(root))
            shown: root.pageStack.depth > 1 ? changedPackages.snapshot : 0
            onOpened: number => root.showSnapshot(number)
            onRollBackAsked: number => root.askRollBack(number)
            onCreateAsked: root.describe(0, "")
            onDescribeAsked: (number, description) => root.describe(number, description)
            onUpdatesAsked: root.showPage("updates")
        }
    }

    Component {
        id: snapshotPage

        SnapshotPage {
            app: system
            snapshots: snapshotModel
            changes: changedPackages
            onFilesAsked: (from, to) => root.showFiles(from, to)
            onChangelogAsked: (name, from, to) => (changelogDialog.made() as ChangelogDialog).show(name, from, to)
            onRollBackAsked: number => root.askRollBack(number)
            onDescribeAsked: (number, description) => root.describe(number, description)
        }
    }

    Component {
        id: filesPage

        FilesPage {
            app: system
            files: changedFiles
            onMovedAsked: (before, after) => root.showMoved(before, from, after, to)
            onFileAsked: (address, snapshot) => root.showVersions(address, snapshot)
        }
    }

    Component {
        id: filePage

        FilePage {
            app: system
            history: fileHistory
            onCompared: (from, address, to) => root.showText(from, address, to)
        }
    }

    Component {
        id: textPage

        TextPage {
            app: system
            comparison: fileTexts
        }
    }

    Component {
        id: roomPage

        RoomPage {
            app: system
            room: diskRoom
            job: currentJob
        }
    }

    Component {
        id: cleanUpPage

        CleanUpPage {
            app: system
            plan: cleanUpPlan
        }
    }

    Component {
        id: updatesPage

        UpdatesPage {
            app: system
            job: currentJob
            updates: availableUpdates
            question: openQuestion
            onAnswerAsked: questionDialog.open()
            onDetailsAsked: root.showFailure()
            onLogAsked: root.showLog()
        }
    }
}
