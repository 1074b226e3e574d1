"""Runs foreign clients and suites against the real binary and compares with what is expected.

    python conformance/run.py [text in the name ...]

`expected.json` names the checks that are known to fail, each with its reason. Any other failure fails the run, and so
does a check that is named there and passes.
"""

import json
import sys
import time
import traceback
from pathlib import Path

import nbxmpp_fast_suite
import nbxmpp_suite
import profanity_suite
import slixmpp_component_suite
import slixmpp_suite
import xmppjs_suite
from server import Server

SUITES = [slixmpp_suite, slixmpp_component_suite, nbxmpp_suite, nbxmpp_fast_suite, profanity_suite, xmppjs_suite]


def main(wanted):
    exceptions = json.loads((Path(__file__).parent / "expected.json").read_text())["exceptions"]
    server = Server(*(setting for suite in SUITES for setting in getattr(suite, "SETTINGS", [])))
    passed, failed = 0, []
    for suite in SUITES:
        for name, check in suite.checks(server):
            if wanted and not any(text in name for text in wanted):
                continue
            begun = time.monotonic()
            try:
                check()
                outcome = None
            except Exception:
                outcome = traceback.format_exc()
            reason = exceptions.get(name)
            took = f"{time.monotonic() - begun:.1f} s"
            if outcome is None and reason is None:
                passed += 1
                print(f"{name} ... ok, {took}", flush=True)
            elif outcome is not None and reason is not None:
                passed += 1
                print(f"{name} ... fails as expected ({reason}), {took}", flush=True)
            else:
                failed.append(name)
                print(f"{name} ... FAILED, {took}\n{outcome or 'passed, and was expected to fail: ' + reason}", flush=True)
    log = server.log()
    if not server.stop():
        failed.append("the server's stop")
    if failed:
        print(f"--- the server's log, its end\n{log[-8000:]}")
    print(f"{passed} passed, {len(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
