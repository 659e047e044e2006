// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/kde.h"

#include <KAboutData>
#include <KCrash>
#include <KDBusService>
#include <KIconTheme>
#include <KLocalizedQmlContext>
#include <KLocalizedString>
#include <KWindowSystem>
#include <QtCore/QCommandLineParser>
#include <QtGui/QGuiApplication>
#include <QtGui/QIcon>
#include <QtQuick/QQuickWindow>
#include <QtQuickControls2/QQuickStyle>

namespace kedge {

static QCommandLineParser &parser()
{
    static QCommandLineParser parser;
    return parser;
}

void beforeApp()
{
    KIconTheme::initTheme();
    if (qEnvironmentVariableIsEmpty("QT_QUICK_CONTROLS_STYLE")) {
        QQuickStyle::setStyle(QStringLiteral("org.kde.desktop"));
    }
}

void afterApp(const QString &version)
{
    KLocalizedString::setApplicationDomain("kedge");
    // The component is named as the bus name ends, which is how KDBusService makes the one from the other.
    KAboutData about(QStringLiteral("Kedge"), i18nc("@title", "Kedge"), version,
                     i18nc("@info", "Update the system and go back to earlier versions"), KAboutLicense::GPL_V3,
                     i18nc("@info:credit", "© 2026 The Kedge contributors"));
    about.setOrganizationDomain("kedge.org");
    about.setDesktopFileName(QStringLiteral("org.kedge.Kedge"));
    KAboutData::setApplicationData(about);
    QGuiApplication::setWindowIcon(QIcon::fromTheme(QStringLiteral("org.kedge.Kedge")));

    about.setupCommandLine(&parser());
    parser().addOption({QStringLiteral("page"), i18nc("@info:shell", "Open on this page: status, timeline or updates"),
                        QStringLiteral("name")});
    QCommandLineOption bus(QStringLiteral("bus"), i18nc("@info:shell", "Show the system whose helper is on this bus"),
                           QStringLiteral("address"));
    bus.setFlags(QCommandLineOption::HiddenFromHelp);
    parser().addOption(bus);
    parser().process(*QCoreApplication::instance());
    about.processCommandLine(&parser());
    // A second start ends here: it hands its arguments to the first.
    new KDBusService(KDBusService::Unique | KDBusService::NoExitOnFailure, QCoreApplication::instance());
    KCrash::initialize();
}

QString busOption()
{
    return parser().value(QStringLiteral("bus"));
}

QString pageOption()
{
    return parser().value(QStringLiteral("page"));
}

bool load(QQmlApplicationEngine &engine)
{
    KLocalization::setupLocalizedContext(&engine);
    engine.loadFromModule("org.kedge.app", "Main");
    if (engine.rootObjects().isEmpty()) {
        return false;
    }
    auto window = qobject_cast<QQuickWindow *>(engine.rootObjects().constFirst());
    // A second start raises this window, on the page that it asked for.
    auto service = QCoreApplication::instance()->findChild<KDBusService *>();
    QObject::connect(service, &KDBusService::activateRequested, window, [window](const QStringList &arguments) {
        QCommandLineParser again;
        again.addOption({QStringLiteral("page"), QString(), QStringLiteral("name")});
        // Other options concern a first start only, so that they are unknown here and no reason to do nothing.
        again.parse(arguments);
        if (again.isSet(QStringLiteral("page"))) {
            QMetaObject::invokeMethod(window, "showPage", Q_ARG(QString, again.value(QStringLiteral("page"))));
        }
        KWindowSystem::updateStartupId(window);
        window->show();
        window->raise();
        KWindowSystem::activateWindow(window);
    });
    return true;
}

} // namespace kedge
