// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once
// What cxx-qt-lib does not bind: KDE Frameworks and QQmlApplicationEngine::loadFromModule.
#include <QtCore/QString>
#include <QtQml/QQmlApplicationEngine>

namespace kedge {
/// Before the application object exists: icon theme and style.
void beforeApp();
/// After it exists and before the first translated string: name, version, command line, one instance a session.
void afterApp(const QString &version);
/// The bus of `--bus`, empty for the system bus.
QString busOption();
/// The page of `--page`, empty for the first.
QString pageOption();
/// The file of `--file` as an address: its path from the root, escaped as in a URL; empty for none.
QString fileOption();
/// The address under which other programs of this user reach a directory of a snapshot that is open here.
QString directoryAddress(int directory, int snapshot);
/// What a user is called: the full name, else the login name, empty when there is no such user.
QString userName(uint uid);
/// Puts a text on the clipboard.
void copyText(const QString &text);
/// A switch of `~/.config/kedgerc`, on when it is not there.
bool tasteOf(const QString &group, const QString &key);
/// Stores such a switch and tells who watches the file.
void setTaste(const QString &group, const QString &key, bool value);
/// Loads the window.
bool load(QQmlApplicationEngine &engine);
} // namespace kedge
