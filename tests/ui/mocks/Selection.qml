// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick

// Stands for the bridge of the same name: the chosen numbers, and what is told of them.
QtObject {
    id: root

    property list<int> numbers: []
    property int count: numbers.length
    property bool loading: false
    property var error: ({})
    property bool known: false
    property double data: 0
    property double metadata: 0
    property double held: 0
    property var holder: ({})
    property string deleteRefusal: ""
    property int refused: 0

    function toggle(snapshot: int): void {
        numbers = numbers.includes(snapshot) ? numbers.filter(it => it !== snapshot) : numbers.concat([snapshot]);
    }

    function clear(): void {
        numbers = [];
    }
}
