#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Everything about translations in one command: writes kedge.pot anew from the window's QML and C++, the agent's words and
# the files that a desktop reads, brings every catalogue up to it, and writes the catalogues' words back into those files,
# which carry their translations inside. Run again it changes nothing.
set -eu
cd "$(dirname "$0")/../.."
po=desktop/po
pot=$po/kedge.pot
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Our own rules for polkit's files; those for AppStream's come with AppStream.
GETTEXTDATADIRS=$PWD/$po:/usr/share/gettext
export GETTEXTDATADIRS

desktop=$(find desktop -name '*.desktop' -o -name '*.notifyrc' | sort)
xml="desktop/org.kedge.Kedge.metainfo.xml desktop/org.kedge.kedge1.policy"
keys='--keyword --keyword=Name --keyword=GenericName --keyword=Comment --keyword=Keywords'
keys="$keys --keyword=X-Plasma-Runner-Syntax-Descriptions"

# The files as they are in English.
for file in $desktop; do
    mkdir -p "$work/$(dirname "$file")"
    sed '/^[A-Za-z-]*\[[A-Za-z_@]*\]=/d' "$file" >"$work/$file"
done
for file in $xml; do
    sed '/^ *<[a-z]* xml:lang="[A-Za-z_@]*">.*<\/[a-z]*>$/d' "$file" >"$work/$file"
done

set -- --from-code=UTF-8 --add-location=file --package-name=Kedge --copyright-holder='The Kedge contributors'
find qml -name '*.qml' | sort |
    xargs xgettext "$@" --language=JavaScript --kde -ci18n -ki18n:1 -ki18nc:1c,2 -ki18np:1,2 -ki18ncp:1c,2,3 -o "$pot"
find src/app/cpp -name '*.cpp' | sort |
    xargs xgettext "$@" --language=C++ --kde -ci18n -ki18n:1 -ki18nc:1c,2 -ki18np:1,2 -ki18ncp:1c,2,3 -j -o "$pot"
# gettext before 0.24 reads no Rust: the agent keeps its words in calls that also read as C.
xgettext "$@" --language=C --keyword --keyword=text:1c,2 --keyword=both:1c,2 --keyword=plural:1c,2,3 -j -o "$pot" src/agent/words.rs
all=$(cd "$po" && for it in *.po; do echo "$PWD/$it"; done)
out=$PWD/$pot
(
    cd "$work"
    # shellcheck disable=SC2086 # these are lists of words without blanks
    xgettext "$@" --language=Desktop $keys -j -o "$out" $desktop
    # shellcheck disable=SC2086
    xgettext "$@" -j -o "$out" $xml
)
# The date would make every run a change.
sed -i -e '/^"POT-Creation-Date:/d' -e '1s/.*/# SPDX-License-Identifier: GPL-3.0-or-later/' "$pot"
for file in $all; do
    msgmerge --quiet --update --backup=none --no-fuzzy-matching --add-location=file "$file" "$pot"
    sed -i -e '/^"POT-Creation-Date:/d' "$file"
done

# Back into the files.
(cd "$po" && ls ./*.po) | sed 's,^\./,,; s,\.po$,,' >"$work/LINGUAS"
mkdir "$work/po"
cp "$po"/*.po "$work/po"
cp "$work/LINGUAS" "$work/po"
for file in $desktop; do
    # shellcheck disable=SC2086
    msgfmt --desktop $keys --template="$work/$file" -d "$work/po" -o "$file"
done
for file in $xml; do
    msgfmt --xml --template="$work/$file" -d "$work/po" -o "$work/translated"
    # msgfmt lays the file out anew, so only its new lines are taken: each behind the English one.
    awk '
        { words = $0; sub(/^ +/, "", words) }
        NR == FNR {
            if (words !~ /^<[a-z]+ xml:lang=/) { english = words; known = english in more }
            else if (!known) more[english] = more[english] "\n" words
            next
        }
        {
            print
            indent = $0
            sub(/[^ ].*/, "", indent)
            count = split(more[words], lines, "\n")
            for (at = 2; at <= count; at++) print indent lines[at]
        }
    ' "$work/translated" "$work/$file" >"$file"
done
