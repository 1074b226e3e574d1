"""slixmpp, an independent client library, against the server."""

import asyncio
import uuid
import xml.etree.ElementTree as ElementTree

import slixmpp

SECONDS = 15
PASSWORD = "correct horse"


class Client(slixmpp.ClientXMPP):
    """A client that puts what it gets into queues."""

    def __init__(self, server, user, direct, resource="slixmpp"):
        super().__init__(f"{user}@localhost/{resource}", PASSWORD)
        self.enable_direct_tls = direct
        self.enable_starttls = not direct
        self.enable_plaintext = False
        self.ca_certs = str(server.ca)
        self.address = ("127.0.0.1", server.c2s_tls if direct else server.c2s)
        self.messages = asyncio.Queue()
        self.presences = asyncio.Queue()
        self.ready = asyncio.Event()
        self.failed = asyncio.Queue()
        self.auto_authorize = True
        self.auto_subscribe = True
        for plugin in ["xep_0030", "xep_0184", "xep_0191", "xep_0198", "xep_0199", "xep_0202", "xep_0012", "xep_0092",
                       "xep_0280", "xep_0203", "xep_0352"]:
            self.register_plugin(plugin)
        self.add_event_handler("session_start", self._start)
        self.add_event_handler("message", self.messages.put_nowait)
        self.add_event_handler("message_error", self.messages.put_nowait)
        self.add_event_handler("receipt_received", lambda message: self.messages.put_nowait(message))
        self.add_event_handler("presence_available", self.presences.put_nowait)
        self.add_event_handler("failed_all_auth", self.failed.put_nowait)

    async def _start(self, _event):
        await self.get_roster()
        self.send_presence()
        self.ready.set()

    async def login(self):
        self.connect(*self.address)
        await within(self.ready.wait())
        return self

    async def next_body(self):
        """The next message with a body."""
        while True:
            message = await within(self.messages.get())
            if message["body"]:
                return message


def within(awaitable):
    return asyncio.wait_for(awaitable, SECONDS)


def pair(server):
    """Two fresh accounts."""
    names = [f"{name}-{uuid.uuid4().hex[:8]}" for name in ("alice", "bob")]
    for name in names:
        server.add(name, PASSWORD)
    return names


async def logs_in_and_sees_features(server, direct):
    name, _ = pair(server)
    client = await Client(server, name, direct).login()
    info = await within(client.plugin["xep_0030"].get_info("localhost"))
    features = info["disco_info"]["features"]
    for feature in ["urn:xmpp:blocking", "urn:xmpp:carbons:2", "msgoffline", "urn:xmpp:ping"]:
        assert feature in features, f"{feature} is not among {features}"
    own = await within(client.plugin["xep_0030"].get_info(f"{name}@localhost"))
    identities = {(category, kind) for category, kind, *_ in own["disco_info"]["identities"]}
    assert ("account", "registered") in identities, identities
    await within(client.plugin["xep_0199"].ping("localhost"))
    version = await within(client.plugin["xep_0092"].get_version("localhost"))
    assert version["software_version"]["name"] == "Waxwing"
    await client.disconnect()


async def a_wrong_password_is_refused(server, direct):
    name, _ = pair(server)
    client = Client(server, name, direct)
    client.password = "wrong"
    client.connect(*client.address)
    await within(client.failed.get())
    assert not client.ready.is_set()
    await within(client.disconnect())


async def two_exchange_messages_with_receipts(server, direct):
    first, second = pair(server)
    alice, bob = await Client(server, first, direct).login(), await Client(server, second, direct).login()
    message = alice.make_message(f"{second}@localhost", "Grüße 👋 <&>", mtype="chat")
    message["request_receipt"] = True
    message.send()
    got = await bob.next_body()
    assert got["body"] == "Grüße 👋 <&>" and got["from"] == alice.boundjid, got
    receipt = await within(alice.messages.get())
    assert receipt["receipt"], receipt
    await alice.disconnect()
    await bob.disconnect()


async def two_subscribe_to_each_other_and_see_presence(server, direct):
    first, second = pair(server)
    alice, bob = await Client(server, first, direct).login(), await Client(server, second, direct).login()
    alice.send_presence_subscription(f"{second}@localhost")

    async def sees(client, jid):
        while (await within(client.presences.get()))["from"].bare != jid:
            pass

    await sees(alice, f"{second}@localhost")
    await sees(bob, f"{first}@localhost")
    await within(alice.get_roster())
    assert alice.client_roster[f"{second}@localhost"]["subscription"] == "both"
    await alice.disconnect()
    await bob.disconnect()


