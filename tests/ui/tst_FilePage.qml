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

    FileHistory {
        id: versions
    }

    TextComparison {
        id: texts
    }

    FilePage {
        id: page

        anchors.fill: parent
        app: system
        history: versions
        snapshot: 34
    }

    Component {
        id: textPage

        TextPage {
            width: 900
            height: 700
            app: system
            comparison: texts
            name: "issue"
        }
    }

    SignalSpy {
        id: compared

        target: page
        signalName: "compared"
    }

    TestCase {
        name: "FilePage"
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

        function holding(text) {
            return find(page, item => String(item.text ?? "").includes(text));
        }

        function init() {
            versions.clear();
            versions.calls = [];
            versions.present = {};
            versions.error = {};
            versions.loading = false;
            versions.revision++;
            page.snapshot = 34;
            system.calls = [];
            system.createRefusal = "";
            compared.clear();
        }

        function show() {
            versions.line({
                "snapshot": 38,
                "oldest": 36,
                "snapshots": 3,
                "running": true,
                "same": true,
                "size": 2048,
                "owner": "root"
            });
            versions.line({});
        }

        function test_bothAreSeenBeforeEitherIsTaken() {
            show();
            tryVerify(() => saying("In #34") !== null);
            verify(saying("Now") !== null);
            verify(holding("1.0 KiB, written") !== null);
            verify(holding("2.0 KiB, written") !== null);
            verify(saying("Belongs to Anna, rw-r--r--") !== null);
            find(page, item => item.text === "Replace the Present File").clicked();
            find(page, item => item.text === "Get a Copy Beside It").clicked();
            compare(system.calls, ["restore 34 /etc/issue replace", "restore 34 /etc/issue beside"]);
            page.actions[0].trigger();
            compare(compared.signalArguments.map(it => [it[0], it[1], it[2]].join(" ")), ["34 /etc/issue 38"]);
        }

        function test_aFileThatWasMovedIsComparedWithWhatItBecame() {
            show();
            page.movedTo = "/etc/issue.new";
            page.movedIn = 36;
            tryVerify(() => saying("In #36 it is /etc/issue.new") !== null);
            page.actions[0].trigger();
            compare(compared.signalArguments.map(it => [it[0], it[1], it[2]].join(" ")), ["34 /etc/issue.new 36"]);
            page.movedTo = "";
            page.movedIn = 0;
        }

        function test_anotherVersionIsChosen() {
            show();
            tryVerify(() => saying("#36 to #38") !== null);
            find(page, item => item instanceof VersionDelegate && item.snapshot === 38).clicked();
            compare(page.chosen, 38);
            tryVerify(() => saying("Both have the same content.") !== null);
        }

        function test_aDeletedFileComesBack() {
            versions.line({});
            tryVerify(() => saying("No such file") !== null);
            find(page, item => item.text === "Get It Back").clicked();
            compare(system.calls, ["restore 34 /etc/issue replace"]);
        }

        function test_refusedSaysWhy() {
            show();
            system.createRefusal = "busy";
            tryVerify(() => saying("Something else is being done right now.") !== null);
            compare(find(page, item => item.text === "Replace the Present File").enabled, false);
        }

        function test_noSnapshotHasItAndUnknown() {
            tryVerify(() => saying("No snapshot has this file") !== null);
            versions.error = {
                "type": "not-authorized"
            };
            tryVerify(() => saying("The versions of this file are unknown") !== null);
            find(page, item => item.text === "Try Again").action.trigger();
            compare(versions.calls, ["reload"]);
        }

        function test_textsAreComparedLineByLine() {
            const shown = createTemporaryObject(textPage, root);
            compare(shown.title, "issue from #34 to #38");
            texts.append({
                "side": "gap",
                "line": "",
                "place": 0
            });
            texts.append({
                "side": "before",
                "line": "old words",
                "place": 12
            });
            texts.append({
                "side": "after",
                "line": "new words",
                "place": 12
            });
            tryVerify(() => find(shown, item => item.Accessible?.name === "Gone: old words") !== null);
            verify(find(shown, item => item.Accessible?.name === "New: new words") !== null);
            texts.clear();
            texts.result = "binary";
            for (let row = texts.count; row > 0; row--) {
                texts.remove(row - 1);
            }
            tryVerify(() => find(shown, item => item.text === "They differ, and are no text") !== null);
        }
    }
}
