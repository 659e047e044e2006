#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes a picture of every page: light and dark, wide and narrow.

Usage: screenshots.py KEDGE BUS DIRECTORY [--locale LOCALE] [--reverse] [--font POINTS]. BUS is the address of the bus
that the helper is on. Uses the display of DISPLAY where there is one, else one of its own.
"""

import argparse
import os
import shutil
import subprocess
import tempfile
import time

PAGES = ["status", "timeline", "updates"]
SCHEMES = {"light": "BreezeLight", "dark": "BreezeDark"}
WIDTHS = [1000, 360]


def configuration(scheme, font):
    """A configuration directory with a colour scheme and a font."""
    directory = tempfile.mkdtemp(prefix="kedge-config-")
    target = os.path.join(directory, "kdeglobals")
    source = f"/usr/share/color-schemes/{SCHEMES[scheme]}.colors"
    if os.path.exists(source):
        shutil.copy(source, target)
    with open(target, "a", encoding="utf-8") as file:
        icons = "breeze-dark" if scheme == "dark" else "breeze"
        file.write(f"\n[General]\nColorScheme={SCHEMES[scheme]}\n")
        if font:
            for name in ("font", "menuFont", "toolBarFont"):
                file.write(f"{name}=Noto Sans,{font},-1,5,400,0,0,0,0,0,0,0,0,0,0,1\n")
        file.write(f"[Icons]\nTheme={icons}\n")
    return directory


def take(kedge, bus, environment, arguments, size, file):
    """One picture of one window."""
    command = ["dbus-run-session", "--", kedge, "--bus", bus, *arguments]
    # A session of its own, so that all of it can be ended.
    window = subprocess.Popen(command, env=environment, start_new_session=True, stderr=subprocess.DEVNULL)
    try:
        found = ""
        end = time.monotonic() + 60
        while not found and time.monotonic() < end:
            time.sleep(0.5)
            search = ["xdotool", "search", "--onlyvisible", "--name", "Kedge"]
            found = subprocess.run(search, env=environment, capture_output=True, text=True).stdout.strip()
        if not found:
            raise SystemExit(f"no window for {file}")
        number = found.splitlines()[-1]
        subprocess.run(["xdotool", "windowsize", number, *map(str, size)], env=environment, check=True)
        subprocess.run(["xdotool", "mousemove", "0", "0"], env=environment, check=True)
        time.sleep(float(os.environ.get("KEDGE_SETTLE", "4")))
        subprocess.run(["import", "-window", number, file], env=environment, check=True)
        print(file)
    finally:
        os.killpg(window.pid, 15)
        window.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kedge")
    parser.add_argument("bus")
    parser.add_argument("directory")
    parser.add_argument("--locale", default="C.UTF-8")
    parser.add_argument("--reverse", action="store_true", help="lay out from right to left")
    parser.add_argument("--font", type=int, default=0)
    parser.add_argument("--page", action="append")
    parser.add_argument("--scheme", action="append", choices=SCHEMES)
    parser.add_argument("--width", action="append", type=int)
    options = parser.parse_args()
    os.makedirs(options.directory, exist_ok=True)
    environment = dict(os.environ)
    children = []
    if "DISPLAY" not in environment:
        read, write = os.pipe()
        server = ["Xvfb", "-displayfd", str(write), "-screen", "0", "1100x900x24", "-nolisten", "tcp"]
        children.append(subprocess.Popen(server, pass_fds=[write]))
        os.close(write)
        with os.fdopen(read) as number:
            environment["DISPLAY"] = ":" + number.readline().strip()
        children.append(subprocess.Popen(["openbox"], env=environment))
    environment.update(
        XDG_CURRENT_DESKTOP="KDE",
        KDE_FULL_SESSION="true",
        KDE_SESSION_VERSION="6",
        QT_QPA_PLATFORM="xcb",
        QT_QUICK_BACKEND="software",
        LC_ALL=options.locale,
        LANGUAGE=options.locale.split(".")[0],
    )
    try:
        for scheme in options.scheme or SCHEMES:
            environment["XDG_CONFIG_HOME"] = configuration(scheme, options.font)
            for width in options.width or WIDTHS:
                for page in options.page or PAGES:
                    file = os.path.join(options.directory, f"{page}-{scheme}-{width}.png")
                    extra = ["-reverse"] if options.reverse else []
                    take(options.kedge, options.bus, environment, ["--page", page, *extra], (width, 720), file)
    finally:
        for child in reversed(children):
            child.terminate()
            child.wait()


if __name__ == "__main__":
    main()
