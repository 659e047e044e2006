// SPDX-License-Identifier: GPL-3.0-or-later
pragma Singleton

import QtQuick
import org.kde.coreaddons as KCoreAddons

// The sentences about the system: each status, place and marker is worded here and nowhere else.
QtObject {
    id: root

    function when(time: double): string {
        return time > 0 ? KCoreAddons.Format.formatRelativeDateTime(new Date(time), Locale.ShortFormat) : "";
    }

    // The same within a sentence, where "Just now" would have a letter too large.
    function ago(time: double): string {
        const minutes = Math.floor((Date.now() - time) / 60000);
        if (minutes >= 0 && minutes < 60) {
            return minutes < 1 ? i18nc("@info a moment, within a sentence", "just now") : i18ncp("@info a moment, within a sentence", "%1 minute ago", "%1 minutes ago", minutes);
        }
        return i18nc("@info a moment, within a sentence: date and time", "on %1", new Date(time).toLocaleString(Qt.locale(), Locale.ShortFormat));
    }

    function exactly(time: double): string {
        return time > 0 ? new Date(time).toLocaleString(Qt.locale(), Locale.LongFormat) : "";
    }

    function size(bytes: double): string {
        return KCoreAddons.Format.formatByteSize(bytes);
    }

    function snapshotTitle(description: string): string {
        return description.length > 0 ? description : i18nc("@label stands for a missing description", "No description");
    }

    // A version by its number; zero is a running system that is no snapshot.
    function version(number: int): string {
        return number > 0 ? i18nc("@label a snapshot's number", "#%1", String(number)) : i18nc("@label stands for a snapshot's number", "the running system");
    }

    // The one sentence.
    function status(status: var): string {
        switch (status.code) {
        case "working":
            return Jobs.doing(status.kind);
        case "failed":
            return Jobs.failed(status.kind);
        case "update-pending":
            return i18nc("@info:status", "Restart to finish the update");
        case "rollback-pending":
            return i18nc("@info:status", "Restart to go back to snapshot #%1", String(status.snapshot));
        case "available":
            return status.security > 0 ? i18ncp("@info:status", "%1 update is available, with security fixes", "%1 updates are available, with security fixes", status.packages) : i18ncp("@info:status", "%1 update is available", "%1 updates are available", status.packages);
        case "could-not-check":
            return i18nc("@info:status", "Could not check for updates");
        case "never-checked":
            return i18nc("@info:status", "Not checked for updates yet");
        case "not-checked":
            return i18nc("@info:status", "The system changed since the last check for updates");
        case "stale":
            return i18ncp("@info:status", "No successful check for %1 day", "No successful check for %1 days", status.days);
        case "up-to-date":
            return i18nc("@info:status", "Up to date");
        case "no-updates":
            return i18nc("@info:status", "Updates come from elsewhere");
        default:
            return i18nc("@info:status", "Getting to know this system…");
        }
    }

    // What the sentence means and what happens next.
    function explanation(status: var): string {
        switch (status.code) {
        case "working":
            return i18nc("@info", "The running system stays as it is.");
        case "failed":
            return status.failure ? Failures.sentence(status.failure) : Jobs.after(status.ending);
        case "update-pending":
            return status.updates > 1 ? i18ncp("@info", "%1 update is installed and starts with the next restart.", "%1 updates are installed and start with the next restart.", status.updates) : i18nc("@info", "The update is installed and starts with the next restart.");
        case "rollback-pending":
            return i18nc("@info", "Nothing has changed yet: the earlier version starts with the next restart.");
        case "available":
            return i18nc("@info", "They are installed beside the running system and start with the next restart.");
        case "could-not-check":
            return status.succeeded > 0 ? i18nc("@info why a check failed, and when one last succeeded", "%1 Last successful check: %2.", Failures.sentence(status.failure), root.when(status.succeeded)) : i18nc("@info why a check failed", "%1 No check has succeeded yet.", Failures.sentence(status.failure));
        case "never-checked":
            return i18nc("@info", "Check now to see whether there is anything new.");
        case "not-checked":
            return i18nc("@info", "Last check: %1. What it found was for another version of the system.", root.when(status.succeeded));
        case "stale":
            return i18nc("@info", "Last successful check: %1. Newer updates are likely.", root.when(status.succeeded));
        case "up-to-date":
            return i18nc("@info", "Last checked: %1", root.when(status.succeeded));
        case "no-updates":
            return i18nc("@info", "Kedge cannot install updates on this system, but it can show earlier versions and go back to them.");
        default:
            return "";
        }
    }

    function statusIcon(code: string): string {
        switch (code) {
        case "working":
            return "view-refresh-symbolic";
        case "failed":
            return "error-symbolic";
        case "update-pending":
        case "rollback-pending":
            return "system-reboot-update-symbolic";
        case "available":
            return "install-symbolic";
        case "could-not-check":
            return "network-disconnect-symbolic";
        case "stale":
            return "clock-symbolic";
        case "up-to-date":
            return "checkmark-symbolic";
        default:
            return "search-symbolic";
        }
    }

    // Words on the one right button.
    function action(code: string): string {
        switch (code) {
        case "restart":
            return i18nc("@action:button", "Restart Now");
        case "update":
            return i18nc("@action:button", "Install Updates");
        case "check":
            return i18nc("@action:button", "Check for Updates");
        case "cancel":
            return i18nc("@action:button", "Cancel");
        case "show-details":
            return i18nc("@action:button", "Show Details");
        default:
            return "";
        }
    }

    function actionIcon(code: string): string {
        switch (code) {
        case "restart":
            return "system-reboot-symbolic";
        case "update":
            return "install-symbolic";
        case "check":
            return "view-refresh-symbolic";
        case "cancel":
            return "dialog-cancel-symbolic";
        default:
            return "documentinfo-symbolic";
        }
    }

    // The heading over a part of the timeline.
    function section(code: string): string {
        switch (code) {
        case "available":
            return i18nc("@title:group part of the timeline", "Available");
        case "pending":
            return i18nc("@title:group part of the timeline", "Starts with the Next Restart");
        case "running":
            return i18nc("@title:group part of the timeline", "Running Now");
        case "today":
            return i18nc("@title:group part of the timeline", "Today");
        case "yesterday":
            return i18nc("@title:group part of the timeline", "Yesterday");
        case "week":
            return i18nc("@title:group part of the timeline", "Last 7 Days");
        default:
            return new Date(Number(code.slice(0, 4)), Number(code.slice(5)) - 1).toLocaleDateString(Qt.locale(), i18nc("month and year as a heading, see Qt's QLocale::toString", "MMMM yyyy"));
        }
    }

    // The heading over a part of a list of packages.
    function group(code: string): string {
        switch (code) {
        case "kernel":
            return i18nc("@title:group packages", "Kernel");
        case "security":
            return i18nc("@title:group packages", "Security");
        case "boot-loader":
            return i18nc("@title:group packages", "Boot Loader");
        case "graphics":
            return i18nc("@title:group packages", "Graphics");
        case "desktop":
            return i18nc("@title:group packages", "Plasma");
        case "system":
            return i18nc("@title:group packages", "System");
        case "removed":
            return i18nc("@title:group packages", "Removed");
        case "added":
            return i18nc("@title:group packages", "New");
        default:
            return i18nc("@title:group packages", "Changed");
        }
    }

    function versions(change: string, oldVersion: string, newVersion: string): string {
        switch (change) {
        case "added":
            return newVersion;
        case "removed":
            return oldVersion;
        default:
            return i18nc("@label a package's version before and after", "%1 → %2", oldVersion, newVersion);
        }
    }

    function change(code: string): string {
        switch (code) {
        case "added":
            return i18nc("@info:tooltip", "New package");
        case "removed":
            return i18nc("@info:tooltip", "Removed");
        case "downgraded":
            return i18nc("@info:tooltip", "Older version");
        case "rebuilt":
            return i18nc("@info:tooltip", "Same version, built anew");
        default:
            return i18nc("@info:tooltip", "Newer version");
        }
    }

    function fileChange(code: string): string {
        switch (code) {
        case "created":
            return i18nc("@label what happened to a file", "New");
        case "deleted":
            return i18nc("@label what happened to a file", "Deleted");
        case "changed":
            return i18nc("@label what happened to a file", "Changed");
        case "renamed":
            return i18nc("@label what happened to a file", "Moved");
        case "hidden":
            return i18nc("@label what happened to a folder", "Changes inside, not for everybody");
        default:
            return "";
        }
    }

    function fileChangeIcon(code: string): string {
        switch (code) {
        case "created":
            return "list-add-symbolic";
        case "deleted":
            return "list-remove-symbolic";
        case "renamed":
            return "edit-rename-symbolic";
        case "hidden":
            return "lock-symbolic";
        default:
            return "document-edit-symbolic";
        }
    }

    function fileIcon(kind: string, file: string): string {
        switch (kind) {
        case "package":
            return "package-x-generic-symbolic";
        case "directory":
            return "folder-symbolic";
        case "more":
            return "view-more-symbolic";
        default:
            return file === "directory" ? "folder-symbolic" : file === "symlink" ? "emblem-symbolic-link" : "text-x-generic-symbolic";
        }
    }

    // How many files there are of each kind of change.
    function fileCounts(created: int, deleted: int, changed: int, renamed: int): string {
        return [created > 0 ? i18ncp("@info part of a list", "%1 new", "%1 new", created) : "", deleted > 0 ? i18ncp("@info part of a list", "%1 deleted", "%1 deleted", deleted) : "", changed > 0 ? i18ncp("@info part of a list", "%1 changed", "%1 changed", changed) : "", renamed > 0 ? i18ncp("@info part of a list", "%1 moved", "%1 moved", renamed) : ""].filter(it => it.length > 0).join(i18nc("separates the parts of a list", ", "));
    }

    // In which respects a file changed.
    function aspects(codes: string): string {
        const words = {
            "content": i18nc("@info what of a file changed", "content"),
            "kind": i18nc("@info what of a file changed", "kind"),
            "mode": i18nc("@info what of a file changed", "permissions"),
            "owner": i18nc("@info what of a file changed", "owner"),
            "group": i18nc("@info what of a file changed", "group"),
            "times": i18nc("@info what of a file changed", "time"),
            "xattrs": i18nc("@info what of a file changed", "attributes"),
            "acl": i18nc("@info what of a file changed", "access list")
        };
        return codes.split(" ").map(it => words[it] ?? it).join(i18nc("separates the parts of a list", ", "));
    }

    // How two texts compare that have no lines to show.
    function comparison(result: string): string {
        switch (result) {
        case "same":
            return i18nc("@info:placeholder", "Both have the same content");
        case "binary":
            return i18nc("@info:placeholder", "They differ, and are no text");
        case "too-large":
            return i18nc("@info:placeholder", "Too large to be compared as text");
        default:
            return "";
        }
    }

    // What deleting snapshots frees.
    function freed(count: int, data: double, metadata: double): string {
        return i18ncp("@info %2 and %3 are sizes", "Deleting it frees %2, and about %3 of the file system's own records", "Deleting these %1 frees %2, and about %3 of the file system's own records", count, root.size(data), root.size(metadata));
    }

    // Why the rules of keeping would delete a snapshot.
    function doom(code: string): string {
        switch (code) {
        case "":
            return "";
        case "number":
            return i18nc("@info why a snapshot would be deleted", "more updates than are kept");
        case "timeline":
            return i18nc("@info why a snapshot would be deleted", "older than the timeline goes back");
        case "empty-pair":
            return i18nc("@info why a snapshot would be deleted", "nothing changed between the two of the pair");
        case "space":
            return i18nc("@info why a snapshot would be deleted", "versions fill more of the disk than they may");
        case "free":
            return i18nc("@info why a snapshot would be deleted", "less of the disk is free than should be");
        default:
            return code;
        }
    }

    // Who follows the rules.
    function keeper(code: string): string {
        switch (code) {
        case "snapper":
            return i18nc("@info", "Snapper cleans up here, by its own configuration and timer.");
        case "kedge":
            return i18nc("@info", "These would be deleted after the next update.");
        default:
            return i18nc("@info", "Nothing is deleted automatically here. With the numbers of the settings it would be these.");
        }
    }

    // What a system may be able to do.
    function ability(code: string): string {
        switch (code) {
        case "snapshots":
            return i18nc("@label an ability of the system", "Keep versions as snapshots");
        case "boot-default":
            return i18nc("@label an ability of the system", "Choose what starts next");
        case "updates":
            return i18nc("@label an ability of the system", "Install updates into a new version");
        case "boot-once":
            return i18nc("@label an ability of the system", "Try a version once and come back");
        case "package-changes":
            return i18nc("@label an ability of the system", "Tell which packages changed");
        default:
            return code;
        }
    }

    // Something to know before a rollback is agreed to.
    function concern(code: string): string {
        switch (code) {
        case "drops-pending":
            return i18nc("@info", "What waits for the restart now will not start. It stays in the timeline.");
        case "no-kernel":
            return i18nc("@info", "This snapshot has no kernel of its own and may not start.");
        case "no-initrd":
            return i18nc("@info", "This snapshot lacks a part that is needed to start (the initrd) and may not start.");
        case "loses-security-fixes":
            return i18nc("@info", "Security fixes that are installed now are missing there.");
        case "packages-unknown":
            return i18nc("@info", "What would change is unknown: the packages of one of the two versions cannot be read.");
        case "no-modules":
            return i18nc("@info", "The parts of the kernel (modules) are missing there, and it may not start.");
        case "no-etc":
            return i18nc("@info", "The system's configuration is missing there, so it cannot start.");
        case "no-boot-space":
            return i18nc("@info", "There is no room for its kernel where the system starts from.");
        case "no-boot-partition":
            return i18nc("@info", "The partition that the system starts from is not mounted.");
        case "failed-before":
            return i18nc("@info", "It was started before and never came up.");
        case "makes-copy":
            return i18nc("@info", "The snapshot itself stays as it is; a writable copy of it starts.");
        default:
            return code;
        }
    }
}
