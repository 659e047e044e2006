// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtTest
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

    EntryPage {
        id: page

        anchors.fill: parent
        app: system
        history: jobs
        number: 7
    }

    SignalSpy {
        id: fix

        target: page
        signalName: "fixAsked"
    }

    TestCase {
        name: "EntryPage"
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
            jobs.log = "";
            fix.clear();
        }

        function failed(code) {
            jobs.line({
                "number": 7,
                "ending": "undone",
                "machine": "old-system",
                "snapshot": 0,
                "failure": {
                    "type": "failed",
                    "code": code,
                    "detail": "dpkg exited with 100",
                    "package": "curl"
                }
            });
        }

        function test_successSaysWhatStartsNext() {
            jobs.line({
                "number": 7
            });
            tryCompare(page, "title", "Update to #41");
            tryVerify(() => find(page, item => item.description === "Snapshot #41 is complete and starts next.") !== null);
            verify(saying("Show Snapshot #41") !== null);
            compare(saying("Technical Details"), null);
        }

        function test_failureSaysCauseMachineDetailsAndTheWayOut_data() {
            return [
                {
                    "tag": "disk-full",
                    "way": "Choose Snapshots to Delete",
                    "code": "timeline"
                },
                {
                    "tag": "network",
                    "way": "Try Again",
                    "code": "check"
                },
                {
                    "tag": "lock-held",
                    "way": "Try Again",
                    "code": "check"
                },
                {
                    "tag": "package-script",
                    "way": "Show Log",
                    "code": "log"
                },
                {
                    "tag": "repository-signature",
                    "way": "Show Log",
                    "code": "log"
                }
            ];
        }

        function test_failureSaysCauseMachineDetailsAndTheWayOut(data) {
            failed(data.tag);
            tryVerify(() => saying("dpkg exited with 100") !== null);
            verify(find(page, item => item.description === "As it was before: the same version starts next.") !== null);
            verify(find(page, item => item.description === "Failed") !== null);
            // The message slides in.
            wait(400);
            waitForPolish(root.Window.window);
            const button = saying(data.way);
            verify(button !== null, data.way);
            mouseClick(button);
            compare(fix.signalArguments[0][0], data.code);
        }

        function test_reportIsComplete() {
            failed("package-script");
            jobs.log = "Setting up curl\nfailed";
            page.actions[0].trigger();
            const report = jobs.copied;
            for (const part of ["Update", "Anna", "undone", "old-system", "package-script", "dpkg exited with 100", "Setting up curl\nfailed", new Date(jobs.get(0).started).toISOString()]) {
                verify(report.includes(part), part + " in:\n" + report);
            }
            verify(!report.includes("undefined") && !report.includes("NaN"), report);
        }
    }
}
