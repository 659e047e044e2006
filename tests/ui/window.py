#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drives the real window over a simulated machine, by what a screen reader reads.

Usage: window.py KEDGE HELPER STORY. Starts a display, a session bus and a bus for the helper of its own, and ends them.
"""

import glob
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

PATIENCE = 90.0


class Session:
    """A display with a window manager, two buses, the helper and the window."""

    def __init__(self, kedge, helper, scenario, page, with_agent):
        self.helper_program = helper
        self.scenario = scenario
        self.children = []
        self.scratch = tempfile.mkdtemp(prefix="kedge-ui-")
        env = dict(os.environ)
        read, write = os.pipe()
        self.start(
            ["Xvfb", "-displayfd", str(write), "-screen", "0", "1100x800x24", "-nolisten", "tcp"],
            pass_fds=[write],
        )
        os.close(write)
        with os.fdopen(read) as number:
            env["DISPLAY"] = ":" + number.readline().strip()
        env.update(
            XDG_CONFIG_HOME=self.scratch,
            XDG_CURRENT_DESKTOP="KDE",
            KDE_FULL_SESSION="true",
            KDE_SESSION_VERSION="6",
            LC_ALL="C.UTF-8",
            QT_QPA_PLATFORM="xcb",
            QT_QUICK_BACKEND="software",
            QT_LINUX_ACCESSIBILITY_ALWAYS_ON="1",
        )
        env["DBUS_SESSION_BUS_ADDRESS"] = self.bus("session")
        os.environ.update(env)
        self.start(["openbox"])
        self.accessibility()
        self.system = self.bus("system")
        self.state = os.path.join(self.scratch, "state")
        self.helper = None
        self.start_helper()
        # A page by its name, or a file by its path.
        there = ["--file" if page.startswith("/") else "--page", page]
        self.command = [kedge, "--bus", self.system, *there]
        self.reset_models = os.path.join(self.scratch, "resets")
        if with_agent:
            # The agent speaks of the machine of the system bus, so the window has to show that one.
            os.environ.update(DBUS_SYSTEM_BUS_ADDRESS=self.system, XDG_STATE_HOME=self.scratch)
            self.command = [kedge, *there]
        self.open_window()

    def accessibility(self):
        """Starts the accessibility bus and its registry: a window that comes while they start may stay unknown to them."""
        ask = ["dbus-send", "--print-reply=literal", "--reply-timeout=90000"]
        address = subprocess.check_output(
            [*ask, "--session", "--dest=org.a11y.Bus", "/org/a11y/bus", "org.a11y.Bus.GetAddress"], text=True
        )
        ping = ["--dest=org.a11y.atspi.Registry", "/org/a11y/atspi/accessible/root", "org.freedesktop.DBus.Peer.Ping"]
        subprocess.run([*ask, f"--bus={address.strip()}", *ping], check=True)

    def open_window(self):
        env = dict(os.environ, KEDGE_RESETS=self.reset_models, LD_PRELOAD=self.watcher())
        self.window = self.start(self.command, env=env)

    def watcher(self):
        """What writes down which models of the window are reset."""
        library = os.path.join(self.scratch, "resets.so")
        source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "resets.cpp")
        flags = subprocess.check_output(["pkg-config", "--cflags", "--libs", "Qt6Core"], text=True).split()
        subprocess.run(["c++", "-shared", "-fPIC", "-o", library, source, *flags], check=True)
        return library

    def resets(self):
        """The models that were reset so far, by their classes."""
        if not os.path.exists(self.reset_models):
            return []
        with open(self.reset_models, encoding="utf-8") as file:
            return file.read().split()

    def ended(self):
        """How the window ended, where it did: a negative number is a signal."""
        return self.window.poll()

    def bus(self, name):
        read, write = os.pipe()
        address = f"unix:path={self.scratch}/{name}"
        self.start(
            ["dbus-daemon", "--session", "--nofork", "--nopidfile", f"--address={address}", f"--print-address={write}"],
            pass_fds=[write],
        )
        os.close(write)
        with os.fdopen(read) as line:
            return line.readline().strip()

    def start(self, command, **options):
        child = subprocess.Popen(command, **options)
        self.children.append(child)
        return child

    def start_helper(self):
        self.helper = self.start(
            [self.helper_program, "--sim", self.scenario, "--bus", self.system, "--idle-timeout", "0"]
            + ["--state-dir", self.state]
        )

    def start_agent(self):
        self.start([os.path.join(os.path.dirname(self.helper_program), "kedge-agent"), "--login-delay", "0"])

    def setting(self, name):
        """What the helper says of a setting."""
        ask = ["dbus-send", f"--bus={self.system}", "--print-reply=literal", "--dest=org.kedge.Kedge1"]
        get = ["/org/kedge/Kedge1", "org.freedesktop.DBus.Properties.Get", "string:org.kedge.Kedge1.Settings"]
        return subprocess.check_output([*ask, *get, f"string:{name}"], text=True).split()[-1]

    def is_active(self):
        """Whether the window says that it is in front, as the agent asks it."""
        ask = ["dbus-send", "--session", "--print-reply=literal", "--dest=org.kedge.Kedge", "/org/kedge/Kedge"]
        get = ["org.freedesktop.DBus.Properties.Get", "string:org.kedge.Kedge.Window", "string:Active"]
        return subprocess.check_output([*ask, *get], text=True).split()[-1] == "true"

    def on_screen(self):
        """The number of our window for the X server."""
        search = ["xdotool", "search", "--onlyvisible", "--pid", str(self.window.pid)]
        return subprocess.check_output(search, text=True).split()[0]

    def placement(self):
        """What the window manager says of the window's place, as the X server has it."""
        return subprocess.check_output(["xprop", "-id", self.on_screen(), "_NET_WM_STATE"], text=True)

    def is_maximized(self):
        state = self.placement()
        return "MAXIMIZED_VERT" in state and "MAXIMIZED_HORZ" in state

    def has_had_children(self):
        """Whether the window's program ever started another: one that runs, or one that was waited for, by its page faults."""
        process = f"/proc/{self.window.pid}"
        running = []
        for file in glob.glob(f"{process}/task/*/children"):
            with open(file, encoding="utf-8") as children:
                running += children.read().split()
        with open(f"{process}/stat", encoding="utf-8") as stat:
            # Behind the name in parentheses the fields count from the third; cminflt is the eleventh.
            faults_of_children = int(stat.read().rpartition(")")[2].split()[11 - 3])
        return bool(running) or faults_of_children > 0

    def create_snapshot(self, description):
        """What another program asks the helper for."""
        from gi.repository import Gio, GLib

        flags = Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION
        bus = Gio.DBusConnection.new_for_address_sync(self.system, flags, None, None)
        to = ["org.kedge.Kedge1", "/org/kedge/Kedge1", "org.kedge.Kedge1.Snapshots", "Create"]
        bus.call_sync(*to, GLib.Variant("(sa{sv})", (description, {})), None, Gio.DBusCallFlags.NONE, 60000, None)

    def answer(self, choice):
        """What another program answers to the question that is open."""
        from gi.repository import Gio, GLib

        flags = Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION
        bus = Gio.DBusConnection.new_for_address_sync(self.system, flags, None, None)

        def call(path, interface, method, arguments):
            return bus.call_sync("org.kedge.Kedge1", path, interface, method, arguments, None, 0, 60000, None).unpack()

        manager, job = "org.kedge.Kedge1.Manager", "org.kedge.Kedge1.Job"
        number = max(it[0] for it in call("/org/kedge/Kedge1", manager, "ListJobs", None)[0])
        path = f"/org/kedge/Kedge1/job/_{number}"
        property_of = GLib.Variant("(ss)", (job, "Question"))
        question = call(path, "org.freedesktop.DBus.Properties", "Get", property_of)[0]
        call(path, job, "Answer", GLib.Variant("(uua{sv})", (question[0], choice, {})))

    def act(self, action):
        """What a launcher, KRunner or the agent ask the window for."""
        from gi.repository import Gio, GLib

        bus = Gio.bus_get_sync(Gio.BusType.SESSION)
        to = ["org.kedge.Kedge", "/org/kedge/Kedge", "org.freedesktop.Application", "ActivateAction"]
        bus.call_sync(*to, GLib.Variant("(sava{sv})", (action, [], {})), None, Gio.DBusCallFlags.NONE, 30000, None)

    def end(self):
        for child in reversed(self.children):
            if child.poll() is None:
                child.send_signal(signal.SIGTERM)
                try:
                    child.wait(5)
                except subprocess.TimeoutExpired:
                    child.kill()


