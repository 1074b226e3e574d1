"""nbxmpp with Bind 2, tokens and resumption in one step, against the server."""

import subprocess
import uuid
from functools import partial

from nbxmpp.namespaces import Namespace
from nbxmpp.protocol import Presence

from nbxmpp_fast import BIND2, FAST, MECHANISM, FastClient
from nbxmpp_suite import PASSWORD, Client, pair, until


class Phone(Client):
    """A device that keeps its token and its stream."""

    def __init__(self, server, user, direct):
        self.device = str(uuid.uuid4())
        super().__init__(server, user, direct, make=partial(FastClient, self.device))

    def come(self, event):
        """Connects; what the login came to."""
        self.events.clear()
        self.sent.clear()
        self.connection.connect()
        until(lambda: self.events, "an answer to the login")
        assert self.events == [event], (self.events, self.connection.get_error())
        return self.connection.success

    def asked(self, name):
        """The elements of this name that it sent since it came."""
        return [sent for sent in self.sent if sent.startswith(f"<{name} ")]

    def mechanism(self):
        (authenticate,) = self.asked("authenticate")
        return authenticate.split('mechanism="')[1].split('"')[0]

    def drop(self):
        """The connection goes without a word."""
        self.events.clear()
        self.connection.disconnect(immediate=True)
        until(lambda: "disconnected" in self.events, "the end of the connection")


def all_is_bound_in_one_step(server, direct):
    first, second = pair(server)
    phone, laptop = Phone(server, first, direct), Client(server, first, direct).login()
    success = phone.come("connected")
    assert phone.mechanism().startswith("SCRAM-"), phone.sent
    bound = success.getTag("bound", namespace=BIND2)
    metadata = bound.getTag("metadata", namespace="urn:xmpp:mam:2")
    enabled = bound.getTag("enabled", namespace=Namespace.STREAM_MGMT)
    assert metadata is not None and enabled.getAttr("resume") in ("1", "true"), success
    assert phone.connection.get_bound_jid().resource.startswith("nbxmpp/"), success
    token = success.getTag("token", namespace=FAST)
    assert token.getAttr("token") and token.getAttr("expiry"), success
    # Nothing else was asked for, and carbons are on.
    assert not phone.asked("enable") and not phone.asked("iq"), phone.sent
    laptop.say(f"{second}@localhost", "seen twice")
    phone.until_body("seen twice")
    assert any(properties.is_sent_carbon for _, properties in phone.messages)
    phone.leave()
    laptop.leave()


def it_comes_back_with_its_token(server, direct):
    name, _ = pair(server)
    phone = Phone(server, name, direct)
    phone.come("connected")
    bound = phone.connection.get_bound_jid()
    phone.leave()
    phone.connection.set_password(None)
    for _ in range(2):
        success = phone.come("connected")
        assert phone.mechanism() == MECHANISM, phone.sent
        assert success.getTag("bound", namespace=BIND2) is not None, success
        # The same device gets the same resource.
        assert phone.connection.get_bound_jid() == bound, success
        phone.ping()
        phone.leave()


def a_token_and_the_resumption_are_one_step(server, direct):
    first, second = pair(server)
    phone, bob = Phone(server, first, direct), Client(server, second, direct).login()
    phone.come("connected")
    phone.connection.send(Presence())
    bound = phone.connection.get_bound_jid()
    bob.say(str(bound), "before")
    phone.until_body("before")
    phone.drop()
    bob.say(str(bound), "meanwhile")
    bob.ping()
    success = phone.come("resume-successful")
    assert phone.mechanism() == MECHANISM, phone.sent
    assert success.getTag("resumed", namespace=Namespace.STREAM_MGMT) is not None, success
    assert success.getTag("bound", namespace=BIND2) is None, success
    assert not phone.asked("resume"), phone.sent
    phone.until_body("meanwhile")
    phone.say(bob.jid, "it goes on")
    bob.until_body("it goes on")
    phone.ping()
    assert phone.bodies() == ["before", "meanwhile"], phone.bodies()
    assert phone.connection.get_bound_jid() == bound
    phone.leave()
    bob.leave()


def what_cannot_be_resumed_is_bound_anew(server, direct):
    name, _ = pair(server)
    phone = Phone(server, name, direct)
    phone.come("connected")
    phone.drop()
    phone.connection._smacks._session_id = "another"
    success = phone.come("connected")
    failed = success.getTag("failed", namespace=Namespace.STREAM_MGMT)
    assert failed is not None and failed.getTag("item-not-found") is not None, success
    assert success.getTag("bound", namespace=BIND2) is not None, success
    phone.ping()
    phone.leave()


def refused(phone):
    """It tries with its token; the error that it gets."""
    phone.events.clear()
    phone.sent.clear()
    phone.connection.connect()
    until(lambda: "disconnected" in phone.events, "the refusal")
    assert phone.mechanism() == MECHANISM and "connected" not in phone.events, phone.events
    return phone.connection.get_error()[1]


def a_new_password_ends_the_tokens(server, direct):
    name, _ = pair(server)
    phone = Phone(server, name, direct)
    phone.come("connected")
    phone.leave()
    server.command("user", "passwd", f"{name}@localhost", "--password", "another horse")
    assert refused(phone) == "not-authorized"
    phone.connection._sasl.token = None
    phone.connection.set_password("another horse")
    phone.come("connected")
    phone.leave()


def a_revoked_device_has_no_token(server, direct):
    name, _ = pair(server)
    phone = Phone(server, name, direct)
    phone.come("connected")
    phone.leave()
    server.command("user", "devices", f"{name}@localhost", "--revoke", phone.device)
    assert refused(phone) == "not-authorized"


CHECKS = [
    all_is_bound_in_one_step,
    it_comes_back_with_its_token,
    a_token_and_the_resumption_are_one_step,
    what_cannot_be_resumed_is_bound_anew,
    a_new_password_ends_the_tokens,
    a_revoked_device_has_no_token,
]


def checks(server):
    """Every check by STARTTLS and by direct TLS, as (name, function without arguments)."""
    for direct, how in ((False, "starttls"), (True, "direct_tls")):
        for check in CHECKS:
            yield f"nbxmpp_fast/{how}/{check.__name__}", lambda check=check, direct=direct: check(server, direct)
