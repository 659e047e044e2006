// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Controls as QQC2
import QtTest
import org.kde.kirigami as Kirigami
import org.kedge.app

// Every page in a language of brackets (pseudo.sh), wide and narrow: what is not in brackets was never translated, what
// does not fit is cut.
Item {
    id: root

    width: 1000
    height: 900

    App {
        id: system

        running: ({
                "number": 38,
                "description": "",
                "time": Date.now() - 2 * 86400000
            })
        previous: ({
                "number": 34,
                "description": "",
                "time": Date.now() - 5 * 86400000
            })
    }

    CurrentJob {
        id: currentJob
    }

    Question {
        id: asked
    }

    SnapshotModel {
        id: timeline
    }

    PackageModel {
        id: packages
    }

    Selection {
        id: choice

        known: true
        data: 2097152
        metadata: 1048576
        held: 1048576
    }

    FileModel {
        id: changedFiles

        created: 1
        changed: 12
        hidden: 2
        leftOut: 1
    }

    FileHistory {
        id: versions
    }

    TextComparison {
        id: texts

        result: "binary"
    }

    Room {
        id: disk

        planned: true
        enough: false
        data: 2097152
        metadata: 1048576
    }

    CleanUp {
        id: rules
    }

    HistoryModel {
        id: jobs
    }

    Agent {
        id: sessionAgent
    }

    Settings {
        id: choices

        cleanUp: true
    }

    Component {
        id: statusPage

        StatusPage {
            app: system
            job: currentJob
            agent: sessionAgent
        }
    }

    Component {
        id: timelinePage

        TimelinePage {
            app: system
            snapshots: timeline
            selection: choice
        }
    }

    Component {
        id: snapshotPage

        SnapshotPage {
            app: system
            snapshots: timeline
            changes: packages
            number: 34
        }
    }

    Component {
        id: filesPage

        FilesPage {
            app: system
            files: changedFiles
            from: 34
            to: 0
        }
    }

    Component {
        id: filePage

        FilePage {
            app: system
            history: versions
            snapshot: 34
        }
    }

    Component {
        id: textPage

        TextPage {
            app: system
            comparison: texts
            name: "curl"
        }
    }

    Component {
        id: roomPage

        RoomPage {
            app: system
            room: disk
            job: currentJob
        }
    }

    Component {
        id: cleanUpPage

        CleanUpPage {
            app: system
            plan: rules
        }
    }

    Component {
        id: updatesPage

        UpdatesPage {
            app: system
            job: currentJob
            updates: packages
            question: asked
        }
    }

    Component {
        id: historyPage

        HistoryPage {
            app: system
            history: jobs
        }
    }

    Component {
        id: entryPage

        EntryPage {
            app: system
            history: jobs
            number: 7
        }
    }

    Component {
        id: settingsPage

        SettingsPage {
            app: system
            settings: choices
        }
    }

    Brackets {
        id: brackets

        // What comes from the machine and not from us.
        data: ["curl", "8.18", "8.19", "Anna", "made by hand", "dpkg exited with 100"]
    }

    TestCase {
        id: test

        name: "Pseudo"
        when: windowShown

        property var page: null

        function initTestCase() {
            verify(Jobs.result("done").includes("⟦"), "the language of brackets is not loaded");
            timeline.line({
                "number": 38,
                "position": "running",
                "section": "running",
                "isDefault": true,
                "rollbackRefusal": "already-default"
            });
            timeline.line({
                "number": 34,
                "description": "made by hand",
                "pinned": true,
                "packages": 12,
                "security": 2
            });
            timeline.line({
                "number": 33,
                "damaged": true
            });
            packages.line({
                "name": "curl",
                "oldVersion": "8.18",
                "newVersion": "8.19",
                "security": true,
                "group": "security"
            });
            packages.security = 1;
            choice.toggle(34);
            choice.toggle(33);
            changedFiles.line({
                "kind": "directory",
                "name": "curl",
                "change": "",
                "below": 12
            });
            changedFiles.line({
                "name": "curl",
                "aspects": "content mode owner"
            });
            changedFiles.line({
                "kind": "package",
                "name": "",
                "change": "",
                "below": 1
            });
            changedFiles.line({
                "kind": "more",
                "name": "",
                "change": "",
                "rest": 800
            });
            versions.name = "curl";
            versions.path = "/curl";
            versions.line({
                "snapshot": 38,
                "oldest": 36,
                "snapshots": 3,
                "running": true,
                "same": true
            });
            versions.line({});
            for (const reason of ["number", "space"]) {
                rules.line({
                    "reason": reason
                });
                disk.line({});
            }
            packages.downloadSize = 2097152;
            for (const [number, kind, ending] of [[7, "update", "undone"], [6, "rollback", "done"], [5, "discard", "cancelled"], [4, "recover", "needs-attention"], [3, "delete", "nothing-changed"]]) {
                jobs.line({
                    "number": number,
                    "kind": kind,
                    "ending": ending,
                    "failure": ending === "undone" ? failure : {}
                });
            }
        }

        readonly property var failure: ({
                "type": "failed",
                "code": "disk-full",
                "detail": "dpkg exited with 100"
            })

        function cleanup() {
            page?.destroy();
            page = null;
            system.pending = 0;
            system.link = "ready";
            system.discarding = false;
            system.createRefusal = "";
            timeline.deleting = 0;
            timeline.filter = "";
            sessionAgent.planned = "";
            sessionAgent.waits = "";
            asked.open = changedFiles.full = false;
            choice.error = {};
            choice.loading = false;
            choice.known = true;
            choice.refused = 0;
            choice.deleteRefusal = "";
            choice.holder = {};
            packages.error = {};
            packages.base = 0;
            for (const model of [changedFiles, versions, texts, disk, rules, jobs]) {
                model.error = {};
                model.loading = false;
                fill(model);
            }
            versions.present = versions.get(0);
            texts.result = "binary";
            disk.working = false;
            disk.refusal = "";
            disk.enough = false;
            rules.keeper = "kedge";
        }

        // Lines are put aside and come back.
        property var aside: new Map()

        function empty(model: var): void {
            const lines = [];
            for (let row = 0; row < model.count; row++) {
                lines.push(Object.assign({}, model.get(row)));
            }
            aside.set(model, lines);
            model.clear();
        }

        function fill(model: var): void {
            for (const line of aside.get(model) ?? []) {
                model.append(line);
            }
            aside.delete(model);
        }

        // What else a page may have to say: a name, the page, and what leads there.
        function moments() {
            const failing = model => () => {
                    empty(model);
                    model.error = failure;
                };
            const waiting = model => () => {
                    empty(model);
                    model.loading = true;
                };
            const refused = ["busy", "no-such-file", "in-use", "database-outside", "must-stay-read-only", "pending-first"];
            return [["planned for the night", "status", () => {
                        system.pending = 41;
                        sessionAgent.planned = "tonight";
                    }], ["planned for the next shutdown", "status", () => {
                        system.pending = 41;
                        sessionAgent.planned = "next-shutdown";
                    }], ["a choice", "status", () => system.pending = 41], ["about to discard", "status", () => system.discarding = true], ["not answering", "status", () => system.link = "lost"], ...["offline", "metered", "on-battery", "saves-power"].map(reason => [reason, "status", () => sessionAgent.waits = reason]), ["asked", "updates", () => asked.open = true], ["about to delete", "timeline", () => timeline.deleting = 2], ["chosen and looking", "timeline", () => {
                        choice.known = false;
                        choice.loading = true;
                    }], ["chosen and refused", "timeline", () => {
                        choice.refused = 34;
                        choice.deleteRefusal = "booted";
                        choice.holder = {
                            "number": 33,
                            "bytes": 1048576
                        };
                    }], ["chosen and unknown", "timeline", () => {
                        choice.known = false;
                        choice.error = failure;
                    }], ["compared", "snapshot", () => packages.base = 33], ["failed", "snapshot", () => packages.error = failure], ["failed", "files", failing(changedFiles)], ["without room", "files", () => changedFiles.full = true], ["waiting", "files", waiting(changedFiles)], ["nothing", "files", () => empty(changedFiles)], ["failed", "file", failing(versions)], ["nothing", "file", () => empty(versions)], ["gone", "file", () => versions.present = {}], ...refused.map(code => [code, "file", () => system.createRefusal = code]), ["same", "text", () => texts.result = "same"], ["too large", "text", () => texts.result = "too-large"], ["failed", "text", failing(texts)], ["failed", "room", failing(disk)], ["waiting", "room", waiting(disk)], ["nothing", "room", () => empty(disk)], ["enough", "room", () => disk.enough = true], ["working", "room", () => disk.working = true], ["refused", "room", () => disk.refusal = "busy"], ["failed", "clean-up", failing(rules)], ["waiting", "clean-up", waiting(rules)], ["nothing", "clean-up", () => empty(rules)], ["by snapper", "clean-up", () => rules.keeper = "snapper"], ["by nobody", "clean-up", () => rules.keeper = ""], ["failed", "history", failing(jobs)], ["nothing", "history", () => empty(jobs)]];
        }

        function statuses() {
            return [
                {
                    "code": "up-to-date",
                    "action": "check",
                    "succeeded": Date.now() - 300000
                },
                {
                    "code": "stale",
                    "action": "check",
                    "succeeded": Date.now() - 12 * 86400000,
                    "days": 12
                },
                {
                    "code": "could-not-check",
                    "action": "check",
                    "succeeded": 0,
                    "failure": failure
                },
                {
                    "code": "never-checked",
                    "action": "check"
                },
                {
                    "code": "available",
                    "action": "update",
                    "packages": 12,
                    "security": 2
                },
                {
                    "code": "update-pending",
                    "action": "restart",
                    "snapshot": 41,
                    "updates": 2
                },
                {
                    "code": "rollback-pending",
                    "action": "restart",
                    "snapshot": 34
                },
                {
                    "code": "working",
                    "action": "cancel",
                    "kind": "update",
                    "job": 7
                },
                {
                    "code": "failed",
                    "action": "show-details",
                    "kind": "update",
                    "job": 7,
                    "ending": "undone",
                    "failure": failure
                },
                {
                    "code": "no-updates",
                    "action": "none"
                }
            ];
        }

        function test_everyTextIsTranslatedAndFits_data() {
            const rows = [];
            for (const width of [1000, 360]) {
                for (const status of statuses()) {
                    for (const page of ["status", "updates"]) {
                        rows.push({
                            "tag": page + " " + status.code + " " + width,
                            "page": page,
                            "status": status,
                            "width": width
                        });
                    }
                }
                for (const page of ["timeline", "snapshot", "files", "file", "text", "room", "clean-up", "history", "entry", "settings"]) {
                    rows.push({
                        "tag": page + " " + width,
                        "page": page,
                        "status": statuses()[0],
                        "width": width
                    });
                }
                for (const [tag, page, set] of moments()) {
                    rows.push({
                        "tag": page + ", " + tag + " " + width,
                        "page": page,
                        "status": statuses()[0],
                        "width": width,
                        "set": set
                    });
                }
            }
            return rows;
        }

        function test_everyTextIsTranslatedAndFits(row) {
            const pages = {
                "status": statusPage,
                "timeline": timelinePage,
                "snapshot": snapshotPage,
                "files": filesPage,
                "file": filePage,
                "text": textPage,
                "room": roomPage,
                "clean-up": cleanUpPage,
                "updates": updatesPage,
                "history": historyPage,
                "entry": entryPage,
                "settings": settingsPage
            };
            system.status = row.status;
            if (row.set)
                row.set();
            currentJob.running = row.status.code === "working";
            currentJob.permille = 437;
            page = pages[row.page].createObject(root, {
                "width": row.width,
                "height": 900
            });
            // Messages slide in, lists fill.
            wait(500);
            waitForPolish(root.Window.window);
            compare(brackets.wrong(page), []);
        }
    }
}