class FileManager:
    """The file manager of this session, as far as it is asked to show folders (org.freedesktop.FileManager1)."""

    NAME = "org.freedesktop.FileManager1"
    XML = f"<node><interface name='{NAME}'><method name='ShowFolders'><arg type='as' direction='in'/><arg type='s' direction='in'/></method></interface></node>"

    def __init__(self):
        from gi.repository import Gio, GLib

        self.shown = []
        flags = Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION | Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT
        ready = threading.Event()

        def called(_bus, _sender, _path, _interface, _method, parameters, invocation):
            self.shown += parameters.unpack()[0]
            invocation.return_value(None)

        def serve():
            context = GLib.MainContext.new()
            context.push_thread_default()
            address = os.environ["DBUS_SESSION_BUS_ADDRESS"]
            self.bus = Gio.DBusConnection.new_for_address_sync(address, flags, None, None)
            interface = Gio.DBusNodeInfo.new_for_xml(self.XML).interfaces[0]
            self.bus.register_object("/org/freedesktop/FileManager1", interface, called, None, None)
            Gio.bus_own_name_on_connection(self.bus, self.NAME, 0, lambda *_: ready.set(), None)
            GLib.MainLoop.new(context, False).run()

        threading.Thread(target=serve, daemon=True).start()
        if not ready.wait(PATIENCE):
            raise SystemExit("FAIL: there is no file manager")

    def directory(self):
        """Where the folder is that was shown first."""
        return urllib.parse.unquote(urllib.parse.urlparse(self.shown[0]).path)


