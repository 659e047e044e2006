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

    HistoryModel {
        id: jobs
    }

    HistoryPage {
        id: page

        anchors.fill: parent
        app: system
        history: jobs
    }

    SignalSpy {
        id: opened

        target: page
        signalName: "opened"
    }

    TestCase {
        name: "HistoryPage"
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

        function saying(text) {
            return find(page, item => item.text === text);
        }

        function init() {
            jobs.clear();
            jobs.loading = false;
            jobs.error = {};
            jobs.reloads = 0;
            system.link = "ready";
            opened.clear();
        }

        function test_eachLineSaysWhatWhenByWhomAndWhatCameOfIt() {
            jobs.line({
                "number": 7,
                "kind": "rollback",
                "target": 34,
                "snapshot": 34
            });
            jobs.line({
                "number": 6,
                "ending": "undone",
                "snapshot": 0,
                "user": ""
            });
            tryVerify(() => saying("Rollback to #34") !== null);
            verify(find(page, item => String(item.text ?? "").endsWith("by Anna")) !== null);
            verify(saying("Update") !== null);
            verify(saying("Failed") !== null);
            verify(saying("Today") !== null);
            compare(saying("Done"), null, "what went well needs no mark");
            mouseClick(saying("Rollback to #34"));
            compare(opened.count, 1);
            compare(opened.signalArguments[0][0], 7);
        }

        function test_keysOpenALine() {
            jobs.line({
                "number": 7
            });
            jobs.line({
                "number": 6
            });
            tryVerify(() => saying("Update to #41") !== null);
            find(page, item => item instanceof ListView).forceActiveFocus();
            keyClick(Qt.Key_End);
            keyClick(Qt.Key_Return);
            compare(opened.signalArguments[0][0], 6);
        }

        function test_emptySaysWhatWillBeHere() {
            tryVerify(() => saying("Nothing has been done yet") !== null);
            verify(saying("Show Updates") !== null);
        }

        function test_loadingIsNotEmpty() {
            jobs.loading = true;
            tryVerify(() => saying("Nothing has been done yet") === null);
            verify(find(page, item => item instanceof Kirigami.LoadingPlaceholder) !== null);
        }

        function test_failureOffersAnotherTry() {
            jobs.error = {
                "type": "failed",
                "code": "internal",
                "detail": ""
            };
            tryVerify(() => saying("The history could not be read") !== null);
            mouseClick(saying("Try Again"));
            compare(jobs.reloads, 1);
        }

        function test_helperGone() {
            system.link = "lost";
            tryVerify(() => saying("The system service does not answer") !== null);
            jobs.line({});
            tryVerify(() => saying("Update to #41") !== null, 5000, "what was seen stays");
        }
    }
}
