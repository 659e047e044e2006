// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Controls as QQC2

// Reads what is drawn in a language of brackets (pseudo.sh), and says what is wrong with it.
QtObject {
    id: root

    // What comes from the machine and not from us.
    property list<string> data: []

    readonly property FontMetrics letters: FontMetrics {}

    // What was not translated, is cut, or breaks a word in two, in an item and all that is in it.
    function wrong(item: Item): var {
        const found = [];
        look(item, found);
        return found;
    }

    // A text of ours is in brackets. Numbers, dates, sizes and what the machine says are not of ours.
    function isOurs(text: string): bool {
        let rest = data.reduce((rest, it) => rest.split(it).join(""), text);
        rest = rest.replace(/<[^>]*>/g, "").replace(/\b(MiB|GiB|KiB)\b/g, "");
        return /\p{L}{2,}/u.test(rest) && !/^[^\p{L}]*\d{1,2}[.:]/u.test(rest);
    }

    // The first word that has no room in a line; only what may break anywhere, as paths, may do that.
    function broken(item: Item): string {
        if (item.wrapMode !== Text.Wrap || item.lineCount < 2) {
            return "";
        }
        letters.font = item.font;
        return item.text.replace(/<[^>]*>/g, "").split(/[\s-–—·]+/).find(it => letters.advanceWidth(it) > item.width + 1) ?? "";
    }

    function look(item: Item, found: var): void {
        if (!item.visible || item.opacity === 0) {
            return;
        }
        const text = typeof item.text === "string" ? item.text : "";
        const drawn = item.truncated !== undefined;
        if (drawn && text.length > 0) {
            if (!text.includes("⟦") && isOurs(text)) {
                found.push("not translated: " + text);
            }
            if (item.truncated && text.includes("⟦")) {
                found.push("cut: " + text);
            }
            const word = broken(item);
            if (word.length > 0) {
                found.push("broken: " + word);
            }
        } else if (item instanceof QQC2.AbstractButton && text.length > 0 && item.display !== QQC2.AbstractButton.IconOnly) {
            if (!text.includes("⟦") && isOurs(text)) {
                found.push("not translated: " + text);
            }
            if (item instanceof QQC2.Button && item.implicitWidth > item.width + 1) {
                found.push("cut: " + text);
            }
        }
        const name = item.Accessible?.name ?? "";
        if (name.length > 0 && !name.includes("⟦") && isOurs(name)) {
            found.push("not translated for a screen reader: " + name);
        }
        for (const child of item.children) {
            look(child, found);
        }
    }
}