class Network:
    """NetworkManager on this bus, as far as it says what the network costs (NMMetered: 1 is metered, 2 is not)."""

    NAME = "org.freedesktop.NetworkManager"
    PATH = "/org/freedesktop/NetworkManager"

    def __init__(self, address, metered):
        from gi.repository import Gio, GLib

        self.variant, self.metered = GLib.Variant, metered
        xml = f"<node><interface name='{self.NAME}'><property name='Metered' type='u' access='read'/></interface></node>"
        flags = Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION | Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT
        ready = threading.Event()

        def serve():
            context = GLib.MainContext.new()
            context.push_thread_default()
            self.bus = Gio.DBusConnection.new_for_address_sync(address, flags, None, None)
            interface = Gio.DBusNodeInfo.new_for_xml(xml).interfaces[0]
            self.bus.register_object(self.PATH, interface, None, lambda *_: GLib.Variant("u", self.metered), None)
            Gio.bus_own_name_on_connection(self.bus, self.NAME, 0, lambda *_: ready.set(), None)
            GLib.MainLoop.new(context, False).run()

        threading.Thread(target=serve, daemon=True).start()
        if not ready.wait(PATIENCE):
            raise SystemExit("FAIL: there is no network")

    def change(self, metered):
        self.metered = metered
        changed = self.variant("(sa{sv}as)", (self.NAME, {"Metered": self.variant("u", metered)}, []))
        self.bus.emit_signal(None, self.PATH, "org.freedesktop.DBus.Properties", "PropertiesChanged", changed)


