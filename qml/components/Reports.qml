// SPDX-License-Identifier: GPL-3.0-or-later
pragma Singleton

import QtQuick

// Everything that is known about one thing that was done, as one text for somebody who can help.
QtObject {
    id: root

    function line(label: string, value: string): string {
        return value.length > 0 ? i18nc("@item:intext a line of a report: label and value", "%1: %2", label, value) + "\n" : "";
    }

    // Codes and times of a machine's kind stand beside the words: whoever helps may read another language.
    function report(entry: var, log: string, error: var): string {
        const failure = entry.failure ?? {};
        let text = i18nc("@title of a report about something that was done", "Kedge %1: %2", Qt.application.version, Jobs.did(entry.kind, entry.target > 0 ? entry.target : entry.snapshot)) + "\n\n";
        text += line(i18nc("@label", "Job"), entry.number + " (" + entry.kind + ")");
        text += line(i18nc("@label", "Began"), new Date(entry.started).toISOString());
        text += line(i18nc("@label", "Ended"), entry.finished > 0 ? new Date(entry.finished).toISOString() : "");
        text += line(i18nc("@label", "Asked for by"), entry.user);
        text += line(i18nc("@label", "Result"), Jobs.result(entry.ending) + (entry.ending.length > 0 ? " (" + entry.ending + ", " + entry.machine + ")" : ""));
        text += line(i18nc("@label", "Snapshot"), entry.snapshot > 0 ? "#" + entry.snapshot : "");
        if (failure.type !== undefined) {
            text += line(i18nc("@label why something failed", "Cause"), Failures.sentence(failure) + " (" + failure.code + ")");
            text += "\n" + i18nc("@title:group", "Technical Details") + "\n" + failure.detail + "\n";
        }
        text += "\n" + i18nc("@title:group", "Log") + "\n";
        if (error.type !== undefined) {
            return text + Failures.sentence(error) + "\n";
        }
        return text + (log.length > 0 ? log : i18nc("@info:placeholder", "Nothing was logged")) + "\n";
    }
}
