"""What nbxmpp leaves out of SASL2: Bind 2 (XEP-0386), tokens (XEP-0484) and the resumption in the same step.

Its stream, SASL2 exchange, SCRAM and stream management are used as they are; the elements are added to its own.
"""

import hashlib
import hmac

from nbxmpp.client import Client
from nbxmpp.const import StreamState
from nbxmpp.namespaces import Namespace
from nbxmpp.protocol import Node
from nbxmpp.sasl import SASL, AuthFail, BaseMechanism
from nbxmpp.util import b64decode, b64encode

BIND2 = "urn:xmpp:bind:0"
FAST = "urn:xmpp:fast:0"
MECHANISM = "HT-SHA-256-NONE"


class Token(BaseMechanism):
    """HT-SHA-256-NONE (draft-schmaus-kitten-sasl-ht)."""

    name = MECHANISM

    def _mac(self, role):
        return hmac.new(self._password.encode(), role, hashlib.sha256).digest()

    def get_initiate_data(self):
        return b64encode(self._username.encode() + b"\0" + self._mac(b"Initiator"))

    def validate_success_data(self, data):
        if b64decode(data) != self._mac(b"Responder"):
            raise AuthFail("it is not the server that gave the token")


class OneStep(SASL):
    """SASL2 with everything that may go along with it."""

    token, count, success = None, 0, None

    def start_auth(self, features):
        inline = features.getTag("authentication", namespace=Namespace.SASL2).getTag("inline")
        assert inline.getTag("bind", namespace=BIND2) and inline.getTag("sm", namespace=Namespace.STREAM_MGMT), inline
        offered = [it.getData() for it in inline.getTag("fast", namespace=FAST).getTags("mechanism")]
        assert MECHANISM in offered, offered
        self.success = None
        if self.token is None:
            super().start_auth(features)
            return
        self._error, self._sasl_ns = None, Namespace.SASL2
        self._mechanism = Token(self._client.username, self.token, self._client.domain)
        self._send_initiate()

    def _send_initiate(self):
        authenticate = Node("authenticate", attrs={"xmlns": Namespace.SASL2, "mechanism": self._mechanism.name})
        authenticate.setTagData("initial-response", self._mechanism.get_initiate_data())
        agent = authenticate.addChild("user-agent", {"id": self._client.device})
        agent.setTagData("software", "nbxmpp")
        if isinstance(self._mechanism, Token):
            self.count += 1
            authenticate.addChild("fast", {"count": self.count}, namespace=FAST)
        else:
            authenticate.addChild("request-token", {"mechanism": MECHANISM}, namespace=FAST)
        previous = self._client.previous()
        if previous is not None:
            authenticate.addChild(node=previous)
        bind = authenticate.addChild("bind", namespace=BIND2)
        bind.setTagData("tag", "nbxmpp")
        bind.addChild("enable", namespace=Namespace.CARBONS)
        bind.addChild("enable", {"resume": "true"}, namespace=Namespace.STREAM_MGMT)
        self._client.send_nonza(authenticate)

    def _on_success(self, stanza):
        # The parser uses the element again.
        self.success = Node(node=str(stanza))
        token = stanza.getTag("token", namespace=FAST)
        if token is not None:
            self.token, self.count = token.getAttr("token"), 0
        super()._on_success(stanza)


class FastClient(Client):
    """A client on the device of this id (a UUID)."""

    def __init__(self, device, log_context):
        super().__init__(log_context)
        self.device = device
        self._sasl = OneStep(self)

    @property
    def success(self):
        """What the last login came to."""
        return self._sasl.success

    def previous(self):
        """<resume/>, if there is a stream to resume. The library writes it; here it is sent with the login."""
        if not self._smacks.resume_supported:
            return None
        written, self.send_nonza = [], lambda nonza, now=False: written.append(nonza)
        try:
            self._smacks.resume_request()
        finally:
            del self.send_nonza
        return written[0]

    def _xmpp_state_machine(self, stanza=None):
        success = self._sasl.success
        if self.state == StreamState.AUTH_SUCCESSFUL and success is not None:
            self._stream_authenticated = True
            resumed = success.getTag("resumed", namespace=Namespace.STREAM_MGMT)
            if resumed is not None:
                # XEP-0198 §9.2: no features follow.
                self._smacks.delegate(resumed)
            else:
                self.state = StreamState.WAIT_FOR_FEATURES
            return
        super()._xmpp_state_machine(stanza)

    def _on_stream_features(self, features):
        if not self.is_stream_authenticated:
            super()._on_stream_features(features)
            return
        self._stream_features = features
        success = self._sasl.success
        if self._smacks.resume_in_progress:
            self._smacks._reset_state()
        self._set_bound_jid(success.getTagData("authorization-identifier"))
        enabled = success.getTag("bound", namespace=BIND2).getTag("enabled", namespace=Namespace.STREAM_MGMT)
        self._smacks._on_enabled(None, enabled, None)
        # Nothing is left to ask for: without that it says that it enables what is enabled.
        self._smacks.sm_supported = False
        self.set_state(StreamState.BIND_SUCCESSFUL)
        self._smacks.sm_supported = self._smacks._enable_sent = True
