// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Controls as QQC2
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

    Selection {
        id: choice
    }

    TimelinePage {
        id: page

        anchors.fill: parent
        app: system
        snapshots: snapshotModel
        selection: choice
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

    SignalSpy {
        id: compared

        target: page
        signalName: "compareAsked"
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

        // Whoever comes with the mouse sees no line marked; whoever comes with the keyboard begins with the first.
        function test_noLineIsMarkedBeforeTheKeyboardComesToIt() {
            fill();
            page.flickable.currentIndex = -1;
            page.flickable.forceActiveFocus();
            compare(page.flickable.currentIndex, -1);
            for (const key of [Qt.Key_Down, Qt.Key_Tab]) {
                page.flickable.currentIndex = -1;
                keyClick(Qt.Key_F, Qt.ControlModifier);
                keyClick(key);
                verify(page.flickable.activeFocus);
                compare(page.flickable.currentIndex, 0);
                verify(row(0).highlighted);
            }
        }

        // The menu of the line that the keys are at, by the Menu key; what is in it by its words.
        function inMenu(index, words) {
            page.flickable.forceActiveFocus();
            page.flickable.currentIndex = index;
            keyClick(Qt.Key_Menu);
            const overlay = QQC2.Overlay.overlay;
            tryVerify(() => find(overlay, item => item instanceof QQC2.MenuItem && item.text.startsWith(words)) !== null);
            return find(overlay, item => item instanceof QQC2.MenuItem && item.text.startsWith(words));
        }

        function test_menuOffersWhatCanBeDone_data() {
            return [["Unpin", 2, "system", "unpin 35"], ["Pin", 1, "system", "pin 38"], ["Delete", 2, "model", "deleteLater 35"]].map(([words, index, whose, call]) => ({
                        "tag": words,
                        "index": index,
                        "whose": whose,
                        "call": call
                    }));
        }

        function test_menuOffersWhatCanBeDone(data) {
            fill();
            const item = inMenu(data.index, data.tag);
            verify(item.enabled);
            waitForPolish(root.Window.window);
            mouseClick(item);
            compare(data.whose === "system" ? system.calls : snapshotModel.calls, [data.call]);
            tryVerify(() => find(QQC2.Overlay.overlay, it => it instanceof QQC2.MenuItem) === null);
        }

        function test_menuSaysWhyNot() {
            fill();
            const item = inMenu(1, "Delete");
            compare(item.text, "Delete — It is running now");
            compare(item.enabled, false);
            keyClick(Qt.Key_Escape);
            tryVerify(() => find(QQC2.Overlay.overlay, it => it instanceof QQC2.MenuItem) === null);
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

        function test_whatDeletingAChoiceFrees() {
            snapshotModel.line({
                "number": 33
            });
            snapshotModel.line({
                "number": 34
            });
            choice.toggle(33);
            choice.toggle(34);
            tryVerify(() => find(page, item => String(item.text ?? "").startsWith("2 snapshots chosen")) !== null);
            choice.data = 5583457484;
            choice.metadata = 41943040;
            choice.held = 1073741824;
            choice.holder = {
                "number": 12,
                "subvolume": "",
                "bytes": 1048576
            };
            choice.known = true;
            tryVerify(() => find(page, item => String(item.text ?? "").includes("Deleting these 2 frees 5.2 GiB, and about 40.0 MiB")) !== null);
            verify(find(page, item => String(item.text ?? "").includes("1.0 GiB more stay, 1.0 MiB of them only because of #12.")) !== null);
            find(page, item => item.text === "Compare").clicked();
            compare(compared.signalArguments[0][0], 33);
            compare(compared.signalArguments[0][1], 34);
            choice.deleteRefusal = "pinned";
            choice.refused = 34;
            tryVerify(() => find(page, item => item.text === "#34 cannot be deleted: It is pinned.") !== null);
            compare(find(page, item => item.text === "Delete").enabled, false);
            choice.deleteRefusal = "";
            snapshotModel.calls = [];
            find(page, item => item.text === "Delete").clicked();
            compare(snapshotModel.calls, ["deleteLater 33", "deleteLater 34"]);
            compare(choice.count, 0);
        }
    }
}
