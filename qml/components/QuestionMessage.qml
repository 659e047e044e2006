// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import org.kde.kirigami as Kirigami
import org.kedge.app

// Something waits for a decision, which was put off or is asked elsewhere too.
Kirigami.InlineMessage {
    id: root

    required property Question question

    signal answerAsked

    position: Kirigami.InlineMessage.Position.Header
    type: Kirigami.MessageType.Warning
    visible: question.open
    text: i18nc("@info", "The update waits for an answer. %1", Jobs.questionEnd(question.until))
    Accessible.name: text

    actions: Kirigami.Action {
        text: i18nc("@action:button shows the question", "Answer…")
        icon.name: "dialog-question-symbolic"
        onTriggered: root.answerAsked()
    }
}