class Reader:
    """What a screen reader knows about the window."""

    def __init__(self, ended):
        import gi

        gi.require_version("Atspi", "2.0")
        from gi.repository import Atspi, GLib

        # A page that is made while the machine is busy takes longer to answer than 0.8 seconds.
        Atspi.set_timeout(int(PATIENCE * 1000), int(PATIENCE * 1000))
        self.atspi, self.error, self.ended = Atspi, GLib.Error, ended
        self.root = self.wait("the window", self.application)

    def application(self):
        desktop = self.atspi.get_desktop(0)
        for at in range(desktop.get_child_count()):
            child = desktop.get_child_at_index(at)
            if child is not None and child.get_name() == "Kedge":
                return child
        return None

    def wait(self, what, look, patience=PATIENCE):
        end = time.monotonic() + patience
        while time.monotonic() < end:
            try:
                found = look()
            except self.error:  # the tree changes while it is walked
                found = None
            if found:
                return found
            # One that crashed never comes: that is said at once, and as what it is.
            if self.ended() is not None:
                raise SystemExit(f"FAIL: the window ended with {self.ended()} before {what} came")
            time.sleep(0.2)
        if hasattr(self, "root"):
            self.dump()
        raise SystemExit(f"FAIL: {what} did not come within {patience:.0f} s")

    def walk(self, node):
        # What is not shown is not there for a screen reader either.
        states = node.get_state_set()
        if node is not self.root and not states.contains(self.atspi.StateType.SHOWING):
            if node.get_role() not in (self.atspi.Role.APPLICATION, self.atspi.Role.FRAME, self.atspi.Role.FILLER):
                return
        yield node
        for at in range(node.get_child_count()):
            child = node.get_child_at_index(at)
            if child is not None:
                yield from self.walk(child)

    def find(self, name, exact=True):
        for node in self.walk(self.root):
            text = node.get_name() or ""
            if text == name or (not exact and name in text):
                return node
        return None

    def see(self, name, exact=True, patience=PATIENCE):
        print(f"  sees {name!r}", flush=True)
        return self.wait(repr(name), lambda: self.find(name, exact), patience)

    def miss(self, name, exact=True):
        print(f"  no longer sees {name!r}", flush=True)

        def gone():
            return self.find(name, exact) is None

        return self.wait(f"the end of {name!r}", gone)

    def press_part(self, part):
        """Presses what has this in its name, which may become longer when more is known."""
        self.press(part, exact=False)

    def press(self, name, exact=True, ways=("Press", "Toggle")):
        print(f"  presses {name!r}", flush=True)

        def pressable():
            for node in self.walk(self.root):
                text = node.get_name() or ""
                if not (text == name or (not exact and name in text)) or not node.get_state_set().contains(self.atspi.StateType.ENABLED):
                    continue
                names = [self.atspi.Action.get_action_name(node, at) for at in range(node.get_n_actions())]
                for action in ways:
                    if action in names:
                        return node, names.index(action)
            return None

        node, action = self.wait(f"something to press called {name!r}", pressable)
        node.do_action(action)

    def count(self, role):
        return sum(1 for node in self.walk(self.root) if node.get_role() == role)

    def dump(self):
        for node in self.walk(self.root):
            if node.get_name():
                print(f"    {node.get_role_name():16} {node.get_name()!r}")


def keys(*names):
    print(f"  types {' '.join(names)}", flush=True)
    subprocess.run(["xdotool", "key", "--clearmodifiers", *names], check=True)


def write(text):
    print(f"  writes {text!r}", flush=True)
    subprocess.run(["xdotool", "type", "--delay", "60", text], check=True)


def rollback(session, window):
    """List, filter, preview, roll back, restart later, undo."""
    window.see("Timeline")
    window.see("Update of #34, #38", exact=False)
    keys("ctrl+f")
    write("beta driver")
    window.see("before trying the beta driver, #40", exact=False)
    window.miss("Update of #34, #38", exact=False)
    keys("ctrl+a", "BackSpace")
    window.see("Update of #34, #38", exact=False)
    window.press("Roll Back to #34")
    window.see("Roll back to #34?")
    window.see("Security fixes that are installed now are missing there.")
    window.press("Restart Later")
    window.see("Starts with the Next Restart")
    window.see("Starts next", exact=False)
    window.press("Undo")
    window.miss("Starts with the Next Restart")
    window.see("Running", exact=False)


def update(session, window):
    """Check, install with progress and log, ready for the restart, undo."""
    window.press("Check for Updates")
    window.see("packages change", exact=False)
    window.see("curl, Newer version, 8.18.0-1.1 → 8.19.0-1.1")
    window.press("Install Updates")
    window.see("Installing updates")
    keys("ctrl+l")
    window.see("Log: Installing updates")
    window.see("Installing: kernel-default-6.19.3-1.1", exact=False)
    keys("ctrl+l")
    window.miss("Log: Installing updates")
    window.see("Restart to finish the update", exact=False)
    window.see("Restart Now")
    window.press("Undo")
    window.miss("Restart to finish the update", exact=False)


def cancelled(session, window):
    """A running update is cancelled, and nothing has changed."""
    window.press("Check for Updates")
    window.see("packages change", exact=False)
    window.press("Install Updates")
    window.see("Installing updates")
    window.press("Cancel")
    window.miss("Installing updates")
    window.miss("Restart to finish the update", exact=False)


def failing(session, window):
    """A failed update is said in words first, with its details behind them."""
    window.press("Check for Updates")
    window.see("packages change", exact=False)
    window.press("Install Updates")
    window.see("The update did not work", exact=False)
    window.see("kernel-default", exact=False)
    window.press("Show Details")
    window.see("Technical Details")
    window.see("Nothing has changed: the system is as it was before.")
    keys("Escape")
    window.miss("Technical Details")
    window.press("Dismiss")
    window.miss("The update did not work", exact=False)


def offline(session, window):
    """A failed check is never up to date."""
    window.press("Check for Updates")
    window.see("Could not check for updates", exact=False)
    assert window.find("Up to date") is None


