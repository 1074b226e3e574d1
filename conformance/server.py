"""Starts the real binary for a suite and stops it again."""

import json
import os
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BINARY = Path(os.environ.get("WAXWING_BIN", ROOT / "target" / "debug" / "waxwing"))
READY_SECONDS = 30


class Server:
    """One server on free ports with its data in a folder that goes with it."""

    def __init__(self, *settings):
        self._folder = tempfile.TemporaryDirectory(prefix="waxwing-conformance-")
        self.data = Path(self._folder.name) / "data"
        self._log = open(Path(self._folder.name) / "log", "wb+")
        ready = Path(self._folder.name) / "ready.json"
        command = [BINARY, "serve", "--data", self.data, "--ready-file", ready]
        for setting in ["listen.c2s=127.0.0.1:0", "listen.c2s_tls=127.0.0.1:0", "listen.components=127.0.0.1:0",
                        "sasl.iterations=4096", *settings]:
            command += ["--set", setting]
        self._process = subprocess.Popen(command, stdout=self._log, stderr=subprocess.STDOUT)
        deadline = time.monotonic() + READY_SECONDS
        while not ready.exists():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the server did not start:\n{self.log()}")
            time.sleep(0.05)
        addresses = json.loads(ready.read_text())
        self.c2s = int(addresses["listen.c2s"][0].rsplit(":", 1)[1])
        self.c2s_tls = int(addresses["listen.c2s_tls"][0].rsplit(":", 1)[1])
        component = addresses.get("listen.components")
        self.components = int(component[0].rsplit(":", 1)[1]) if component else None
        self.ca = self.data / "tls" / "ca.pem"
        self.certificate = self.data / "tls" / "server.pem"

    def command(self, *words):
        """Runs a command of the operator's on this server."""
        subprocess.run([BINARY, *words, "--data", self.data], check=True, capture_output=True)

    def add(self, user, password):
        """Makes user@localhost."""
        self.command("user", "add", f"{user}@localhost", "--password", password)

    def log(self):
        """What the server has written so far."""
        self._log.flush()
        return Path(self._log.name).read_text(errors="replace")

    def stop(self):
        """Stops it in good order; True if it went as it should."""
        self._process.terminate()
        try:
            code = self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        self._log.close()
        self._folder.cleanup()
        return code == 0
