"""nbxmpp, the library of Gajim, against the server."""

import time
import uuid

import gi

gi.require_version("Soup", "3.0")
from gi.repository import Gio, GLib  # noqa: E402
from nbxmpp.client import Client as Connection  # noqa: E402
from nbxmpp.const import ConnectionProtocol, ConnectionType  # noqa: E402
from nbxmpp.namespaces import Namespace  # noqa: E402
from nbxmpp.protocol import JID, Iq, Message, NodeProcessed, Presence  # noqa: E402
from nbxmpp.structs import StanzaHandler  # noqa: E402

SECONDS = 15
PASSWORD = "correct horse"


def until(met, what):
    """Runs the loop until it is so."""
    context, deadline = GLib.MainContext.default(), time.monotonic() + SECONDS
    waking = GLib.timeout_add(50, lambda: True)
    try:
        while not met():
            assert time.monotonic() < deadline, f"{what} did not come"
            context.iteration(True)
    finally:
        GLib.source_remove(waking)


class Client:
    """A client that keeps what it gets."""

    def __init__(self, server, user, direct, resource="nbxmpp", make=Connection):
        self.jid = f"{user}@localhost"
        self.messages, self.presences, self.events, self.sent = [], [], [], []
        kind, port = (ConnectionType.DIRECT_TLS, server.c2s_tls) if direct else (ConnectionType.START_TLS, server.c2s)
        self.connection = connection = make(log_context=user)
        connection.set_domain("localhost")
        connection.set_username(user)
        connection.set_password(PASSWORD)
        connection.set_resource(resource)
        connection.set_connection_types([kind])
        connection.set_protocols([ConnectionProtocol.TCP])
        connection.set_custom_host(f"127.0.0.1:{port}", ConnectionProtocol.TCP, kind)
        connection.set_accepted_certificates([Gio.TlsCertificate.new_from_file(str(server.certificate))])
        for event in ["connected", "connection-failed", "disconnected", "resume-successful", "resume-failed"]:
            connection.subscribe(event, lambda *args, event=event: self.events.append(event))
        connection.subscribe("stanza-sent", lambda _client, _signal, data: self.sent.append(str(data)))
        connection.register_handler(StanzaHandler(name="message", callback=self._message, priority=90))
        connection.register_handler(StanzaHandler(name="presence", callback=self._presence, priority=90))

    def _message(self, _client, stanza, properties):
        self.messages.append((stanza, properties))

    def _presence(self, _client, _stanza, properties):
        self.presences.append(properties)

    def login(self):
        """Connects, asks for the roster and is available."""
        self.connection.connect()
        until(lambda: self.events, "an answer to the login")
        assert self.events == ["connected"], (self.events, self.connection.get_error())
        self.ask("Roster", "request_roster")
        self.connection.send(Presence())
        until(lambda: any(it.jid.bare == self.jid for it in self.presences), "the own presence")
        return self

    def ask(self, module, method, *args, **kwargs):
        """What a request of a module comes to."""
        done = []

        # The library keeps a weak reference to it.
        def answered(task):
            try:
                done.append(task.finish())
            except Exception as error:
                done.append(error)

        getattr(self.connection.get_module(module), method)(*args, callback=answered, **kwargs)
        until(lambda: done, method)
        if isinstance(done[0], Exception):
            raise done[0]
        return done[0]

    def say(self, to, body):
        self.connection.send(Message(to=to, body=body, typ="chat"))

    def ping(self):
        self.ask("Ping", "ping", JID.from_string("localhost"))

    def bodies(self):
        return [properties.body for _, properties in self.messages if properties.body]

    def until_body(self, body):
        until(lambda: body in self.bodies(), body)

    def leave(self):
        self.events.clear()
        self.connection.disconnect()
        until(lambda: "disconnected" in self.events, "the end of the stream")


def pair(server):
    """Two fresh accounts."""
    names = [f"{name}-{uuid.uuid4().hex[:8]}" for name in ("alice", "bob")]
    for name in names:
        server.add(name, PASSWORD)
    return names


def logs_in_by_sasl2(server, direct):
    name, _ = pair(server)
    client = Client(server, name, direct).login()
    assert any("<authenticate" in sent for sent in client.sent), "it logged in the old way"
    client.leave()


def a_wrong_password_is_refused(server, direct):
    name, _ = pair(server)
    client = Client(server, name, direct)
    client.connection.set_password("wrong")
    client.connection.connect()
    until(lambda: "disconnected" in client.events, "the refusal")
    assert "connected" not in client.events
    _, error, _ = client.connection.get_error()
    assert error == "not-authorized", client.connection.get_error()


def messages_go_both_ways_and_wait(server, direct):
    first, second = pair(server)
    alice, bob = Client(server, first, direct).login(), Client(server, second, direct).login()
    alice.say(bob.jid, "Grüße 👋 <&>")
    bob.until_body("Grüße 👋 <&>")
    bob.leave()
    alice.say(bob.jid, "missed")
    alice.ping()
    bob = Client(server, second, direct).login()
    bob.until_body("missed")
    stanza, _ = bob.messages[-1]
    assert stanza.getTag("delay", namespace=Namespace.DELAY2), stanza
    alice.leave()
    bob.leave()


