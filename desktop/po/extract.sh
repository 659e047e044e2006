#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Writes kedge.pot anew from the window's QML and C++ and the agent's words, and brings every translation up to it.
set -eu
cd "$(dirname "$0")/../.."
pot=desktop/po/kedge.pot
set -- --from-code=UTF-8 --add-location=file --package-name=Kedge --copyright-holder='The Kedge contributors' \
    --kde -ci18n -ki18n:1 -ki18nc:1c,2 -ki18np:1,2 -ki18ncp:1c,2,3
find qml -name '*.qml' | sort | xargs xgettext "$@" --language=JavaScript -o "$pot"
xgettext "$@" --language=C++ --join-existing -o "$pot" src/app/cpp/kde.cpp
# gettext before 0.24 reads no Rust: the agent keeps its words in calls that also read as C.
xgettext --from-code=UTF-8 --add-location=file --language=C --keyword --keyword=text:1c,2 --keyword=plural:1c,2,3 \
    --join-existing -o "$pot" src/agent/words.rs
# The date would make every run a change.
sed -i -e '/^"POT-Creation-Date:/d' -e '1s/.*/# SPDX-License-Identifier: GPL-3.0-or-later/' "$pot"
for po in desktop/po/*.po; do
    [ -e "$po" ] || continue
    msgmerge --quiet --update --backup=none --no-fuzzy-matching --add-location=file "$po" "$pot"
    sed -i -e '/^"POT-Creation-Date:/d' "$po"
done
