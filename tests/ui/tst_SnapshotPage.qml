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
        id: timeline
    }

    PackageModel {
        id: packages
    }

    SnapshotPage {
        id: page

        anchors.fill: parent
        app: system
        snapshots: timeline
        changes: packages
        number: 34
    }

    SignalSpy {
        id: rollbacks

        target: page
        signalName: "rollBackAsked"
    }

    SignalSpy {
        id: files

        target: page
        signalName: "filesAsked"
    }

    SignalSpy {
        id: changelogs

        target: page
        signalName: "changelogAsked"
    }

    TestCase {
        name: "SnapshotPage"
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
            timeline.clear();
            timeline.calls = [];
            system.calls = [];
            packages.clear();
            packages.loading = false;
            packages.error = {};
            packages.base = 31;
            rollbacks.clear();
        }

        function show(members) {
            timeline.line(Object.assign({
                "number": 34,
                "description": "before the printer"
            }, members));
            timeline.revision++;
        }

        function test_whatItIsAndWhatChanged() {
            show({
                "pinned": true
            });
            packages.line({
                "name": "curl",
                "oldVersion": "8.18",
                "newVersion": "8.19",
                "security": true,
                "group": "security"
            });
            tryVerify(() => saying("before the printer") !== null);
            verify(saying("Pinned") !== null);
            tryVerify(() => saying("curl") !== null);
            verify(saying("8.18 → 8.19") !== null);
            verify(saying("1 package differs from #31") !== null);
        }

        function test_rollingBackAsksFirst() {
            show({});
            page.actions[0].trigger();
            compare(rollbacks.signalArguments[0][0], 34);
            compare(system.calls, []);
        }

        function test_refusedSaysWhy() {
            show({
                "rollbackRefusal": "already-default",
                "deleteRefusal": "booted"
            });
            compare(page.actions[0].enabled, false);
            compare(page.actions[0].tooltip, "It already starts with the next restart");
            compare(page.actions[3].enabled, false);
            compare(page.actions[3].tooltip, "It is running now");
        }

        function test_oneThatIsDeletedMeanwhileIsGone() {
            show({});
            packages.line({});
            tryVerify(() => saying("before the printer") !== null);
            timeline.clear();
            timeline.revision++;
            tryVerify(() => saying("This snapshot is no longer there") !== null);
            compare(saying("before the printer"), null);
            compare(saying("bash"), null);
            verify(page.actions.every(it => !it.enabled));
        }

        function test_pinAndDelete() {
            show({});
            page.actions[1].trigger();
            compare(system.calls, ["pin 34"]);
            page.actions[3].trigger();
            compare(timeline.calls, ["deleteLater 34"]);
        }

        function test_loadingIsNotTheSame() {
            show({});
            packages.loading = true;
            tryVerify(() => find(page, item => item instanceof Kirigami.LoadingPlaceholder) !== null);
            compare(saying("The same packages as #31"), null);
            packages.loading = false;
            tryVerify(() => saying("The same packages as #31") !== null);
        }

        function test_unknownSaysWhy() {
            show({});
            packages.error = {
                "type": "refused",
                "code": "database-outside"
            };
            tryVerify(() => saying("What changed is unknown") !== null);
            verify(find(page, item => String(item.explanation ?? "").includes("not part of the snapshots")) !== null);
        }

        function test_filesAndChangelogsAreOneStepAway() {
            show({});
            page.actions[4].trigger();
            compare(files.signalArguments[0][0], 31);
            compare(files.signalArguments[0][1], 34);
            page.actions[5].trigger();
            compare(system.calls, ["browse 34"]);
            packages.line({
                "name": "curl",
                "oldVersion": "8.18",
                "newVersion": "8.19"
            });
            packages.securityLost = 2;
            tryVerify(() => saying("2 security fixes lost") !== null);
            tryVerify(() => find(page, item => item instanceof PackageDelegate) !== null);
            find(page, item => item instanceof PackageDelegate).clicked();
            compare(changelogs.signalArguments[0][0], "curl");
            packages.against = 12;
            compare(page.title, "From #12 to #34");
            packages.against = 0;
        }
    }
}