def the_archive_is_read_in_pages(server, direct):
    first, second = pair(server)
    alice = Client(server, first, direct).login()
    for number in range(25):
        alice.say(f"{second}@localhost", f"kept {number}")
    alice.ping()
    own, after, pages = JID.from_string(alice.jid), None, 0
    while True:
        page = alice.ask("MAM", "make_query", own, queryid="q", after=after, max_=10)
        pages, after = pages + 1, page.rsm.last
        if page.complete:
            break
    found = [properties for _, properties in alice.messages if properties.is_mam_message]
    assert [it.body for it in found] == [f"kept {number}" for number in range(25)], found
    assert pages == 3 and all(it.mam.query_id == "q" and it.mam.id for it in found)
    preferences = alice.ask("MAM", "request_preferences")
    assert preferences.default == "always", preferences
    alice.leave()


def a_second_device_gets_carbons(server, direct):
    first, second = pair(server)
    alice, tablet = Client(server, first, direct).login(), Client(server, first, direct, "tablet").login()
    enable = Iq("set")
    enable.addChild("enable", namespace=Namespace.CARBONS)
    tablet.connection.send(enable)
    tablet.ping()
    alice.say(f"{second}@localhost", "seen twice")
    tablet.until_body("seen twice")
    assert any(properties.is_sent_carbon for _, properties in tablet.messages)
    alice.leave()
    tablet.leave()


def a_blocked_contact_does_not_get_through(server, direct):
    first, second = pair(server)
    alice, bob = Client(server, first, direct).login(), Client(server, second, direct).login()
    blocked = JID.from_string(alice.jid)
    bob.ask("Blocking", "block", [blocked])
    assert blocked in bob.ask("Blocking", "request_blocking_list")
    alice.say(bob.jid, "let me in")
    until(lambda: any(stanza.getType() == "error" for stanza, _ in alice.messages), "the error")
    bob.ask("Blocking", "unblock", [blocked])
    alice.say(bob.jid, "hello again")
    bob.until_body("hello again")
    assert "let me in" not in bob.bodies()
    alice.leave()
    bob.leave()


def an_inactive_client_is_told_the_newest_presence(server, direct):
    first, second = pair(server)
    alice, bob = Client(server, first, direct).login(), Client(server, second, direct).login()
    # The library has nothing of its own for it.
    bob.connection.send_nonza("<inactive xmlns='urn:xmpp:csi:0'/>")
    bob.ping()
    for show in ("away", "xa", "dnd"):
        alice.connection.send(Presence(to=bob.connection.get_bound_jid(), show=show))
    alice.ping()
    bob.connection.send_nonza("<active xmlns='urn:xmpp:csi:0'/>")
    bob.ping()
    shown = [it.show.value for it in bob.presences if it.jid.bare == alice.jid]
    assert shown == ["dnd"], shown
    alice.leave()
    bob.leave()


def a_device_is_woken(server, direct):
    first, second = pair(server)
    service = Client(server, second, direct).login()
    published = []

    def publish(client, stanza, _properties):
        published.append(stanza)
        client.send_stanza(stanza.buildReply("result"))
        raise NodeProcessed

    service.connection.register_handler(
        StanzaHandler(name="iq", callback=publish, typ="set", ns=Namespace.PUBSUB, priority=10)
    )
    phone = Client(server, first, direct).login()
    enable = Iq("set")
    # Nor for this.
    enable.addChild(
        "enable", {"jid": str(service.connection.get_bound_jid()), "node": "device"}, namespace="urn:xmpp:push:0"
    )
    phone.connection.send(enable)
    phone.ping()
    phone.leave()
    service.say(phone.jid, "wake up")
    until(lambda: published, "the notification")
    notification = published[0].getTag("pubsub").getTag("publish").getTag("item").getTag("notification")
    fields = {field["var"]: field.getTagData("value") for field in notification.getTag("x").getTags("field")}
    assert published[0].getFrom().bare == phone.jid and fields["message-count"] == "1", published[0]
    phone = Client(server, first, direct).login()
    phone.until_body("wake up")
    phone.leave()
    service.leave()


CHECKS = [
    logs_in_by_sasl2,
    a_wrong_password_is_refused,
    messages_go_both_ways_and_wait,
    the_archive_is_read_in_pages,
    a_second_device_gets_carbons,
    a_blocked_contact_does_not_get_through,
    an_inactive_client_is_told_the_newest_presence,
    a_device_is_woken,
]


def checks(server):
    """Every check by STARTTLS and by direct TLS, as (name, function without arguments)."""
    for direct, how in ((False, "starttls"), (True, "direct_tls")):
        for check in CHECKS:
            yield f"nbxmpp/{how}/{check.__name__}", lambda check=check, direct=direct: check(server, direct)
