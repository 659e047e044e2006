// SPDX-License-Identifier: GPL-3.0-or-later
pragma Singleton

import QtQuick

// The words about what does not work: why an action is not on offer, and why something failed.
QtObject {
    // Short, to stand behind the name of an action or in a tooltip.
    function reason(code: string): string {
        switch (code) {
        case "":
            return "";
        case "booted":
            return i18nc("@info:tooltip why not", "It is running now");
        case "default":
            return i18nc("@info:tooltip why not", "It starts with the next restart");
        case "pinned":
            return i18nc("@info:tooltip why not", "It is pinned");
        case "in-progress":
            return i18nc("@info:tooltip why not", "It is still being made");
        case "no-such-snapshot":
            return i18nc("@info:tooltip why not", "It is no longer there");
        case "already-default":
            return i18nc("@info:tooltip why not", "It already starts with the next restart");
        case "busy":
            return i18nc("@info:tooltip why not", "Something else is being done right now");
        case "nothing-pending":
            return i18nc("@info:tooltip why not", "Nothing waits for a restart");
        case "damaged":
            return i18nc("@info:tooltip why not", "Its description file is damaged");
        case "database-outside":
            return i18nc("@info:tooltip why not", "The list of installed packages is not part of the snapshots on this system");
        case "database-unknown":
            return i18nc("@info:tooltip why not", "The list of installed packages has an old format (Berkeley DB) that cannot be read");
        case "no-package-manager":
            return i18nc("@info:tooltip why not", "No supported package manager was found");
        case "no-snapshots":
            return i18nc("@info:tooltip why not", "This system keeps no snapshots");
        case "foreign-default":
            return i18nc("@info:tooltip why not", "What starts next was chosen outside of the snapshots");
        case "no-such-file":
            return i18nc("@info:tooltip why not", "The snapshot has no such file");
        case "not-a-file":
            return i18nc("@info:tooltip why not", "It is neither a file nor a link");
        case "in-use":
            return i18nc("@info:tooltip why not", "It is in use");
        case "must-stay-read-only":
            return i18nc("@info:tooltip why not", "The system starts from it");
        case "starts-once":
            return i18nc("@info:tooltip why not", "It starts once with the next restart");
        case "no-boot-once":
            return i18nc("@info:tooltip why not", "This boot loader cannot start something once and come back");
        case "no-boot-partition":
            return i18nc("@info:tooltip why not", "The partition that the system starts from is not mounted");
        case "pending-first":
            return i18nc("@info:tooltip why not", "Something else waits for the restart already");
        case "not-bootable":
            return i18nc("@info:tooltip why not", "It could not start");
        case "removes-more":
            return i18nc("@info:tooltip why not", "More packages would be removed than shown before");
        case "too-late":
            return i18nc("@info:tooltip why not", "It is almost done");
        case "nothing-asked":
            return i18nc("@info:tooltip why not", "The question is no longer open");
        case "boot-loader-unsupported":
            return i18nc("@info:tooltip why not", "This boot loader is not supported yet");
        case "bisect-order":
            return i18nc("@info:tooltip why not", "The version that works has to be the older one");
        case "bisect-runs":
            return i18nc("@info:tooltip why not", "A search is under way already");
        case "no-bisect":
            return i18nc("@info:tooltip why not", "Nothing is searched for");
        case "not-in-bisect":
            return i18nc("@info:tooltip why not", "It is not between the two versions that are searched");
        case "offline":
            return i18nc("@info:tooltip why not", "This system does not run");
        case "runs":
            return i18nc("@info:tooltip why not", "This is the running system");
        case "not-btrfs":
            return i18nc("@info:tooltip why not", "The file system is no btrfs");
        case "read-only-disk":
            return i18nc("@info:tooltip why not", "The file system is read-only, or was found damaged");
        case "no-boot-variables":
            return i18nc("@info:tooltip why not", "The firmware does not show what it starts");
        default:
            return i18nc("@info:tooltip why not", "The system does not allow it");
        }
    }

    // One friendly line about anything that went wrong.
    function sentence(failure: var): string {
        switch (failure.type) {
        case "refused":
            return i18nc("@info a reason as a sentence", "%1.", reason(failure.code));
        case "not-authorized":
            return i18nc("@info", "It was not permitted.");
        case "cancelled":
            return i18nc("@info", "It was cancelled.");
        case "invalid":
            return i18nc("@info", "The text is too long or holds characters that cannot be kept.");
        case "disconnected":
            return i18nc("@info", "The system service does not answer.");
        default:
            return cause(failure);
        }
    }

    // What a person can do about it, as a code that the window knows; empty when nothing helps but time.
    function wayOutCode(failure: var): string {
        if (failure.type === "disconnected" || failure.type === "cancelled" || failure.type === "invalid") {
            return "";
        }
        switch (failure.code) {
        case "network":
        case "repository-unavailable":
        case "repository-expired":
        case "conflict":
        case "unanswered":
        case "lock-held":
        case "interrupted":
            return "check";
        case "disk-full":
            return "timeline";
        case "package-script":
        case "package-manager":
        case "repository-signature":
        case "license":
        case "unverified":
        case "not-bootable":
            return "log";
        default:
            return "";
        }
    }

    // The words on its button.
    function wayOut(failure: var): string {
        switch (wayOutCode(failure)) {
        case "check":
            return i18nc("@action:button", "Try Again");
        case "timeline":
            return i18nc("@action:button", "Choose Snapshots to Delete");
        case "log":
            return i18nc("@action:button", "Show Log");
        default:
            return "";
        }
    }

    function cause(failure: var): string {
        switch (failure.code) {
        case "network":
            return i18nc("@info", "The update servers could not be reached. Is there an internet connection?");
        case "repository-unavailable":
            return i18nc("@info", "An update server is not available or sends damaged data. Trying again later usually helps.");
        case "repository-signature":
            return i18nc("@info", "An update server could not prove that it is genuine, so nothing was taken from it.");
        case "repository-expired":
            return i18nc("@info", "An update server offers an outdated list. Is the computer's clock right?");
        case "conflict":
            return i18nc("@info", "Some updates do not fit together yet. Trying again in a day or two usually helps.");
        case "license":
            return i18nc("@info", "A package asks for its license to be agreed to, which only an administrator can do in a terminal.");
        case "unknown-package":
            return i18nc("@info", "There is no package with this name.");
        case "essential":
            return i18nc("@info", "The system does not work without a package that would be removed.");
        case "unanswered":
            return i18nc("@info", "A question was not answered in time.");
        case "disk-full":
            return i18nc("@info", "The disk is full. Deleting old snapshots or files makes room.");
        case "package-script":
            return failure.package ? i18nc("@info", "“%1” could not be set up.", failure.package) : i18nc("@info", "A package could not be set up.");
        case "lock-held":
            return failure.holder ? i18nc("@info", "“%1” is using the package manager. Try again when it is done.", failure.holder) : i18nc("@info", "Another program is using the package manager. Try again when it is done.");
        case "unverified":
            return i18nc("@info", "The result was not in order, so it was not used.");
        case "not-bootable":
            return i18nc("@info", "The result could not have started, so it was not used.");
        case "snapshot":
            return i18nc("@info", "A snapshot could not be created, changed or deleted.");
        case "boot-default":
            return i18nc("@info", "What starts next could not be changed.");
        case "package-manager":
            return i18nc("@info", "The package manager reported a problem.");
        case "refused":
            return i18nc("@info a reason as a sentence", "%1.", reason(failure.reason ?? "other"));
        case "interrupted":
            return i18nc("@info", "It was interrupted.");
        case "internal":
            return i18nc("@info", "Something unexpected happened.");
        default:
            return i18nc("@info", "Something unexpected happened.");
        }
    }
}