def lost(session, window):
    """The helper dies: the window says so, keeps what it knows, and goes on when it is back."""
    window.see("Update of #34, #38", exact=False)
    session.helper.kill()
    session.helper.wait()
    window.see("The system service does not answer", exact=False)
    window.see("Update of #34, #38", exact=False)
    session.start_helper()
    window.miss("The system service does not answer", exact=False)
    window.see("Update of #34, #38", exact=False)


def delete(session, window):
    """A deletion can be taken back for a while, and then happens."""
    line = "before trying the beta driver, #40"
    window.see(line, exact=False)
    for back in (True, False):
        # From the search field down to the list, past what is available, to the third line.
        keys("ctrl+f")
        write("beta")
        window.miss("Update of #34, #38", exact=False)
        keys("Down", "Delete")
        window.see("1 snapshot will be deleted in a few seconds.")
        if back:
            window.press("Undo")
            window.miss("1 snapshot will be deleted in a few seconds.")
            window.see(line, exact=False)
            keys("ctrl+f", "ctrl+a", "BackSpace")
            window.see("Update of #34, #38", exact=False)
    window.miss("1 snapshot will be deleted in a few seconds.")
    window.miss(line, exact=False)


def many(session, window, all=5000):
    """Thousands of snapshots: the filter is instant, the way to the oldest is short, and the model is never reset: lines that
    stay are the same ones, also when a snapshot comes while somebody reads at the other end."""
    older = all - 25
    first, second = f"Update of #{older + 34}, #{older + 38}", f"before trying the beta driver, #{older + 40}"
    window.see(first, exact=False)
    line = window.see(second, exact=False)
    keys("ctrl+f")
    write("beta driver")
    window.miss(first, exact=False)
    if window.find(second, exact=False).path != line.path:
        raise SystemExit("FAIL: the filter made a line anew that it keeps")
    keys("ctrl+a", "BackSpace")
    window.see(first, exact=False)
    keys("Down", "End")
    window.see("timeline, #1 ", exact=False)
    session.create_snapshot("made elsewhere")
    keys("Home")
    window.see("made elsewhere", exact=False)
    keys("End")
    window.see("timeline, #1 ", exact=False)
    # The history is asked for anew as a whole: that shows that resets are seen.
    keys("alt+4")
    window.wait("a reset of the history", lambda: "HistoryModel" in session.resets())
    if "SnapshotModel" in session.resets():
        raise SystemExit("FAIL: the timeline was reset")


def thousand(session, window):
    """The same with a thousand."""
    many(session, window, all=1000)


def names(session, window):
    """Every page: what can be reached by the keyboard has a name and says what it is."""
    atspi = window.atspi
    window.see("Update of #34, #38", exact=False)
    nameless = set()

    def look(page):
        seen = 0
        for node in window.walk(window.root):
            states = node.get_state_set()
            if not states.contains(atspi.StateType.FOCUSABLE) or not states.contains(atspi.StateType.SHOWING):
                continue
            role, around = node.get_role(), node.get_parent()
            # Kirigami's own: a scroll bar is no stop of the Tab key, and a label that can be selected has its name around it.
            if role == atspi.Role.SCROLL_BAR or around.get_role() == atspi.Role.LABEL and around.get_name():
                continue
            seen += 1
            if not node.get_name() or role in (atspi.Role.INVALID, atspi.Role.UNKNOWN):
                parents, parent = [], node.get_parent()
                while parent is not None and len(parents) < 6:
                    parents.append(f"{parent.get_role_name()} {parent.get_name()!r}")
                    parent = parent.get_parent()
                nameless.add(f"{page}: a {node.get_role_name()} {node.get_name()!r} in {' in '.join(parents)}")
        print(f"  {page}: {seen} to reach", flush=True)
        if seen == 0:
            raise SystemExit(f"FAIL: nothing can be reached on {page}")

    window.wait("the timeline", lambda: look("timeline") is None)
    keys("ctrl+f", "Down", "Down", "Return")
    window.see("Snapshot #", exact=False)
    window.wait("a snapshot", lambda: look("snapshot") is None)
    window.press("Roll Back…")
    window.see("Roll back to #", exact=False)
    window.wait("the dialog", lambda: look("rolling back") is None)
    keys("Escape")
    window.miss("Roll back to #", exact=False)
    keys("ctrl+n")
    window.see("Create Snapshot")
    window.wait("the dialog", lambda: look("describing") is None)
    write("named")
    keys("Return")
    for number, page, seen in [(1, "status", "Versions of This System"), (3, "updates", "Not checked for updates yet"), (5, "settings", "On My Desktop")]:
        keys(f"alt+{number}")
        window.see(seen)
        window.wait(page, lambda: look(page) is None)
    keys("alt+3", "F5")
    window.see("packages change", exact=False)
    window.wait("the updates", lambda: look("updates that are known") is None)
    keys("ctrl+l")
    window.see("Log: ", exact=False)
    window.wait("the log", lambda: look("log") is None)
    keys("Escape")
    window.miss("Log: ", exact=False)
    keys("alt+4")
    window.press_part("Creation of snapshot #")
    window.see("The system since then", exact=False)
    window.wait("an entry", lambda: look("history with an entry") is None)
    keys("F1")
    window.see("Libraries in use")
    if nameless:
        raise SystemExit("FAIL: without a name or a role:\n" + "\n".join(sorted(nameless)))


