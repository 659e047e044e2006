// SPDX-License-Identifier: GPL-3.0-or-later
// Runs Qt Quick tests with KDE's translations and style, as the window itself has them.
#include <KLocalizedQmlContext>
#include <KLocalizedString>
#include <QtQml/QQmlEngine>
#include <QtQuickControls2/QQuickStyle>
#include <QtQuickTest/quicktest.h>

class Setup : public QObject
{
    Q_OBJECT

public Q_SLOTS:
    void applicationAvailable()
    {
        KLocalizedString::setApplicationDomain("kedge");
        QQuickStyle::setStyle(QStringLiteral("org.kde.desktop"));
    }

    void qmlEngineAvailable(QQmlEngine *engine)
    {
        KLocalization::setupLocalizedContext(engine);
    }
};

QUICK_TEST_MAIN_WITH_SETUP(kedge, Setup)

#include "runner.moc"
