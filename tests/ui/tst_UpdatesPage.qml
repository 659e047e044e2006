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

    CurrentJob {
        id: currentJob
    }

    PackageModel {
        id: packages
    }

    Question {
        id: question
    }

    UpdatesPage {
        id: page

        anchors.fill: parent
        app: system
        job: currentJob
        updates: packages
        question: question
    }

    SignalSpy {
        id: answers

        target: page
        signalName: "answerAsked"
    }

    SignalSpy {
        id: log

        target: page
        signalName: "logAsked"
    }

    SignalSpy {
        id: details

        target: page
        signalName: "detailsAsked"
    }

    TestCase {
        name: "UpdatesPage"
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
            packages.clear();
            packages.downloadSize = 0;
            packages.security = 0;
            system.calls = [];
            system.updateRefusal = "";
            currentJob.running = false;
            log.clear();
            details.clear();
        }

        function test_aQuestionThatIsOpenCanBeAnsweredFromHere() {
            verify(find(page, item => item instanceof QuestionMessage) === null);
            question.ask("license", {
                "package": "flash-player"
            }, "Read me.", []);
            tryVerify(() => find(page, item => item instanceof QuestionMessage) !== null);
            const message = find(page, item => item instanceof QuestionMessage);
            verify(message.text.startsWith("The update waits for an answer. Without an answer it ends at "));
            message.actions[0].trigger();
            compare(answers.count, 1);
            question.open = false;
            tryVerify(() => find(page, item => item instanceof QuestionMessage) === null);
        }

        function available() {
            system.status = {
                "code": "available",
                "action": "update",
                "packages": 2,
                "security": 1
            };
            packages.line({
                "name": "curl",
                "security": true,
                "group": "security",
                "oldVersion": "8.18",
                "newVersion": "8.19",
                "size": 2097152
            });
            packages.line({
                "name": "codecs",
                "change": "removed",
                "group": "removed",
                "newVersion": ""
            });
            packages.security = 1;
            packages.downloadSize = 2097152;
        }

        function test_listShowsVersionsSizesAndSecurity() {
            available();
            tryVerify(() => saying("curl") !== null);
            tryVerify(() => saying("8.18 → 8.19") !== null);
            tryVerify(() => saying("2.0 MiB") !== null);
            tryVerify(() => saying("Security") !== null);
            tryVerify(() => saying("Removed") !== null);
            tryVerify(() => saying("2 packages change · 1 security fix · 2.0 MiB to download") !== null);
            page.actions[0].trigger();
            compare(system.calls, ["update"]);
        }

        function test_workShowsPhaseNumberLogAndCancel() {
            available();
            system.status = {
                "code": "working",
                "action": "cancel",
                "kind": "update",
                "job": 9
            };
            currentJob.running = true;
            currentJob.number = 9;
            currentJob.phase = "install";
            currentJob.subject = "curl";
            currentJob.item = 1;
            currentJob.items = 2;
            currentJob.permille = 437;
            currentJob.cancellable = true;
            tryVerify(() => saying("Installing: curl (1 of 2)") !== null);
            tryVerify(() => saying("43 %") !== null);
            waitForPolish(root.Window.window);
            mouseClick(saying("Show Log"));
            compare(log.count, 1);
            waitForPolish(root.Window.window);
            mouseClick(saying("Cancel"));
            compare(system.calls, ["cancel 9"]);
            currentJob.cancellable = false;
            compare(saying("Cancel").enabled, false);
            tryVerify(() => saying("It can no longer be cancelled, but is almost done.") !== null);
        }

        function test_busyRefusesWithItsReason() {
            available();
            system.updateRefusal = "busy";
            compare(page.actions[0].enabled, false);
            compare(page.actions[0].tooltip, "Something else is being done right now");
        }

        function test_failedCheckIsNeverUpToDate() {
            system.status = {
                "code": "could-not-check",
                "action": "check",
                "failure": {
                    "type": "failed",
                    "code": "network",
                    "detail": ""
                }
            };
            tryVerify(() => find(page, item => String(item.text ?? "").startsWith("Could not check for updates. ")) !== null);
            tryVerify(() => saying("No updates are known") !== null);
            compare(saying("Up to date"), null);
        }

        function test_pendingOffersRestartAndUndo() {
            system.status = {
                "code": "update-pending",
                "action": "restart",
                "snapshot": 41,
                "updates": 1
            };
            tryVerify(() => saying("Undo") !== null);
            // The message slides in.
            wait(400);
            waitForPolish(root.Window.window);
            mouseClick(saying("Undo"));
            compare(system.calls, ["discard"]);
        }
    }
}
