// SPDX-License-Identifier: GPL-3.0-or-later
pragma Singleton

import QtQuick

// The words about work: what is being done, how far it is, how it ended.
QtObject {
    function doing(kind: string): string {
        switch (kind) {
        case "create":
            return i18nc("@info:status", "Creating a snapshot");
        case "delete":
            return i18nc("@info:status", "Deleting");
        case "edit":
            return i18nc("@info:status", "Saving changes");
        case "check":
            return i18nc("@info:status", "Checking for updates");
        case "download":
            return i18nc("@info:status", "Downloading updates");
        case "update":
            return i18nc("@info:status", "Installing updates");
        case "install":
            return i18nc("@info:status", "Installing packages");
        case "remove":
            return i18nc("@info:status", "Removing packages");
        case "rollback":
            return i18nc("@info:status", "Going back");
        case "try-once":
            return i18nc("@info:status", "Getting ready for a try");
        case "discard":
            return i18nc("@info:status", "Undoing");
        case "make-room":
            return i18nc("@info:status", "Making room");
        case "clean-up":
            return i18nc("@info:status", "Removing old snapshots");
        case "restore":
            return i18nc("@info:status", "Getting a file back");
        case "recover":
            return i18nc("@info:status", "Tidying up after an interruption");
        default:
            return i18nc("@info:status", "Working");
        }
    }

    function failed(kind: string): string {
        switch (kind) {
        case "create":
            return i18nc("@info:status", "Could not create the snapshot");
        case "delete":
            return i18nc("@info:status", "Could not delete");
        case "edit":
            return i18nc("@info:status", "Could not save the changes");
        case "check":
            return i18nc("@info:status", "Could not check for updates");
        case "download":
            return i18nc("@info:status", "Could not download the updates");
        case "update":
            return i18nc("@info:status", "The update did not work");
        case "install":
            return i18nc("@info:status", "Could not install the packages");
        case "remove":
            return i18nc("@info:status", "Could not remove the packages");
        case "rollback":
            return i18nc("@info:status", "Could not go back");
        case "try-once":
            return i18nc("@info:status", "Could not get ready for a try");
        case "discard":
            return i18nc("@info:status", "Could not undo");
        case "make-room":
            return i18nc("@info:status", "Could not make room");
        case "clean-up":
            return i18nc("@info:status", "Could not remove old snapshots");
        case "restore":
            return i18nc("@info:status", "Could not get the file back");
        case "recover":
            return i18nc("@info:status", "Could not tidy up");
        case "browse":
            return i18nc("@info:status", "Could not show the files");
        case "restart":
            return i18nc("@info:status", "Could not restart");
        case "settings":
            return i18nc("@info:status", "Could not store the setting");
        case "cancel":
            return i18nc("@info:status", "Could not cancel");
        case "answer":
            return i18nc("@info:status", "Could not answer");
        default:
            return i18nc("@info:status", "That did not work");
        }
    }

    // What was done, as a heading; the number is that of the snapshot it is about, zero for none.
    function did(kind: string, snapshot: int): string {
        switch (kind) {
        case "create":
            return snapshot > 0 ? i18nc("@title", "Creation of snapshot #%1", String(snapshot)) : i18nc("@title", "Creation of a snapshot");
        case "delete":
            return snapshot > 0 ? i18nc("@title", "Deletion of snapshot #%1", String(snapshot)) : i18nc("@title", "Deletion of snapshots");
        case "edit":
            return i18nc("@title", "Change of snapshot #%1", String(snapshot));
        case "check":
            return i18nc("@title", "Check for updates");
        case "download":
            return i18nc("@title", "Download of updates");
        case "update":
            return snapshot > 0 ? i18nc("@title", "Update to #%1", String(snapshot)) : i18nc("@title", "Update");
        case "install":
            return i18nc("@title", "Installation of packages");
        case "remove":
            return i18nc("@title", "Removal of packages");
        case "rollback":
            return i18nc("@title", "Rollback to #%1", String(snapshot));
        case "try-once":
            return i18nc("@title", "Try of #%1", String(snapshot));
        case "make-room":
            return i18nc("@title", "Making room");
        case "clean-up":
            return i18nc("@title", "Automatic clean-up");
        case "restore":
            return i18nc("@title", "Restoring a file from #%1", String(snapshot));
        case "discard":
            return i18nc("@title", "Undo of what waited for the restart");
        case "recover":
            return i18nc("@title", "Tidying up after an interruption");
        default:
            return i18nc("@title", "Other work");
        }
    }

    function icon(kind: string): string {
        switch (kind) {
        case "create":
            return "list-add-symbolic";
        case "delete":
            return "edit-delete-symbolic";
        case "edit":
            return "edit-rename-symbolic";
        case "check":
            return "view-refresh-symbolic";
        case "download":
            return "download-symbolic";
        case "update":
            return "install-symbolic";
        case "install":
            return "list-add-symbolic";
        case "remove":
            return "list-remove-symbolic";
        case "rollback":
            return "document-revert-symbolic";
        case "try-once":
            return "media-playback-start-symbolic";
        case "discard":
            return "edit-undo-symbolic";
        case "make-room":
        case "clean-up":
            return "edit-clear-all-symbolic";
        case "restore":
            return "document-revert-symbolic";
        case "recover":
            return "tools-wizard-symbolic";
        default:
            return "tools-wizard-symbolic";
        }
    }

    // How it ended, in a word or two.
    function result(ending: string): string {
        switch (ending) {
        case "done":
            return i18nc("@info:status how something ended", "Done");
        case "nothing-changed":
            return i18nc("@info:status how something ended", "Nothing to do");
        case "undone":
            return i18nc("@info:status how something ended", "Failed");
        case "cancelled":
            return i18nc("@info:status how something ended", "Cancelled");
        case "needs-attention":
            return i18nc("@info:status how something ended", "Needs a look");
        default:
            return i18nc("@info:status", "Being done");
        }
    }

    // What the system was right after it.
    function machine(code: string, snapshot: int): string {
        switch (code) {
        case "old-system":
            return i18nc("@info", "As it was before: the same version starts next.");
        case "new-system":
            return snapshot > 0 ? i18nc("@info", "Snapshot #%1 is complete and starts next.", String(snapshot)) : i18nc("@info", "Another version starts next.");
        default:
            return i18nc("@info", "It could not be read.");
        }
    }

    // What became of the system when something did not work.
    function after(ending: string): string {
        switch (ending) {
        case "undone":
        case "cancelled":
            return i18nc("@info", "Nothing has changed: the system is as it was before.");
        case "needs-attention":
            return i18nc("@info", "Something was left behind that needs a look.");
        default:
            return "";
        }
    }

    // A word of thanks for what a person asked for; empty when the window shows it anyway.
    function done(kind: string, ending: string, snapshot: int): string {
        if (ending === "cancelled") {
            return i18nc("@info:status", "Cancelled. Nothing has changed.");
        }
        switch (kind) {
        case "create":
            return i18nc("@info:status", "Snapshot #%1 created", String(snapshot));
        case "rollback":
            return i18nc("@info:status", "Snapshot #%1 starts with the next restart", String(snapshot));
        case "discard":
            return i18nc("@info:status", "Undone: the running version starts again with the next restart");
        case "restore":
            return ending === "nothing-changed" ? i18nc("@info:status", "The file was like that already") : i18nc("@info:status", "The file is back");
        case "make-room":
        case "clean-up":
            return ending === "nothing-changed" ? i18nc("@info:status", "There was nothing to delete") : i18nc("@info:status", "The room is free now");
        case "check":
            return ending === "nothing-changed" ? i18nc("@info:status", "No new updates") : "";
        case "update":
            return ending === "nothing-changed" ? i18nc("@info:status", "There was nothing to install") : "";
        default:
            return "";
        }
    }

    function phase(code: string): string {
        switch (code) {
        case "prepare":
            return i18nc("@info:progress", "Preparing");
        case "refresh":
            return i18nc("@info:progress", "Asking the repositories");
        case "download":
            return i18nc("@info:progress", "Downloading");
        case "install":
            return i18nc("@info:progress", "Installing");
        case "verify":
            return i18nc("@info:progress", "Checking the result");
        case "commit":
            return i18nc("@info:progress", "Finishing");
        case "clean-up":
            return i18nc("@info:progress", "Tidying up");
        default:
            return i18nc("@info:progress", "Working");
        }
    }

    // The phase with its item: "Installing curl (3 of 12)".
    function step(code: string, subject: string, item: int, items: int): string {
        const what = subject.length > 0 ? i18nc("@info:progress a phase and what it is at, e.g. 'Installing: curl'", "%1: %2", phase(code), subject) : phase(code);
        return items > 1 ? i18nc("@info:progress a step, its number, how many there are", "%1 (%2 of %3)", what, item, items) : what;
    }

    // What a job asks, as a heading.
    function question(kind: string, about: var): string {
        switch (kind) {
        case "license":
            return i18nc("@title:window a package", "License of %1", about.package ?? "?");
        case "conflict":
            return i18nc("@title:window", "Packages That Do Not Go Together");
        case "package-script":
            return i18nc("@title:window a package", "A Script of %1 Failed", about.package ?? "?");
        case "repository-key":
            return i18nc("@title:window", "A Key That Is Not Trusted Yet");
        default:
            return i18nc("@title:window", "A Question");
        }
    }

    // What has to be known before answering.
    function questionFacts(kind: string, about: var): string {
        switch (kind) {
        case "license":
            return i18nc("@info", "The package %1 is only installed when its license is agreed to:", about.package ?? "?");
        case "conflict":
            return i18nc("@info", "The updates cannot be installed together as they are. The package manager says what is in the way, and knows these solutions:");
        case "package-script":
            return i18nc("@info", "The package %1 is installed in the new system, but its script failed there, so it may not work as it should:", about.package ?? "?");
        case "repository-key":
            return i18nc("@info repository, who the key belongs to, fingerprint", "The repository %1 is signed with a key that is not trusted yet. Whoever has it can change every package of this system.\n\nKey: %2\nFingerprint: %3", about.repository ?? "?", about.key ?? "?", about.fingerprint ?? "?");
        default:
            return "";
        }
    }

    // What happens when nobody answers.
    function questionEnd(until: double): string {
        return i18nc("@info a time", "Without an answer it ends at %1, and the system stays as it is.", new Date(until).toLocaleTimeString(Qt.locale(), Locale.ShortFormat));
    }

    function agreeing(kind: string): string {
        switch (kind) {
        case "license":
            return i18nc("@action:button to a license", "Agree");
        case "conflict":
            return i18nc("@action:button", "Use This Solution");
        case "package-script":
            return i18nc("@action:button", "Keep the New System");
        case "repository-key":
            return i18nc("@action:button", "Trust This Key");
        default:
            return i18nc("@action:button", "Go On");
        }
    }

    function declining(kind: string): string {
        return kind === "package-script" ? i18nc("@action:button", "Discard the New System") : i18nc("@action:button", "End the Update");
    }
}