def again(session, window):
    """A second start shows the page it asks for in the first window, as large as that is, and ends."""
    window.see("Update of #34, #38", exact=False)
    # Openbox maximizes on a double click on the title bar.
    title = ["mousemove", "--window", session.on_screen(), "200", "-10"]
    subprocess.run(["xdotool", *title, "click", "--repeat", "2", "--delay", "100", "1"], check=True)
    window.wait("a maximized window", session.is_maximized)
    second = session.start([*session.window.args[:-1], "updates"])
    if second.wait(PATIENCE) != 0:
        raise SystemExit("FAIL: the second start did not end well")
    window.see("Not checked for updates yet")
    if not session.is_maximized():
        raise SystemExit("FAIL: the second start made the window small")


def history(session, window):
    """A failed update is found in the history, with its cause, its way out, its log and a report."""
    window.press("Check for Updates")
    window.see("packages change", exact=False)
    window.press("Install Updates")
    window.see("The update did not work", exact=False)
    keys("alt+4")
    window.press_part("Update, Failed")
    window.see("Technical Details")
    window.see("The system since then: As it was before: the same version starts next.")
    window.press("Show Log")
    window.see("Log: Installing updates")
    window.see("kernel-default", exact=False)
    keys("Escape")
    window.miss("Log: Installing updates")
    window.press("Copy Report")
    window.see("The report is on the clipboard")


def settings(session, window):
    """A setting of the system is changed, holds at the helper, and is taken back."""
    battery = "Also while running from the battery"
    window.see(battery)
    assert session.setting("OnBattery") == "false"
    window.press(battery)
    window.see("Setting changed")
    assert session.setting("OnBattery") == "true"
    window.press("Undo")
    window.wait("the old value", lambda: session.setting("OnBattery") == "false")
    # What a person likes needs no helper.
    window.press("Show an icon in the tray when there is something to say")
    taste = os.path.join(session.scratch, "kedgerc")
    window.wait("kedgerc", lambda: os.path.exists(taste) and "Enabled=false" in open(taste, encoding="utf-8").read())


def keyboard(session, window):
    """Every page by its keys, and what they do there."""
    window.see("Update of #34, #38", exact=False)
    if session.has_had_children():
        raise SystemExit("FAIL: the window started another program before it was shown")
    for there in (True, False):
        keys("ctrl+shift+f")
        window.wait("the whole screen or not", lambda: ("FULLSCREEN" in session.placement()) == there)
    for number, seen in [(1, "Versions of This System"), (3, "Not checked for updates yet"), (4, "Nothing has been done yet")]:
        keys(f"alt+{number}")
        window.see(seen)
    keys("alt+5")
    window.see("On My Desktop")
    keys("F5", "alt+3")
    window.see("packages change", exact=False)
    keys("alt+2")
    window.see("Update of #34, #38", exact=False)
    keys("ctrl+n")
    window.see("Create Snapshot")
    keys("Escape")
    window.miss("Create Snapshot")
    keys("ctrl+f", "Down", "Down", "Return")
    window.see("Snapshot #", exact=False)


def actions(session, window):
    """The desktop's actions: a page, and a check; and the window tells whether it is in front."""
    window.see("Update of #34, #38", exact=False)
    window.wait("the window in front", lambda: session.is_active())
    session.act("settings")
    window.see("On My Desktop")
    session.act("check")
    window.see("packages change", exact=False)
    other = session.start(["xmessage", "-center", "in front"]) if shutil.which("xmessage") else None
    if other is not None:
        window.wait("another window in front", lambda: not session.is_active())


