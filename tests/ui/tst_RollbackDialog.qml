// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtTest
import org.kde.kirigami as Kirigami
import org.kedge.app

Kirigami.ApplicationItem {
    id: root

    width: 900
    height: 700

    App {
        id: system
    }

    PackageModel {
        id: packages
    }

    RollbackDialog {
        id: dialog

        app: system
        plan: packages
    }

    TestCase {
        name: "RollbackDialog"
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

        function init() {
            system.calls = [];
            packages.clear();
            packages.loading = false;
            packages.concerns = [];
            packages.kernel = {};
            packages.removed = 0;
            dialog.show({
                "number": 34,
                "description": "Update of #31",
                "time": 1772436600000
            });
            tryCompare(dialog, "opened", true);
        }

        function cleanup() {
            dialog.close();
            tryCompare(dialog, "visible", false);
        }

        function test_asksForThePlanOfTheSnapshot() {
            compare(packages.snapshot, 34);
            compare(dialog.title, "Roll back to #34?");
        }

        function test_saysWhatIsLostBeforeItIsDone() {
            packages.kernel = {
                "old": "6.19.0",
                "new": "6.18.7"
            };
            packages.concerns = ["loses-security-fixes"];
            packages.removed = 2;
            packages.line({
                "name": "sudo",
                "change": "downgraded",
                "security": true,
                "group": "security"
            });
            tryVerify(() => saying("Kernel: 6.19.0 → 6.18.7") !== null);
            tryVerify(() => saying("Security fixes that are installed now are missing there.") !== null);
            tryVerify(() => saying("2 packages that are installed now are missing there") !== null);
            tryVerify(() => saying("sudo") !== null);
        }

        function test_nothingIsDoneBeforeThePlanIsThere() {
            packages.loading = true;
            compare(saying("Restart Now").enabled, false);
            compare(saying("Restart Later").enabled, false);
        }

        function test_later() {
            mouseClick(saying("Restart Later"));
            compare(system.calls, ["rollBack 34 later"]);
            tryCompare(dialog, "visible", false);
        }

        function test_now() {
            mouseClick(saying("Restart Now"));
            compare(system.calls, ["rollBack 34 restart"]);
        }

        function test_cancelDoesNothing() {
            mouseClick(saying("Cancel"));
            compare(system.calls, []);
            tryCompare(dialog, "visible", false);
        }
    }
}
