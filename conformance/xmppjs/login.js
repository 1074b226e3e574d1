// Logs in three times with xmpp.js: with the password, with the token that it got for it, and to resume a stream that
// broke. Says as JSON what the server answered, a line each.
//
//     node login.js SERVICE DOMAIN USER PASSWORD

import { client, xml } from "@xmpp/client";

const [service, domain, username, password] = process.argv.slice(2);
const userAgent = xml("user-agent", { id: "d4565fa7-4d72-4749-b3d3-740edbf87770" }, [
  xml("software", {}, "xmpp.js"),
  xml("device", {}, "conformance"),
]);

const session = client({ service, domain, username, password, resource: "js", userAgent });
session.reconnect.stop();
session.timeout = 15000;
// Whoever waits for something else fails by it.
session.on("error", (error) => console.error(error));

// It listens for the server's header only when its own is known to be written; from the same machine the answer can be
// sooner.
const write = session.write.bind(session);
session.write = async (text) => {
  write(text).catch((error) => session.emit("error", error));
};

let sent = [];
session.on("send", (element) => sent.push(element));

function heard(what, emitter = session) {
  return new Promise((resolve) => emitter.once(what, resolve));
}

/** One login: the mechanism, and what stood in <success/>. */
async function login(act, ready) {
  sent = [];
  let success;
  const watch = (element) => {
    if (element.is("success", "urn:xmpp:sasl:2")) success = element;
  };
  session.on("nonza", watch);
  const done = ready();
  await act();
  await done;
  session.off("nonza", watch);
  const authenticate = sent.find((element) => element.is("authenticate", "urn:xmpp:sasl:2"));
  const answers = success?.getChildElements().map((child) => child.name) ?? [];
  console.log(JSON.stringify({ mechanism: authenticate?.attrs.mechanism, answers, jid: session.jid.toString() }));
}

await login(() => session.start(), () => heard("online"));
await session.iqCaller.request(xml("iq", { type: "get" }, xml("ping", "urn:xmpp:ping")), 15000);

// Without a word to the server.
const gone = heard("disconnect");
session.socket.socket.destroy();
await gone;
await login(() => session.reconnect.reconnect(), () => heard("resumed", session.streamManagement));
await session.iqCaller.request(xml("iq", { type: "get" }, xml("ping", "urn:xmpp:ping")), 15000);

await session.stop();
await login(() => session.start(), () => heard("online"));
await session.iqCaller.request(xml("iq", { type: "get" }, xml("ping", "urn:xmpp:ping")), 15000);
process.exit(0);