def later(session, window):
    """The restart is put off until the next shutdown. The agent remembers that, and the page says so until it is taken
    back."""
    window.see("Restart to finish the update")
    offer = "The restart can wait for a better moment."
    assert window.find(offer) is None, "nobody would remember it"
    session.start_agent()
    window.see(offer)
    assert window.find("Tonight") is None, "nobody would wake up"
    window.press("With the Next Shutdown")
    window.see("No reminders until the computer is shut down or restarted.")
    window.miss(offer)
    window.press("Remind of the Restart Again")
    window.miss("No reminders until the computer is shut down or restarted.")
    window.see(offer)


def waits(session, window):
    """Over a metered network nothing happens by itself, and the page says so; then the agent's check is seen."""
    network = Network(session.system, 1)
    session.start_agent()
    window.see("Automatic checks and updates wait for a network that is not metered.")
    window.see("Not checked for updates yet")
    network.change(2)
    window.miss("Automatic checks and updates wait for a network that is not metered.")
    window.see("12 updates are available, with security fixes")


def file(session, window):
    """What a file manager asks for: one file through all snapshots, in a window that is not open yet and in one that is."""
    window.see("Versions of This File")
    window.see("/usr/share/doc/packages/curl/NEWS")
    window.see("Now: ", exact=False)
    window.see("In #18: ", exact=False)
    window.see("#20 to #40, ", exact=False)
    window.press_part("#1 to #18, ")
    window.press("Show Differences…")
    window.see("Gone: This is version 8.17.0-1.1.")
    window.see("New: This is version 8.18.0-1.1.")
    # Names are bytes, and a path is meant from where the command was given.
    again = [session.window.args[0], "--file", "doc/packages/glibc/NEWS"]
    second = session.start(again, cwd="/usr/share")
    if second.wait(PATIENCE) != 0:
        raise SystemExit("FAIL: the second start did not end well")
    window.see("/usr/share/doc/packages/glibc/NEWS")
    window.see("#4 to #40, ", exact=False)
    second = session.start([session.window.args[0], "--file", "/home/anna/letter.odt"])
    if second.wait(PATIENCE) != 0:
        raise SystemExit("FAIL: the second start did not end well")
    window.see("No snapshot has this file")


def files(session, window):
    """The files that an update changed: folded, unfolded, by package, filtered, and one of them through all snapshots."""
    window.see("Update of #34, #38", exact=False)
    window.press_part("Update of #34, #38")
    window.see("Snapshot #38")
    # With what it is compared is known when its packages are.
    window.see("libzypp, Newer version", exact=False)
    keys("ctrl+d")
    window.see("Files from #34 to #38")
    window.see("files differ", exact=False)
    window.press("usr, 12 changes")
    window.see("lib64, ", exact=False)
    window.press("share/doc/packages, 3 changes")
    window.press("libzypp, 1 change")
    window.see("NEWS, Changed", exact=False)
    window.press("share/doc/packages, 3 changes")
    window.miss("NEWS, Changed", exact=False)
    window.press("By Package", ways=["Toggle"])
    window.press("libzypp, 4 changes")
    window.see("usr/share/doc/packages/libzypp/NEWS, Changed", exact=False)
    window.press("By Package", ways=["Toggle"])
    window.see("share/doc/packages, ", exact=False)
    keys("ctrl+f")
    write("libzypp/news")
    window.miss("share/doc/packages, ", exact=False)
    window.press_part("usr/share/doc/packages/libzypp/NEWS, Changed")
    window.see("Versions of This File")
    window.see("/usr/share/doc/packages/libzypp/NEWS")
    window.see("In #34: ", exact=False)


def looking(session, window):
    """A snapshot is opened in the file manager, whose files are those of then; and what was written about a package."""
    manager = FileManager()
    window.see("Update of #34, #38", exact=False)
    window.press("More actions for #34")
    window.press("Browse Files")
    window.wait("the file manager to be asked", lambda: manager.shown)
    news = os.path.join(manager.directory(), "usr/share/doc/packages/libzypp/NEWS")
    with open(news, encoding="utf-8") as file:
        if "This is version 17.37.18-1.1." not in file.read():
            raise SystemExit("FAIL: the files are not those of #34")
    window.press_part("Update of #34, #38")
    window.see("Snapshot #38")
    window.press_part("libzypp, Newer version")
    window.see("What Is New in libzypp")
    window.see("Update to 17.38.1-1.1", exact=False)
    keys("Escape")
    window.miss("What Is New in libzypp")


