#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# pseudo.sh DIR: makes a language of the texts themselves, ⟦each in brackets and longer than it was ~~~⟧, below DIR:
# share/locale/de/LC_MESSAGES/kedge.mo, and the locale that gettext wants, locale/de_DE.UTF-8. What shows without
# brackets never went through the translation.
set -eu
dir=$1
cd "$(dirname "$0")/../.."
rm -rf "$dir/share"
mkdir -p "$dir/share/locale/de/LC_MESSAGES" "$dir/locale"
find qml -name '*.qml' | sort | xargs xgettext --from-code=UTF-8 --language=JavaScript --kde \
    -ci18n -ki18n:1 -ki18nc:1c,2 -ki18np:1,2 -ki18ncp:1c,2,3 -o "$dir/kedge.pot"
sed -e 's/nplurals=INTEGER; plural=EXPRESSION/nplurals=2; plural=n != 1/' "$dir/kedge.pot" |
    msgen --no-wrap - | python3 tests/ui/pseudo.py >"$dir/de.po"
msgfmt -o "$dir/share/locale/de/LC_MESSAGES/kedge.mo" "$dir/de.po"
[ -d "$dir/locale/de_DE.UTF-8" ] || localedef -i de_DE -f UTF-8 "$dir/locale/de_DE.UTF-8"
