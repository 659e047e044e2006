// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtTest
import org.kde.kirigami as Kirigami
import org.kedge.app

Item {
    id: root

    width: 900
    height: 700

    App {
        id: system
    }

    SnapshotModel {
        id: snapshotModel
    }

    TimelinePage {
        id: page

        anchors.fill: parent
        app: system
        snapshots: snapshotModel
    }

    SignalSpy {
        id: opened

        target: page
        signalName: "opened"
    }

    SignalSpy {
        id: rollBack

        target: page
        signalName: "rollBackAsked"
    }

    TestCase {
        name: "TimelinePage"
        when: windowShown

        function find(item: Item, matches: var): var {
            if (!item.visible) {
                return null;
            }
            if (matches(item)) {
                return item;
            }
            for (const child of item.children) {
                const found = find(child, matches);
                if (found) {
                    return found;
                }
            }
            return null;
        }

        function named(name) {
            return find(page, item => item.Accessible.name === name);
        }

        function saying(text) {
            return find(page, item => item.text === text);
        }

        function init() {
            snapshotModel.clear();
            snapshotModel.filter = "";
            snapshotModel.deleting = 0;
            snapshotModel.calls = [];
            system.calls = [];
            system.link = "ready";
            system.status = {
                "code": "up-to-date",
                "action": "check",
                "succeeded": 1
            };
            opened.clear();
            rollBack.clear();
        }

        function fill() {
            snapshotModel.line({
                "number": 0,
                "position": "available",
                "section": "available",
                "packages": 12,
                "security": 2
            });
            snapshotModel.line({
                "number": 38,
                "position": "running",
                "section": "running",
                "description": "Update of #34",
                "isDefault": true,
                "rollbackRefusal": "already-default",
                "deleteRefusal": "booted"
            });
            snapshotModel.line({
                "number": 35,
                "section": "week",
                "description": "keep me",
                "pinned": true
            });
            snapshotModel.line({
                "number": 30,
                "section": "2026-02",
                "description": "",
                "damaged": true,
                "rollbackRefusal": "damaged"
            });
            tryCompare(page.flickable, "count", 4);
            page.flickable.forceLayout();
        }

        function row(index) {
            return page.flickable.itemAtIndex(index);
        }

        function test_linesSayWhatTheyAre() {
            fill();
            tryVerify(() => saying("12 updates") !== null);
            verify(row(1).Accessible.name.includes("Running"));
            verify(row(2).Accessible.name.includes("Pinned"));
            verify(row(3).Accessible.name.includes("Damaged"));
            verify(row(3).Accessible.name.includes("No description"));
            tryVerify(() => saying("Running Now") !== null);
            tryVerify(() => saying("Last 7 Days") !== null);
            tryVerify(() => saying("February 2026") !== null);
        }

        function test_rollBackIsOneClickFromTheLine() {
            fill();
            waitForPolish(root.Window.window);
            mouseClick(named("Roll Back to #35"));
            compare(rollBack.count, 1);
            compare(rollBack.signalArguments[0][0], 35);
        }

        function test_refusedRollBackDoesNothingAndSaysWhy() {
            fill();
            const button = named("Roll Back to #30");
            compare(button.Accessible.description, "Its description file is damaged");
            waitForPolish(root.Window.window);
            mouseClick(button);
            compare(rollBack.count, 0);
            compare(named("Roll Back to #38"), null);
        }

        function test_enterOpensAndDeleteDeletes() {
            fill();
            page.flickable.forceActiveFocus();
            page.flickable.currentIndex = 2;
            keyClick(Qt.Key_Return);
            compare(opened.count, 1);
            compare(opened.signalArguments[0][0], 35);
            keyClick(Qt.Key_Delete);
            compare(snapshotModel.calls, ["deleteLater 35"]);
        }

        function test_deleteOfTheRunningOneIsRefused() {
            fill();
            page.flickable.forceActiveFocus();
            page.flickable.currentIndex = 1;
            keyClick(Qt.Key_Delete);
            compare(snapshotModel.calls, []);
        }

        function test_deletionCanBeUndone() {
            fill();
            snapshotModel.deleting = 1;
            const message = saying("1 snapshot will be deleted in a few seconds.");
            verify(message !== null);
            tryVerify(() => saying("Undo") !== null);
            // The message slides in.
            wait(400);
            waitForPolish(root.Window.window);
            mouseClick(saying("Undo"));
            compare(snapshotModel.calls, ["undoDelete"]);
        }

        function test_filterReachesTheModel() {
            fill();
            keyClick(Qt.Key_F, Qt.ControlModifier);
            for (const letter of "keep") {
                keyClick(letter);
            }
            tryCompare(snapshotModel, "filter", "keep");
            snapshotModel.clear();
            tryVerify(() => saying("Nothing matches the filter") !== null);
            waitForPolish(root.Window.window);
            mouseClick(saying("Clear Filter"));
            tryCompare(snapshotModel, "filter", "");
        }

        function test_emptyOffersToCreate() {
            tryVerify(() => saying("No snapshots yet") !== null);
        }

        function test_lostHelperIsSaid() {
            system.link = "lost";
            system.status = {};
            tryVerify(() => saying("The system service does not answer") !== null);
        }
    }
}
