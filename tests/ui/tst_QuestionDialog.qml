// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtTest
import org.kde.kirigami as Kirigami
import org.kedge.app

// What an update asks: every kind of it, read to its end, answered by nobody but a person.
Kirigami.ApplicationItem {
    id: root

    width: 700
    height: 600

    App {
        id: system
    }

    Question {
        id: question
    }

    QuestionDialog {
        id: dialog

        app: system
        question: question
    }

    TestCase {
        name: "QuestionDialog"
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
            return find(dialog.contentItem.parent, item => item.text === text);
        }

        function holding(text) {
            return find(dialog.contentItem.parent, item => String(item.text ?? "").includes(text));
        }

        function page() {
            return find(dialog.contentItem, item => typeof item.scroll === "function");
        }

        function press(text) {
            const button = saying(text);
            verify(button !== null && button.enabled);
            button.clicked();
        }

        function cleanup() {
            question.open = false;
            dialog.close();
            tryCompare(dialog, "visible", false);
            system.calls = [];
        }

        function test_aLicenseIsReadToItsEndByKeys() {
            const words = Array.from({
                "length": 200
            }, (_, at) => "Paragraph " + at).join("\n");
            question.ask("license", {
                "package": "flash-player"
            }, words, []);
            tryCompare(dialog, "opened", true);
            compare(dialog.title, "License of flash-player");
            verify(saying(words) !== null);
            verify(dialog.height <= root.height);
            const text = page();
            verify(text.contentHeight > text.height);
            compare(text.activeFocus, true);
            compare(text.Accessible.name, dialog.title);
            keyClick(Qt.Key_PageDown);
            verify(text.contentY > 0);
            keyClick(Qt.Key_End);
            compare(text.atYEnd, true);
            keyClick(Qt.Key_Home);
            compare(text.contentY, 0);
            // Keys that were meant for something else agree to nothing.
            keyClick(Qt.Key_Return);
            keyClick(Qt.Key_Space);
            compare(system.calls, []);
            press("Agree");
            compare(system.calls, ["answer 7 " + question.number + " 1"]);
            tryCompare(dialog, "visible", false);
        }

        function test_closingDecidesNothing() {
            question.ask("license", {
                "package": "flash-player"
            }, "Read me.", []);
            tryCompare(dialog, "opened", true);
            keyClick(Qt.Key_Escape);
            tryCompare(dialog, "visible", false);
            compare(system.calls, []);
            compare(question.open, true);
            dialog.open();
            tryCompare(dialog, "opened", true);
            press("End the Update");
            compare(system.calls, ["answer 7 " + question.number + " 0"]);
        }

        function test_aConflictHasNoAnswerBeforeOneIsChosen() {
            question.ask("conflict", {}, "nothing provides libx.so.1 needed by y", ["do not install y", "break y by ignoring some of its dependencies"]);
            tryCompare(dialog, "opened", true);
            verify(saying("nothing provides libx.so.1 needed by y") !== null);
            compare(saying("Use This Solution").enabled, false);
            find(dialog.contentItem, item => item.checked !== undefined && item.text === question.choices[1]).toggle();
            compare(dialog.chosen, 2);
            press("Use This Solution");
            compare(system.calls, ["answer 7 " + question.number + " 2"]);
            // The choice is not taken over to the next question.
            tryCompare(dialog, "visible", false);
            question.ask("conflict", {}, "another", ["a", "b"]);
            tryCompare(dialog, "opened", true);
            compare(dialog.chosen, 0);
            compare(saying("Use This Solution").enabled, false);
        }

        function test_aScriptThatFailed() {
            question.ask("package-script", {
                "package": "kernel-firmware"
            }, "%post failed, exit status 1", []);
            tryCompare(dialog, "opened", true);
            compare(dialog.title, "A Script of kernel-firmware Failed");
            verify(holding("exit status 1") !== null && saying("Discard the New System") !== null);
            press("Keep the New System");
            compare(system.calls, ["answer 7 " + question.number + " 1"]);
        }

        function test_aKeyIsNamedByItsFingerprint() {
            question.ask("repository-key", {
                "repository": "games",
                "key": "Games <games@example.org>",
                "fingerprint": "22C0 7BA5 3417 8CD0"
            }, "", []);
            tryCompare(dialog, "opened", true);
            verify(holding("Fingerprint: 22C0 7BA5 3417 8CD0") !== null);
            verify(holding("The repository games is signed") !== null);
            press("Trust This Key");
            compare(system.calls, ["answer 7 " + question.number + " 1"]);
        }

        function test_whatIsAnsweredElsewhereIsNotAskedAnyMore() {
            question.ask("license", {
                "package": "flash-player"
            }, "Read me.", []);
            tryCompare(dialog, "opened", true);
            question.open = false;
            tryCompare(dialog, "visible", false);
            compare(system.calls, []);
        }
    }
}