def asking(session, window):
    """An update asks: the license is put off and found again, agreed to, and a system with a failed script is kept."""
    window.press("Check for Updates")
    window.see("packages change", exact=False)
    window.press("Install Updates")
    window.see("License of flash-player")
    window.see("It plays nothing.", exact=False)
    keys("Escape")
    window.miss("License of flash-player")
    window.see("The update waits for an answer.", exact=False)
    window.press("Answer…")
    window.see("License of flash-player")
    window.press("Agree")
    window.see("A Script of kernel-firmware Failed")
    window.see("scriptlet failed", exact=False)
    window.press("Keep the New System")
    window.see("Restart to finish the update", exact=False)
    window.miss("The update waits for an answer.", exact=False)


def declining(session, window):
    """What is not agreed to ends the update, and the system stays; so does what is answered elsewhere in the window."""
    window.press("Check for Updates")
    window.see("packages change", exact=False)
    window.press("Install Updates")
    window.see("License of flash-player")
    window.press("End the Update")
    window.see("The update did not work", exact=False)
    window.miss("The update waits for an answer.", exact=False)
    window.press("Dismiss")
    window.press("Install Updates")
    window.see("License of flash-player")
    # Another program of the same user may answer, too.
    session.answer(0)
    window.miss("License of flash-player")
    window.see("The update did not work", exact=False)


def space(session, window):
    """What deleting a choice frees, and making room by what was proposed."""
    window.see("Update of #34, #38", exact=False)
    keys("ctrl+f", "Down", "End", "space")
    window.see("1 snapshot chosen", exact=False)
    window.see("Deleting it frees", exact=False)
    keys("Up", "space")
    window.see("2 snapshots chosen", exact=False)
    # The second was pinned by a person, and the window says so instead of offering what will be refused.
    window.see("#3 cannot be deleted", exact=False)
    keys("space", "Up", "space")
    window.see("Deleting these 2 frees", exact=False)
    window.press("Choose None")
    window.miss("2 snapshots chosen", exact=False)
    window.press("Make Room…")
    window.see("used,", exact=False)
    window.press("Look What Could Go")
    window.see("frees", exact=False)
    window.press_part("Delete ")
    window.see("The room is free now")
    keys("alt+4")
    window.see("Making room, Done", exact=False)


def cleaning(session, window):
    """What the rules would delete is seen before it is deleted."""
    window.press("Show What Would Be Deleted")
    window.see("Nothing is deleted automatically here.", exact=False)
    window.press("Delete Them Now")
    window.see("There is nothing to delete")
    keys("alt+4")
    window.see("Automatic clean-up, Done", exact=False)


# The story, the simulated machine, and the page to begin on.
STORIES = {
    "rollback": (rollback, "normal", "timeline"),
    "update": (update, "normal", "updates"),
    "cancel": (cancelled, "normal", "updates"),
    "failing": (failing, "failing", "updates"),
    "offline": (offline, "offline", "status"),
    "lost": (lost, "normal", "timeline"),
    "delete": (delete, "normal", "timeline"),
    "many": (many, "many", "timeline"),
    "thousand": (thousand, "thousand", "timeline"),
    "names": (names, "normal", "timeline"),
    "again": (again, "normal", "timeline"),
    "history": (history, "failing", "updates"),
    "settings": (settings, "normal", "settings"),
    "keyboard": (keyboard, "normal", "timeline"),
    "actions": (actions, "normal", "timeline"),
    "later": (later, "pending", "status"),
    "waits": (waits, "normal", "status"),
    "file": (file, "normal", "/usr/share/doc/packages/curl/NEWS"),
    "files": (files, "normal", "timeline"),
    "looking": (looking, "normal", "timeline"),
    "asking": (asking, "asking", "updates"),
    "declining": (declining, "asking", "updates"),
    "space": (space, "normal", "timeline"),
    "cleaning": (cleaning, "normal", "settings"),
}
# Those in which the session's agent has a part.
WITH_AGENT = {"later", "waits"}


def main():
    kedge, helper, name = sys.argv[1:4]
    story, scenario, page = STORIES[name]
    session = Session(kedge, helper, scenario, page, name in WITH_AGENT)
    try:
        story(session, Reader(session.ended))
        if session.ended() is not None:
            raise SystemExit(f"FAIL: the window ended by itself with {session.ended()}")
    finally:
        session.end()


if __name__ == "__main__":
    main()
