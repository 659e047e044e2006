// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick

// What most people do without after a start, a dialog say: it is made when it is first asked for. The controls of the
// desktop's style look at every event of the program, so even one that nobody sees makes all the others slower.
Loader {
    active: false

    function made(): QtObject {
        active = true;
        return item;
    }
}
