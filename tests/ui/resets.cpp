// SPDX-License-Identifier: GPL-3.0-or-later
// Preloaded into the window: writes down the class of every model that is reset, a line each, into the file that
// KEDGE_RESETS names. A reset takes all lines of a list away, with the place and the focus of whoever reads.
#include <QtCore/QAbstractItemModel>
#include <cstdio>
#include <cstdlib>
#include <dlfcn.h>

void QAbstractItemModel::endResetModel()
{
    using Reset = void (*)(QAbstractItemModel *);
    static const auto reset = reinterpret_cast<Reset>(dlsym(RTLD_NEXT, "_ZN18QAbstractItemModel13endResetModelEv"));
    if (const char *name = std::getenv("KEDGE_RESETS")) {
        if (std::FILE *file = std::fopen(name, "a")) {
            std::fprintf(file, "%s\n", metaObject()->className());
            std::fclose(file);
        }
    }
    reset(this);
}
