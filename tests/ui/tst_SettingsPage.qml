// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtTest
import org.kedge.app

Item {
    id: root

    width: 900
    height: 1400

    App {
        id: system
    }

    Settings {
        id: choices
    }

    SettingsPage {
        id: page

        anchors.fill: parent
        app: system
        settings: choices
    }

    TestCase {
        name: "SettingsPage"
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
            choices.calls = [];
            choices.cleanUp = false;
            choices.known = true;
            choices.storing = false;
            choices.automation = "notify";
            choices.tray = true;
            system.link = "ready";
        }

        function test_aWishShowsOnlyOnceItHolds() {
            const battery = saying("Also while running from the battery");
            compare(battery.checked, false);
            mouseClick(battery);
            compare(choices.calls, ["onBattery true"]);
            tryCompare(battery, "checked", false);
            choices.onBattery = true;
            compare(battery.checked, true);
            choices.onBattery = false;
        }

        function test_aScreenReaderCanTurnASwitchToo() {
            saying("Also while running from the battery").toggle();
            compare(choices.calls, ["onBattery true"]);
        }

        function test_choicesAreWords() {
            const choice = saying("When there are updates");
            compare(choice.currentText, "Tell me");
            choice.activated(2);
            compare(choices.calls, ["automation install"]);
            tryCompare(choice, "currentText", "Tell me");
            choices.automation = "install";
            compare(choice.currentText, "Install them for the next restart");
        }

        function test_whatIsKeptIsSaidInWords() {
            verify(find(page, item => String(item.text ?? "").startsWith("Kedge keeps every version")) !== null);
            compare(find(page, item => item.label === "Updates to keep"), null);
            choices.cleanUp = true;
            tryVerify(() => find(page, item => item.label === "Updates to keep") !== null);
            verify(saying("The newest 10 updates are kept, fewer when versions fill more than 30 % of the disk.") !== null);
            find(page, item => item.label === "Updates to keep").value = 5;
            tryVerify(() => choices.calls.length > 0);
            compare(choices.calls, ["keepUpdates 5"]);
        }

        function test_tasteIsOnesOwnAndNeedsNoService() {
            system.link = "lost";
            choices.known = false;
            const tray = saying("Show an icon in the tray when there is something to say");
            verify(tray.enabled);
            mouseClick(tray);
            compare(choices.tray, false);
            compare(choices.calls, []);
            compare(saying("When there are updates").enabled, false);
        }

        function test_helperGoneIsSaid() {
            choices.known = false;
            system.link = "lost";
            tryVerify(() => find(page, item => String(item.text ?? "").startsWith("The system service does not answer.")) !== null);
            compare(saying("Also while running from the battery").enabled, false);
            tryVerify(() => saying("Unknown while the system service does not answer") !== null);
            // What is one's own needs no service.
            compare(saying("Remind me of updates and restarts").enabled, true);
        }

        function test_storingIsBusy() {
            choices.storing = true;
            compare(saying("When there are updates").enabled, false);
        }

        function test_systemSaysWhatItCannotDoAndWhy() {
            const updates = saying("Install updates into a new version");
            compare(updates.description, "The list of installed packages is not part of the snapshots on this system");
            compare(saying("Keep versions as snapshots").description, "Works on this system");
        }
    }
}
