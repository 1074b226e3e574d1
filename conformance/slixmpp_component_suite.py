"""slixmpp as an external component (XEP-0114)."""

import asyncio
import xml.etree.ElementTree as ElementTree

import slixmpp
from slixmpp.componentxmpp import ComponentXMPP
from slixmpp.xmlstream.handler import Callback
from slixmpp.xmlstream.matcher import MatchXPath

from slixmpp_suite import Client, pair, within

DOMAIN = "echo.localhost"
SECRET = "a shared secret"
PUSH = "urn:xmpp:push:0"
PUBSUB = "http://jabber.org/protocol/pubsub"
SETTINGS = [f'components={{"{DOMAIN}"={{secret="{SECRET}"}}}}']


class Echo(ComponentXMPP):
    """A component that answers every message and lets everybody subscribe."""

    def __init__(self, server, secret=SECRET):
        super().__init__(DOMAIN, secret, "127.0.0.1", server.components)
        self.ready = asyncio.Event()
        self.refused = asyncio.Event()
        for plugin in ["xep_0030", "xep_0199", "xep_0092"]:
            self.register_plugin(plugin)
        self.plugin["xep_0030"].add_identity(category="gateway", itype="echo", name="Echo")
        self.add_event_handler("session_start", lambda _: self.ready.set())
        self.add_event_handler("stream_error", lambda _: self.refused.set())
        self.add_event_handler("message", self._echo)
        self.published = asyncio.Queue()
        publish = MatchXPath(f"{{jabber:component:accept}}iq/{{{PUBSUB}}}pubsub")
        self.register_handler(Callback("publish", publish, self._publish))
        self.add_event_handler("presence_subscribe", self._subscribe)

    def _echo(self, message):
        if message["type"] in ("chat", "normal") and message["body"]:
            message.reply(message["body"].upper()).send()

    def _publish(self, iq):
        if iq["type"] == "set":
            iq.reply().send()
            self.published.put_nowait(iq)

    def _subscribe(self, presence):
        self.send_presence(pto=presence["from"].bare, pfrom=presence["to"].bare, ptype="subscribed")
        self.send_presence(pto=presence["from"].bare, pfrom=presence["to"].bare)

    async def login(self):
        self.connect()
        await within(self.ready.wait())
        return self


async def connects_talks_and_is_found(server):
    name, _ = pair(server)
    echo = await Echo(server).login()
    client = await Client(server, name, True).login()
    client.send_message(f"anyone@{DOMAIN}", "hello", mtype="chat")
    answer = await client.next_body()
    assert (answer["body"], answer["from"].bare) == ("HELLO", f"anyone@{DOMAIN}"), answer
    items = await within(client.plugin["xep_0030"].get_items("localhost"))
    assert DOMAIN in {str(jid) for jid, *_ in items["disco_items"]["items"]}, items
    info = await within(client.plugin["xep_0030"].get_info(DOMAIN))
    assert ("gateway", "echo") in {(category, kind) for category, kind, *_ in info["disco_info"]["identities"]}, info
    await within(client.plugin["xep_0199"].ping(DOMAIN))
    version = await within(echo.plugin["xep_0092"].get_version("localhost", ifrom=DOMAIN))
    assert version["software_version"]["name"] == "Waxwing"
    await client.disconnect()
    await echo.disconnect()


async def a_contact_at_a_component(server):
    name, _ = pair(server)
    echo = await Echo(server).login()
    client = await Client(server, name, True).login()
    client.send_presence_subscription(f"juliet@{DOMAIN}", ptype="subscribe")
    while True:
        presence = await within(client.presences.get())
        if presence["from"].bare == f"juliet@{DOMAIN}":
            break
    await client.disconnect()
    await echo.disconnect()


async def a_wrong_secret_is_refused(server):
    echo = Echo(server, "another secret")
    echo.connect()
    await within(echo.refused.wait())
    assert not echo.ready.is_set()
    await echo.disconnect()


async def without_the_component_there_is_an_error(server):
    name, _ = pair(server)
    client = await Client(server, name, True).login()
    try:
        await within(client.plugin["xep_0030"].get_info(DOMAIN))
    except slixmpp.exceptions.IqError as error:
        assert error.iq["error"]["condition"] == "remote-server-timeout", error
    else:
        raise AssertionError("somebody answered")
    await client.disconnect()


async def a_device_is_woken(server):
    """slixmpp as the app server of XEP-0357, and as a client that is not looked at (XEP-0352)."""
    first, second = pair(server)
    service = await Echo(server).login()
    phone, friend = await Client(server, first, True).login(), await Client(server, second, True).login()
    assert phone.plugin["xep_0352"].enabled, "it was not offered"
    phone.plugin["xep_0352"].send_inactive()
    friend.send_message(f"{first}@localhost", "while it is on", mtype="chat")
    assert (await phone.next_body())["body"] == "while it is on"
    phone.plugin["xep_0352"].send_active()
    enable = phone.make_iq_set()
    enable.append(ElementTree.Element(f"{{{PUSH}}}enable", {"jid": DOMAIN, "node": "device"}))
    await within(enable.send())
    await phone.disconnect()
    friend.send_message(f"{first}@localhost", "wake up", mtype="chat")
    iq = await within(service.published.get())
    assert iq["from"] == f"{first}@localhost", iq
    publish = iq.xml.find(f"{{{PUBSUB}}}pubsub/{{{PUBSUB}}}publish")
    assert publish.get("node") == "device", iq
    assert publish.find(f"{{{PUBSUB}}}item/{{{PUSH}}}notification") is not None, iq
    await friend.disconnect()
    await service.disconnect()


CHECKS = [
    a_device_is_woken,
    connects_talks_and_is_found,
    a_contact_at_a_component,
    a_wrong_secret_is_refused,
    without_the_component_there_is_an_error,
]


def checks(server):
    """Every check, as (name, function without arguments)."""
    for check in CHECKS:
        yield f"slixmpp/component/{check.__name__}", lambda check=check: asyncio.run(check(server))
