// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick

// Stands for the bridge of the same name: one question, open or not.
QtObject {
    id: root

    property bool open: false
    property int job: 7
    property int number: 0
    property string kind: ""
    property var about: ({})
    property string text: ""
    property list<string> choices: []
    property double until: Date.now() + 1800000

    signal asked

    function ask(what: string, about: var, words: string, choices: list<string>): void {
        number += 1;
        kind = what;
        root.about = about;
        text = words;
        root.choices = choices;
        open = true;
        asked();
    }
}
