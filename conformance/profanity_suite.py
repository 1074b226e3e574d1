"""profanity, a client that people type into, in a terminal of tmux's, against the server."""

import os
import shutil
import subprocess
import tempfile
import time
import uuid
from pathlib import Path

SECONDS = 20
PASSWORD = "correcthorse"


class Profanity:
    """One profanity in one tmux session, with a home of its own that trusts the server's CA."""

    def __init__(self, server, user, direct):
        self.name = f"waxwing-{uuid.uuid4().hex[:8]}"
        self.home = tempfile.mkdtemp(prefix="waxwing-profanity-")
        # OpenSSL finds a CA in a folder by the hash of its subject.
        trusted = Path(self.home) / "trusted"
        trusted.mkdir()
        shutil.copy(server.ca, trusted / "waxwing.pem")
        subprocess.run(["openssl", "rehash", trusted], check=True, capture_output=True)
        config = Path(self.home) / ".config" / "profanity"
        config.mkdir(parents=True)
        (config / "profrc").write_text(f"[connection]\ntls.certpath={trusted}\n[ui]\nsplash=false\n")
        environment = dict(os.environ, HOME=self.home, TERM="xterm-256color", LANG="C.UTF-8")
        for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME"):
            environment.pop(name, None)
        self.tmux("new-session", "-d", "-s", self.name, "-x", "160", "-y", "50", "profanity", env=environment)
        port, policy = (server.c2s_tls, "legacy") if direct else (server.c2s, "force")
        self.see("Profanity")
        self.type(f"/connect {user}@localhost server 127.0.0.1 port {port} tls {policy}")
        self.see("Enter password")
        self.type(PASSWORD)

    def tmux(self, *arguments, env=None):
        done = subprocess.run(["tmux", "-L", self.name, *arguments], env=env, check=True, capture_output=True, text=True)
        return done.stdout

    def type(self, line):
        """Types a line, then presses enter."""
        self.tmux("send-keys", "-t", self.name, "-l", line)
        self.tmux("send-keys", "-t", self.name, "Enter")

    def screen(self):
        return self.tmux("capture-pane", "-p", "-t", self.name)

    def see(self, text):
        """Waits until the text is on the screen."""
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            screen = self.screen()
            if text in screen:
                return screen
            time.sleep(0.1)
        raise AssertionError(f"{text!r} did not appear:\n{self.screen()}")

    def logged_in(self):
        self.see("logged in successfully")
        return self

    def close(self):
        try:
            self.type("/quit")
            time.sleep(0.3)
            self.tmux("kill-server")
        except subprocess.CalledProcessError:
            # It has ended by itself.
            pass
        shutil.rmtree(self.home, ignore_errors=True)


def pair(server):
    names = [f"{name}{uuid.uuid4().hex[:6]}" for name in ("alice", "bob")]
    for name in names:
        server.add(name, PASSWORD)
    return names


def two_chat_subscribe_and_catch_up(server, direct):
    first, second = pair(server)
    alice = Profanity(server, first, direct).logged_in()
    bob = Profanity(server, second, direct).logged_in()
    try:
        alice.type(f"/msg {second}@localhost hello bob")
        bob.see("<< chat message")
        bob.type(f"/msg {first}@localhost hello alice")
        alice.see("hello alice")

        alice.type(f"/sub request {second}@localhost")
        bob.see("Authorization request")
        bob.type(f"/sub allow {first}@localhost")
        alice.type("/win 1")
        alice.see("Subscription received from")

        bob.close()
        alice.type(f"/msg {second}@localhost you were away")
        time.sleep(0.5)
        bob = Profanity(server, second, direct).logged_in()
        bob.type(f"/msg {first}@localhost")
        bob.see("you were away")
    finally:
        alice.close()
        bob.close()


def a_wrong_password_is_refused(server, direct):
    first, _ = pair(server)
    global PASSWORD
    right, PASSWORD = PASSWORD, "wronghorse"
    try:
        client = Profanity(server, first, direct)
    finally:
        PASSWORD = right
    try:
        client.see("Login failed")
    finally:
        client.close()


CHECKS = [two_chat_subscribe_and_catch_up, a_wrong_password_is_refused]


def checks(server):
    """Every check by STARTTLS and by direct TLS, as (name, function without arguments)."""
    for direct, how in ((False, "starttls"), (True, "direct_tls")):
        for check in CHECKS:
            yield f"profanity/{how}/{check.__name__}", lambda check=check, direct=direct: check(server, direct)
