// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtTest
import org.kde.kirigami as Kirigami
import org.kedge.app

// The dialogs: a description, a failure and a log.
Kirigami.ApplicationItem {
    id: root

    width: 900
    height: 700

    App {
        id: system
    }

    CurrentJob {
        id: currentJob
    }

    DescriptionDialog {
        id: description

        app: system
    }

    FailureDialog {
        id: failure
    }

    LogDialog {
        id: log

        job: currentJob
    }

    SignalSpy {
        id: fixes

        target: failure
        signalName: "fixAsked"
    }

    TestCase {
        name: "Dialogs"
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

        function saying(dialog, text) {
            return find(dialog.contentItem.parent, item => item.text === text);
        }

        function cleanup() {
            for (const dialog of [description, failure, log]) {
                dialog.close();
                tryCompare(dialog, "visible", false);
            }
            system.calls = [];
            currentJob.clear();
            fixes.clear();
        }

        function test_descriptionOfANewSnapshot() {
            description.ask(0, "");
            tryCompare(description, "opened", true);
            keyClick(Qt.Key_A);
            keyClick(Qt.Key_Return);
            compare(system.calls, ["create a"]);
        }

        function test_otherWordsForASnapshot() {
            description.ask(34, "old");
            tryCompare(description, "opened", true);
            compare(description.title, "Describe Snapshot #34");
            keyClick(Qt.Key_N);
            keyClick(Qt.Key_Return);
            compare(system.calls, ["describe 34 n"]);
        }

        function test_failureIsFriendlyFirst() {
            failure.show("The update did not work", {
                "type": "failed",
                "code": "disk-full",
                "detail": "write: No space left on device"
            }, "Nothing has changed: the system is as it was before.");
            tryCompare(failure, "opened", true);
            verify(saying(failure, "The disk is full. Deleting old snapshots or files makes room.") !== null);
            verify(saying(failure, "write: No space left on device") !== null);
            verify(saying(failure, "Nothing has changed: the system is as it was before.") !== null);
            const way = failure.customFooterActions.find(action => action.text === "Choose Snapshots to Delete");
            verify(way !== undefined && way.visible);
            way.trigger();
            compare(fixes.signalArguments[0][0], "timeline");
        }

        function test_whatTimeAloneHelpsHasNoWayOut() {
            failure.show("Could not go back", {
                "type": "not-authorized",
                "code": "",
                "detail": ""
            }, "");
            tryCompare(failure, "opened", true);
            verify(saying(failure, "It was not permitted.") !== null);
            compare(failure.customFooterActions.filter(action => action.visible && action.text.length > 0).map(action => action.text), ["Show Log", "Close"]);
        }

        function test_logShowsItsLinesWhileItIsOpen() {
            currentJob.number = 9;
            currentJob.kind = "update";
            log.open();
            tryCompare(log, "opened", true);
            compare(currentJob.reading, true);
            verify(saying(log, "Nothing was logged") !== null);
            currentJob.append({
                "line": "Setting up curl"
            });
            tryVerify(() => saying(log, "Setting up curl") !== null);
            log.close();
            tryCompare(currentJob, "reading", false);
        }
    }
}
