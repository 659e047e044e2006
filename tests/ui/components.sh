#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# components.sh DIR TEST...: runs component tests. The product's QML becomes a module below DIR in which the types that
# Rust provides are the mocks; the runner is compiled there once.
set -eu
dir=$1
shift
here=$(cd "$(dirname "$0")" && pwd)
qml=$(cd "$here/../../qml" && pwd)
module=$dir/modules/org/kedge/app

rm -rf "$module"
mkdir -p "$module"
for part in components delegates dialogs pages; do
    ln -s "$qml/$part" "$module/$part"
done
ln -s "$here/mocks" "$module/mocks"
mkdir "$module/window"
ln -s "$qml/Main.qml" "$module/window/Main.qml"
{
    echo "module org.kedge.app"
    cd "$module"
    for file in */*.qml; do
        singleton=
        if grep -q '^pragma Singleton' "$file"; then singleton="singleton "; fi
        echo "$singleton$(basename "$file" .qml) 1.0 $file"
    done
} >"$module/qmldir"

if [ ! -x "$dir/runner" ] || [ "$here/runner.cpp" -nt "$dir/runner" ]; then
    qt=$(qmake6 -query QT_INSTALL_LIBEXECS)
    "$qt/moc" "$here/runner.cpp" -o "$dir/runner.moc"
    kf=$(dirname "$(find /usr/include /usr/local/include -path '*KF6/KI18n' -type d | head -n 1)")
    # shellcheck disable=SC2046
    c++ -fPIC -I"$dir" -I"$kf/KI18n" -I"$kf/KI18nQml" "$here/runner.cpp" -o "$dir/runner" \
        $(pkg-config --cflags --libs Qt6Quick Qt6QuickControls2 Qt6QuickTest Qt6Test Qt6Widgets) -lKF6I18n -lKF6I18nQml
fi

export QT_QPA_PLATFORM=offscreen QT_QUICK_BACKEND=software LC_ALL=C.UTF-8
for test in "$@"; do
    case $test in
    tst_Pseudo*)
        "$here/pseudo.sh" "$dir/pseudo"
        export LC_ALL=de_DE.UTF-8 LANGUAGE=de LOCPATH="$dir/pseudo/locale"
        export XDG_DATA_DIRS="$dir/pseudo/share:/usr/local/share:/usr/share"
        ;;
    esac
    "$dir/runner" -import "$dir/modules" -input "$here/$test"
done