async def what_was_missed_offline_comes_in_order_with_stamps(server, direct):
    first, second = pair(server)
    alice = await Client(server, first, direct).login()
    for number in range(20):
        alice.send_message(f"{second}@localhost", f"missed {number}", mtype="chat")
    await within(alice.plugin["xep_0199"].ping("localhost"))
    bob = await Client(server, second, direct).login()
    for number in range(20):
        got = await bob.next_body()
        assert got["body"] == f"missed {number}", got
        assert got.xml.find("{urn:xmpp:delay}delay") is not None, ElementTree.tostring(got.xml)
    await bob.disconnect()
    again = await Client(server, second, direct).login()
    await within(again.plugin["xep_0199"].ping("localhost"))
    assert again.messages.empty(), "a message was delivered twice"
    await again.disconnect()
    await alice.disconnect()


async def a_broken_stream_is_resumed_without_loss(server, direct):
    first, second = pair(server)
    alice, bob = await Client(server, first, direct).login(), await Client(server, second, direct).login()
    resumed = asyncio.Event()
    bob.add_event_handler("session_resumed", lambda _event: resumed.set())
    bob.add_event_handler("disconnected", lambda _event: bob.connect(*bob.address))
    bob.transport.abort()
    for number in range(5):
        alice.send_message(f"{second}@localhost", f"meanwhile {number}", mtype="chat")
    await within(resumed.wait())
    for number in range(5):
        assert (await bob.next_body())["body"] == f"meanwhile {number}"
    bob.del_event_handler("disconnected", None)
    bob.abort()
    await alice.disconnect()


async def a_second_device_gets_carbons(server, direct):
    first, second = pair(server)
    alice, bob = await Client(server, first, direct).login(), await Client(server, second, direct).login()
    tablet = await Client(server, first, direct, "tablet").login()
    copies = asyncio.Queue()
    tablet.add_event_handler("carbon_sent", copies.put_nowait)
    await within(tablet.plugin["xep_0280"].enable())
    alice.send_message(f"{second}@localhost", "seen twice", mtype="chat")
    copy = await within(copies.get())
    assert copy["carbon_sent"]["body"] == "seen twice", copy
    await bob.next_body()
    for client in (alice, bob, tablet):
        await client.disconnect()


async def a_blocked_contact_does_not_get_through(server, direct):
    first, second = pair(server)
    alice, bob = await Client(server, first, direct).login(), await Client(server, second, direct).login()
    await within(bob.plugin["xep_0191"].block(f"{first}@localhost"))
    alice.send_message(f"{second}@localhost", "let me in", mtype="chat")
    answer = await within(alice.messages.get())
    assert answer["type"] == "error", answer
    await within(bob.plugin["xep_0191"].unblock(f"{first}@localhost"))
    alice.send_message(f"{second}@localhost", "hello again", mtype="chat")
    assert (await bob.next_body())["body"] == "hello again"
    await alice.disconnect()
    await bob.disconnect()


async def the_archive_is_read_in_pages(server, direct):
    first, second = pair(server)
    alice = await Client(server, first, direct).login()
    for number in range(25):
        alice.send_message(f"{second}@localhost", f"kept {number}", mtype="chat")
    alice.send_message(f"{first}@localhost", "a note", mtype="chat")
    await within(alice.plugin["xep_0199"].ping("localhost"))
    alice.register_plugin("xep_0313")

    async def bodies(**query):
        archive = alice.plugin["xep_0313"].iterate(**query)
        return [message["mam_result"]["forwarded"]["stanza"]["body"] async for message in archive]

    kept = [f"kept {number}" for number in range(25)]
    assert await within(bodies(rsm={"max": 10})) == kept + ["a note"]
    assert await within(bodies(rsm={"max": 10}, with_jid=slixmpp.JID(f"{second}@localhost"))) == kept
    newest = await within(bodies(rsm={"max": 4}, reverse=True, total=4))
    assert sorted(newest) == sorted(["a note"] + kept[-3:]), newest
    await alice.disconnect()


CHECKS = [
    logs_in_and_sees_features,
    a_wrong_password_is_refused,
    two_exchange_messages_with_receipts,
    two_subscribe_to_each_other_and_see_presence,
    what_was_missed_offline_comes_in_order_with_stamps,
    a_broken_stream_is_resumed_without_loss,
    a_second_device_gets_carbons,
    a_blocked_contact_does_not_get_through,
    the_archive_is_read_in_pages,
]


def checks(server):
    """Every check by STARTTLS and by direct TLS, as (name, function without arguments)."""
    for direct, how in ((False, "starttls"), (True, "direct_tls")):
        for check in CHECKS:
            yield f"slixmpp/{how}/{check.__name__}", lambda check=check, direct=direct: asyncio.run(check(server, direct))
