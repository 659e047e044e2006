// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtTest
import org.kedge.app

// The window itself over plain models: its pages, what other programs ask of it, and where failures lead.
Item {
    id: root

    width: 100
    height: 100

    Main {
        id: main

        visible: true
    }

    Component {
        id: barBelow

        DestinationBar {}
    }

    TestCase {
        name: "Main"
        when: windowShown

        function page() {
            return main.pageStack.currentItem;
        }

        function init() {
            failOnWarning(/TypeError|ReferenceError|is not a type|Unable to assign/);
            main.showPage("status");
        }

        function test_everyDestinationOpensByNameAndUnknownOnesLeadHome_data() {
            return [["status", "Status"], ["timeline", "Timeline"], ["updates", "Updates"], ["history", "History"], ["settings", "Settings"], ["nowhere", "Status"]].map(([name, title]) => ({
                        "tag": name,
                        "title": title
                    }));
        }

        function test_everyDestinationOpensByNameAndUnknownOnesLeadHome(row) {
            main.showPage("updates");
            main.act(row.tag);
            tryCompare(page(), "title", row.title);
            compare(main.pageStack.depth, 1);
        }

        function test_destinationsAreMarked() {
            for (const action of main.destinations) {
                action.trigger();
                compare(main.current, action.name);
                compare(main.destinations.filter(it => it.checked).length, 1);
            }
        }

        function test_aSnapshotAndAnEntryOpenBesideTheirLists() {
            main.showSnapshot(34);
            compare(main.pageStack.depth, 2);
            compare(page().number, 34);
            main.showEntry(7);
            compare(main.pageStack.depth, 2);
            compare(main.current, "history");
            compare(page().number, 7);
            main.showEntry(8);
            compare(page().number, 8);
        }

        function test_aListBeginsAtItsBeginning() {
            main.showPage("updates");
            const updates = page().updates;
            for (let n = 0; n < 40; n++) {
                updates.line({
                    "name": "package" + n,
                    "group": n < 20 ? "kernel" : "changed"
                });
            }
            for (const show of [() => main.showPage("updates"), () => main.showSnapshot(34)]) {
                main.showPage("status");
                show();
                const view = page().flickable;
                wait(300);
                compare(view.contentY, view.originY);
            }
            updates.clear();
        }

        function test_fromTheTimelineToOneFile() {
            main.showComparison(12, 34);
            compare(page().number, 34);
            main.showFiles(12, 34);
            compare(page().from, 12);
            main.showVersions("/etc/issue", 12);
            compare(page().chosen, 12);
            main.showText(12, "/etc/issue", 34);
            compare(page().name, "issue");
            main.showMoved("/etc/motd", 12, "/etc/issue", 34);
            compare([page().chosen, page().movedTo, page().movedIn], [12, "/etc/issue", 34]);
            main.showFile("/etc/issue");
            compare(main.pageStack.depth, 2);
            compare(page().movedTo, "");
            compare(page().chosen, 0);
        }

        // Asked for at the start, before anybody knows what runs.
        function test_whatTheRunningVersionChangedWaitsForTheState() {
            main.showPage("changes");
            compare(main.current, "timeline");
            compare(main.pageStack.depth, 1);
            const snapshots = page().snapshots;
            snapshots.line({
                "number": 38,
                "previous": 34
            });
            snapshots.revision = 1;
            tryCompare(main.pageStack, "depth", 2);
            compare([page().from, page().to], [34, 38]);
            // Of the first version there is to say that it is the first.
            snapshots.setProperty(0, "previous", 0);
            main.showPage("changes");
            compare(page().number, 38);
            snapshots.clear();
            snapshots.revision = 0;
        }

        function test_makingRoomAndCleaningUpStandBesideTheirPages_data() {
            return [["room", "timeline", "Make Room"], ["clean-up", "settings", "What Would Be Deleted"]].map(([name, beside, title]) => ({
                        "tag": name,
                        "beside": beside,
                        "title": title
                    }));
        }

        function test_makingRoomAndCleaningUpStandBesideTheirPages(row) {
            main.showPage(row.tag);
            compare(main.current, row.beside);
            compare(page().title, row.title);
            main.showPage(row.tag);
            compare(main.pageStack.depth, 2);
        }

        function test_theBarBelowShowsWholeWordsOrNone() {
            for (const [width, fits] of [[120, false], [1200, true]]) {
                const bar = barBelow.createObject(root, {
                    "width": width,
                    "destinations": main.destinations
                });
                compare(bar.fits, fits);
                bar.destroy();
            }
        }

        function test_aFailureLeadsToItsWayOut() {
            main.fix("timeline");
            compare(main.current, "timeline");
        }
    }
}
