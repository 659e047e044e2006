// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once
#include <QtDBus/QDBusAbstractAdaptor>

namespace kedge {

/// What the agent asks before it says anything: whether the window is in front. On the object of KDBusService.
class WindowAdaptor : public QDBusAbstractAdaptor
{
    Q_OBJECT
    Q_CLASSINFO("D-Bus Interface", "org.kedge.Kedge.Window")
    Q_PROPERTY(bool Active READ active)

public:
    explicit WindowAdaptor(QObject *service);
    bool active() const;
};

} // namespace kedge
