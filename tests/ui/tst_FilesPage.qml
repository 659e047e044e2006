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

    FileModel {
        id: changes
    }

    FilesPage {
        id: page

        anchors.fill: parent
        app: system
        files: changes
        from: 34
        to: 38
    }

    SignalSpy {
        id: asked

        target: page
        signalName: "fileAsked"
    }

    SignalSpy {
        id: moved

        target: page
        signalName: "movedAsked"
    }

    TestCase {
        name: "FilesPage"
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
            changes.clear();
            changes.calls = [];
            changes.loading = false;
            changes.error = {};
            changes.created = changes.deleted = changes.changed = changes.renamed = 0;
            changes.hidden = changes.leftOut = 0;
            changes.full = false;
            changes.filter = "";
            asked.clear();
        }

        function test_foldersFilesAndWhatIsInThem() {
            compare(changes.from, 34);
            compare(page.title, "Files from #34 to #38");
            changes.changed = 12;
            changes.created = 1;
            changes.line({
                "kind": "directory",
                "name": "usr/lib/mesa",
                "change": "",
                "below": 12
            });
            changes.line({
                "name": "fstab",
                "address": "/etc/fstab",
                "aspects": "content mode"
            });
            changes.line({
                "name": "new",
                "address": "/etc/new",
                "change": "created"
            });
            changes.line({
                "kind": "more",
                "name": "",
                "change": "",
                "rest": 800
            });
            tryVerify(() => saying("13 files differ: 1 new, 12 changed") !== null);
            tryVerify(() => saying("12 changes") !== null);
            tryVerify(() => saying("Changed · content, permissions") !== null);
            find(page, item => item instanceof FileDelegate && item.kind === "directory").clicked();
            find(page, item => item instanceof FileDelegate && item.kind === "more").clicked();
            compare(changes.calls, ["toggle 0", "toggle 3"]);
            compare(asked.count, 0);
            // What is new is looked at where it is, anything else where it was.
            find(page, item => item instanceof FileDelegate && item.name === "fstab").clicked();
            find(page, item => item instanceof FileDelegate && item.name === "new").clicked();
            compare(asked.signalArguments.map(it => it[0] + " " + it[1]), ["/etc/fstab 34", "/etc/new 38"]);
        }

        function test_whatWasMovedIsLookedAtWhereItWas() {
            changes.line({
                "name": "issue",
                "address": "/etc/issue",
                "change": "renamed",
                "before": "etc/motd",
                "addressBefore": "/etc/motd"
            });
            tryVerify(() => saying("Moved · was /etc/motd") !== null);
            find(page, item => item instanceof FileDelegate).clicked();
            compare(moved.signalArguments.map(it => it[0] + " " + it[1]), ["/etc/motd /etc/issue"]);
            compare(asked.count, 0);
        }

        function test_keysUnfold() {
            changes.line({
                "kind": "directory",
                "name": "etc",
                "change": "",
                "below": 2
            });
            const list = find(page, item => item instanceof ListView);
            list.forceActiveFocus();
            list.currentIndex = 0;
            tryVerify(() => list.currentItem !== null);
            keyClick(Qt.Key_Right);
            keyClick(Qt.Key_Left);
            compare(changes.calls, ["toggle 0"]);
        }

        function test_filterAndFold() {
            find(page, item => item.text === "By Package").toggle();
            find(page, item => item.text === "By Package").toggled();
            compare(changes.fold, "packages");
            find(page, item => item instanceof Kirigami.SearchField).text = "mesa";
            compare(changes.filter, "mesa");
            tryVerify(() => saying("Nothing matches the filter") !== null);
            find(page, item => item instanceof Kirigami.SearchField).text = "";
        }

        function test_whatIsNotForEverybodyIsAskedFor() {
            changes.hidden = 2;
            tryVerify(() => holding("2 folders with changes are not for everybody.") !== null);
            find(page, item => item instanceof Kirigami.InlineMessage).actions[0].trigger();
            compare(changes.calls, ["showHidden"]);
        }

        function test_aListThatIsNotWholeSaysSo() {
            changes.line({});
            changes.full = true;
            tryVerify(() => holding("more files differ than there is room to remember") !== null);
            changes.full = false;
            changes.error = {
                "type": "disconnected"
            };
            tryVerify(() => holding("What is shown may not be all. ") !== null);
            changes.error = {};
            tryVerify(() => holding("What is shown") === null);
        }

        function test_loadingEmptyAndFailed() {
            changes.loading = true;
            tryVerify(() => find(page, item => item instanceof Kirigami.LoadingPlaceholder) !== null);
            changes.loading = false;
            tryVerify(() => saying("No files differ") !== null);
            changes.error = {
                "type": "disconnected"
            };
            tryVerify(() => saying("What changed is unknown") !== null);
            find(page, item => item.text === "Try Again").action.trigger();
            compare(changes.calls, ["reload"]);
        }
    }
}
