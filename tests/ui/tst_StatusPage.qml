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

    Agent {
        id: sessionAgent
    }

    StatusPage {
        id: page

        anchors.fill: parent
        app: system
        job: currentJob
        agent: sessionAgent
    }

    SignalSpy {
        id: fixes

        target: page
        signalName: "fixAsked"
    }

    SignalSpy {
        id: rollBack

        target: page
        signalName: "rollBackAsked"
    }

    SignalSpy {
        id: details

        target: page
        signalName: "detailsAsked"
    }

    TestCase {
        name: "StatusPage"
        when: windowShown

        // The first visible item below `item` that shows exactly this text.
        function shown(item: Item, text: string): var {
            if (!item.visible) {
                return null;
            }
            if (item.text === text) {
                return item;
            }
            for (const child of item.children) {
                const found = shown(child, text);
                if (found) {
                    return found;
                }
            }
            return null;
        }

        function init() {
            system.calls = [];
            system.link = "ready";
            system.checkRefusal = "";
            system.pending = 0;
            sessionAgent.calls = [];
            sessionAgent.planned = "";
            sessionAgent.waits = "";
            rollBack.clear();
            details.clear();
        }

        function press(text) {
            const button = shown(page, text);
            verify(button !== null, "no button '" + text + "'");
            waitForPolish(root.Window.window);
            wait(120);
            mouseClick(button);
        }

        function test_sentenceAndButton_data() {
            const failure = {
                "type": "failed",
                "code": "network",
                "detail": "no host"
            };
            return [
                {
                    tag: "working",
                    status: {
                        "code": "working",
                        "action": "cancel",
                        "kind": "update",
                        "job": 7
                    },
                    sentence: "Installing updates",
                    button: "Cancel",
                    call: "cancel 7"
                },
                {
                    tag: "update-pending",
                    status: {
                        "code": "update-pending",
                        "action": "restart",
                        "snapshot": 41,
                        "updates": 1
                    },
                    sentence: "Restart to finish the update",
                    button: "Restart Now",
                    call: "restart"
                },
                {
                    tag: "rollback-pending",
                    status: {
                        "code": "rollback-pending",
                        "action": "restart",
                        "snapshot": 31
                    },
                    sentence: "Restart to go back to snapshot #31",
                    button: "Restart Now",
                    call: "restart"
                },
                {
                    tag: "available",
                    status: {
                        "code": "available",
                        "action": "update",
                        "packages": 12,
                        "security": 0
                    },
                    sentence: "12 updates are available",
                    button: "Install Updates",
                    call: "update"
                },
                {
                    tag: "security",
                    status: {
                        "code": "available",
                        "action": "update",
                        "packages": 1,
                        "security": 1
                    },
                    sentence: "1 update is available, with security fixes",
                    button: "Install Updates",
                    call: "update"
                },
                {
                    tag: "could-not-check",
                    status: {
                        "code": "could-not-check",
                        "action": "check",
                        "failure": failure
                    },
                    sentence: "Could not check for updates",
                    button: "Check for Updates",
                    call: "check"
                },
                {
                    tag: "never-checked",
                    status: {
                        "code": "never-checked",
                        "action": "check"
                    },
                    sentence: "Not checked for updates yet",
                    button: "Check for Updates",
                    call: "check"
                },
                {
                    tag: "not-checked",
                    status: {
                        "code": "not-checked",
                        "action": "check",
                        "succeeded": 1772436600000
                    },
                    sentence: "The system changed since the last check for updates",
                    button: "Check for Updates",
                    call: "check"
                },
                {
                    tag: "stale",
                    status: {
                        "code": "stale",
                        "action": "check",
                        "succeeded": 1772436600000,
                        "days": 12
                    },
                    sentence: "No successful check for 12 days",
                    button: "Check for Updates",
                    call: "check"
                },
                {
                    tag: "up-to-date",
                    status: {
                        "code": "up-to-date",
                        "action": "check",
                        "succeeded": Date.now()
                    },
                    sentence: "Up to date",
                    button: "Check for Updates",
                    call: "check"
                }
            ];
        }

        function test_sentenceAndButton(data) {
            system.status = data.status;
            verify(shown(page, data.sentence) !== null, data.sentence);
            press(data.button);
            compare(system.calls, [data.call]);
        }

        // Up to date, not known, and long ago are three pictures: no two share their sentence or their icon.
        function test_aMomentWithinASentenceHasNoCapital() {
            system.status = {
                "code": "up-to-date",
                "action": "check",
                "succeeded": 1
            };
            const before = system.running;
            system.running = Object.assign({}, before, {
                "time": Date.now()
            });
            tryVerify(() => shown(page, "Running now · made just now") !== null);
            system.running = before;
            compare(Wording.ago(Date.now() - 310000), "5 minutes ago");
            verify(Wording.ago(Date.now() - 3 * 86400000).startsWith("on "));
        }

        function test_healthHasThreePictures() {
            const pictures = ["up-to-date", "could-not-check", "stale"].map(code => {
                system.status = {
                    "code": code,
                    "action": "check",
                    "succeeded": 1772436600000,
                    "days": 12,
                    "failure": {
                        "type": "failed",
                        "code": "repository-signature",
                        "detail": ""
                    }
                };
                return Wording.statusIcon(code) + Wording.status(system.status);
            });
            compare(new Set(pictures).size, 3);
            compare(new Set(["up-to-date", "could-not-check", "stale"].map(code => Wording.statusIcon(code))).size, 3);
        }

        function test_aFailedCheckSaysWhenOneLastSucceededAndOffersAWayOut() {
            system.status = {
                "code": "could-not-check",
                "action": "check",
                "succeeded": 0,
                "failure": {
                    "type": "failed",
                    "code": "disk-full",
                    "detail": ""
                }
            };
            verify(shown(page, "The disk is full. Deleting old snapshots or files makes room. No check has succeeded yet.") !== null);
            press("Choose Snapshots to Delete");
            compare(fixes.signalArguments[0][0], "timeline");
        }

        function test_whatIsAboutToBeDiscardedCanBeKept() {
            system.status = {
                "code": "update-pending",
                "action": "restart",
                "snapshot": 41,
                "updates": 1
            };
            system.discarding = true;
            tryVerify(() => shown(page, "What waits for the restart will be deleted in a few seconds.") !== null);
            compare(shown(page, "Undo the Update"), null, "it is being undone already");
            // The message slides in.
            wait(400);
            press("Keep It");
            system.discarding = false;
            compare(system.calls, ["keep"]);
        }

        function test_failureOpensItsDetailsAndCanBePutAway() {
            system.status = {
                "code": "failed",
                "action": "show-details",
                "kind": "update",
                "job": 3,
                "ending": "undone",
                "failure": {
                    "type": "failed",
                    "code": "package-script",
                    "package": "kernel-default",
                    "detail": "exit status 1"
                }
            };
            verify(shown(page, "The update did not work") !== null);
            verify(shown(page, "“kernel-default” could not be set up.") !== null);
            press("Show Details");
            compare(details.count, 1);
            press("Dismiss");
            compare(system.calls, ["dismiss"]);
        }

        function test_undoIsOneClick() {
            system.status = {
                "code": "update-pending",
                "action": "restart",
                "snapshot": 41,
                "updates": 1
            };
            press("Undo the Update");
            compare(system.calls, ["discard"]);
        }

        function test_noUpdatesHasNoButton() {
            system.status = {
                "code": "no-updates",
                "action": "none"
            };
            compare(shown(page, "Check for Updates"), null);
            compare(shown(page, "Install Updates"), null);
        }

        function test_goingBackIsOffered() {
            system.status = {
                "code": "up-to-date",
                "action": "check",
                "succeeded": Date.now()
            };
            press("Go Back to #34…");
            compare(rollBack.count, 1);
            compare(rollBack.signalArguments[0][0], 34);
        }

        function test_aPlannedRestartIsSaidAndCanBeTakenBack_data() {
            return [
                {
                    tag: "tonight",
                    text: "The computer restarts tonight between 3 and 5, if it is on.",
                    button: "Do Not Restart Tonight"
                },
                {
                    tag: "next-shutdown",
                    text: "No reminders until the computer is shut down or restarted.",
                    button: "Remind of the Restart Again"
                }
            ];
        }

        function test_aPlannedRestartIsSaidAndCanBeTakenBack(data) {
            sessionAgent.planned = data.tag;
            compare(shown(page, data.text), null, "nothing waits for a restart");
            system.pending = 41;
            // What else the agent waits for is of less weight.
            sessionAgent.waits = "metered";
            tryVerify(() => shown(page, data.text) !== null);
            // The message slides in.
            wait(400);
            press(data.button);
            compare(sessionAgent.calls, ["plan "]);
        }

        function test_aTimeForTheRestartCanBeChosenWhereTheAgentRuns() {
            compare(shown(page, "The restart can wait for a better moment."), null, "nothing waits for a restart");
            sessionAgent.shutdowns = false;
            system.pending = 41;
            compare(shown(page, "The restart can wait for a better moment."), null, "nobody would remember it");
            sessionAgent.shutdowns = true;
            tryVerify(() => shown(page, "The restart can wait for a better moment.") !== null);
            // The message slides in.
            wait(400);
            press("Tonight");
            press("With the Next Shutdown");
            compare(sessionAgent.calls, ["plan tonight", "plan next-shutdown"]);
            sessionAgent.nights = false;
            tryVerify(() => shown(page, "Tonight") === null);
            sessionAgent.nights = true;
            sessionAgent.planned = "tonight";
            tryVerify(() => shown(page, "The restart can wait for a better moment.") === null);
        }

        function test_whyNothingHappensByItselfIsSaid_data() {
            return ["offline", "metered", "on-battery", "saves-power"].map(code => ({
                        tag: code
                    }));
        }

        function test_whyNothingHappensByItselfIsSaid(data) {
            sessionAgent.waits = data.tag;
            tryVerify(() => shown(page, "Settings") !== null);
            wait(400);
            press("Settings");
            compare(fixes.signalArguments[fixes.count - 1][0], "settings");
            sessionAgent.waits = "a reason of tomorrow";
            tryVerify(() => shown(page, "Settings") === null);
        }

        function test_refusedActionIsDisabled() {
            system.status = {
                "code": "never-checked",
                "action": "check"
            };
            system.checkRefusal = "busy";
            compare(shown(page, "Check for Updates").enabled, false);
        }

        function test_lostHelperIsSaid() {
            system.link = "lost";
            verify(shown(page, "The system service does not answer. What is shown may be out of date; Kedge keeps trying.") !== null);
            system.status = {};
            verify(shown(page, "The system service does not answer") !== null);
        }
    }
}
