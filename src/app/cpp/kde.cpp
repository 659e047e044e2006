// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/kde.h"
#include "app/window.h"

#include <KAboutData>
#include <KConfigGroup>
#include <KCrash>
#include <KDBusService>
#include <KIconTheme>
#include <KLocalizedQmlContext>
#include <KLocalizedString>
#include <KSharedConfig>
#include <KUser>
#include <KWindowSystem>
#include <QtCore/QCommandLineParser>
#include <QtCore/QDir>
#include <QtCore/QFile>
#include <QtCore/QFileInfo>
#include <QtCore/QStandardPaths>
#include <QtCore/QTemporaryDir>
#include <QtCore/QUrl>
#include <QtGui/QClipboard>
#include <QtGui/QGuiApplication>
#include <QtGui/QIcon>
#include <QtQuick/QQuickWindow>
#include <QtQuickControls2/QQuickStyle>

namespace kedge {

WindowAdaptor::WindowAdaptor(QObject *service)
    : QDBusAbstractAdaptor(service)
{
}

bool WindowAdaptor::active() const
{
    return QGuiApplication::applicationState() == Qt::ApplicationActive;
}

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
    parser().addOption({QStringLiteral("page"), i18nc("@info:shell", "Open on this page: status, timeline, updates, history or settings"),
                        QStringLiteral("name")});
    parser().addOption({QStringLiteral("file"), i18nc("@info:shell", "Show the earlier versions of this file"), QStringLiteral("path")});
    QCommandLineOption bus(QStringLiteral("bus"), i18nc("@info:shell", "Show the system whose helper is on this bus"),
                           QStringLiteral("address"));
    bus.setFlags(QCommandLineOption::HiddenFromHelp);
    parser().addOption(bus);
    parser().process(*QCoreApplication::instance());
    about.processCommandLine(&parser());
    // A second start ends here: it hands its arguments to the first.
    auto service = new KDBusService(KDBusService::Unique | KDBusService::NoExitOnFailure, QCoreApplication::instance());
    new WindowAdaptor(service);
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

// The directory is looked up without symbolic links, as the helper does; the file itself may be one.
static QString addressOf(const QString &file, const QString &directory)
{
    if (file.isEmpty()) {
        return {};
    }
    const QFileInfo info(QUrl::fromUserInput(file, directory, QUrl::AssumeLocalFile).toLocalFile());
    const QString parent = QFileInfo(info.absolutePath()).canonicalFilePath();
    const QString path = (parent.isEmpty() ? info.absolutePath() : parent) + QLatin1Char('/') + info.fileName();
    return QString::fromLatin1(QFile::encodeName(QDir::cleanPath(path)).toPercentEncoding("/"));
}

QString fileOption()
{
    return addressOf(parser().value(QStringLiteral("file")), QDir::currentPath());
}

QString directoryAddress(int directory, int snapshot)
{
    // A name that says what it is. Where it leads is there as long as this process is, whatever becomes of the name.
    const QString place = QStringLiteral("/proc/%1/fd/%2").arg(QCoreApplication::applicationPid()).arg(directory);
    static const QTemporaryDir names(QStandardPaths::writableLocation(QStandardPaths::RuntimeLocation) + QStringLiteral("/kedge-XXXXXX"));
    const QString name = names.filePath(i18nc("@item a directory", "Snapshot %1", QString::number(snapshot)));
    const bool is_named = names.isValid() && (QFile::exists(name) || QFile::link(place, name));
    return QUrl::fromLocalFile((is_named ? name : place) + QLatin1Char('/')).toString(QUrl::FullyEncoded);
}

QString userName(uint uid)
{
    const KUser user(static_cast<K_UID>(uid));
    const QString name = user.property(KUser::FullName).toString();
    return name.isEmpty() ? user.loginName() : name;
}

void copyText(const QString &text)
{
    QGuiApplication::clipboard()->setText(text);
}

static KConfigGroup taste(const QString &group)
{
    // Not the window's own file, where its size is kept: the agent reads this one too.
    return KSharedConfig::openConfig(QStringLiteral("kedgerc"))->group(group);
}

bool tasteOf(const QString &group, const QString &key)
{
    return taste(group).readEntry(key, true);
}

void setTaste(const QString &group, const QString &key, bool value)
{
    auto config = taste(group);
    config.writeEntry(key, value, KConfigGroup::Notify);
    config.sync();
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
    const auto raise = [window] {
        KWindowSystem::updateStartupId(window);
        // Not show(): that would also make a maximized window small.
        window->setVisible(true);
        window->setWindowStates(window->windowStates() & ~Qt::WindowMinimized);
        window->raise();
        KWindowSystem::activateWindow(window);
    };
    QObject::connect(service, &KDBusService::activateRequested, window, [window, raise](const QStringList &arguments, const QString &directory) {
        QCommandLineParser again;
        again.addOption({QStringLiteral("page"), QString(), QStringLiteral("name")});
        again.addOption({QStringLiteral("file"), QString(), QStringLiteral("path")});
        // Other options concern a first start only, so that they are unknown here and no reason to do nothing.
        again.parse(arguments);
        if (again.isSet(QStringLiteral("page"))) {
            QMetaObject::invokeMethod(window, "showPage", Q_ARG(QString, again.value(QStringLiteral("page"))));
        }
        if (again.isSet(QStringLiteral("file"))) {
            QMetaObject::invokeMethod(window, "showFile", Q_ARG(QString, addressOf(again.value(QStringLiteral("file")), directory)));
        }
        raise();
    });
    // The actions of the .desktop file, the agent and KRunner: pages by their names, and what may be done at once.
    QObject::connect(service, &KDBusService::activateActionRequested, window, [window, raise](const QString &action) {
        QMetaObject::invokeMethod(window, "act", Q_ARG(QString, action));
        raise();
    });
    return true;
}

} // namespace kedge
