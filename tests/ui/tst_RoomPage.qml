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

    Room {
        id: disk
    }

    CleanUp {
        id: rules
    }

    RoomPage {
        id: page

        anchors.fill: parent
        app: system
        room: disk
        job: currentJob
    }

    Component {
        id: cleanUpPage

        CleanUpPage {
            width: 900
            height: 700
            app: system
            plan: rules
        }
    }

    TestCase {
        name: "RoomPage"
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
            disk.clear();
            disk.calls = [];
            disk.planned = disk.loading = disk.working = false;
            disk.enough = true;
            disk.error = {};
            disk.refusal = "";
            system.calls = [];
            system.createRefusal = "";
        }

        function test_chooseSeeAgree() {
            tryVerify(() => saying("70.0 GiB of 100.0 GiB used, 30.0 GiB free") !== null);
            find(page, item => item.text === "Look What Could Go").clicked();
            compare(disk.calls, ["plan 5368709120"]);
            disk.line({
                "number": 12,
                "description": "old"
            });
            disk.line({
                "number": 13
            });
            disk.numbers = [12, 13];
            disk.data = 5583457484;
            disk.metadata = 41943040;
            disk.planned = true;
            tryVerify(() => holding("Deleting these 2 frees 5.2 GiB") !== null);
            tryVerify(() => saying("old") !== null);
            compare(system.calls, []);
            disk.enough = false;
            tryVerify(() => holding("That is less than was asked for.") !== null);
            find(page, item => item.text === "Delete 2 Snapshots").clicked();
            compare(system.calls, ["makeRoom 12 13"]);
        }

        function test_itIsWatchedWhileItBecomesFree() {
            disk.working = true;
            currentJob.running = true;
            currentJob.phase = "clean-up";
            tryVerify(() => saying("Making room") !== null);
            compare(find(page, item => item.text === "Look What Could Go"), null);
            disk.used = 21474836480;
            tryVerify(() => holding("20.0 GiB of 100.0 GiB used") !== null);
            disk.used = 75161927680;
            currentJob.running = false;
        }

        function test_waitingCanBeGivenUp() {
            disk.loading = true;
            tryVerify(() => holding("The first time this takes minutes.") !== null);
            find(page, item => item.text === "Cancel").clicked();
            compare(disk.calls, ["forget"]);
        }

        function test_nothingMayGoRefusedAndFailed() {
            disk.planned = true;
            tryVerify(() => saying("No snapshot may be deleted") !== null);
            disk.planned = false;
            disk.refusal = "no-snapshots";
            tryVerify(() => saying("This system keeps no snapshots.") !== null);
            compare(find(page, item => item.text === "Look What Could Go").enabled, false);
            disk.error = {
                "type": "disconnected"
            };
            tryVerify(() => saying("The disk could not be read") !== null);
        }

        function test_whatTheRulesWouldDelete() {
            const shown = createTemporaryObject(cleanUpPage, root);
            verify(rules.reloads > 0);
            compare(shown.actions[0].enabled, false);
            rules.line({
                "description": "old update"
            });
            tryVerify(() => find(shown, item => item.text === "old update") !== null);
            verify(find(shown, item => String(item.text ?? "").includes("more updates than are kept")) !== null);
            verify(find(shown, item => item.text === "These would be deleted after the next update.") !== null);
            shown.actions[0].trigger();
            compare(system.calls, ["cleanUp"]);
        }
    }
}
