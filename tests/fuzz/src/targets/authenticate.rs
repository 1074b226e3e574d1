//! `<authenticate/>` (XEP-0388), from whoever has no account.

use waxwing_c2s::Authenticate;
use waxwing_xml::{Element, Limits, Scope};

use super::Target;
use crate::mutate::Random;

pub const AUTHENTICATE: Target =
    Target { name: "authenticate", corpus: REQUESTS, pieces: PIECES, check: authenticate };

/// Small, so that what comes reaches them.
const LIMITS: Limits = Limits { frame: 4096, depth: 8, attributes: 8 };

/// Characters of a name that are kept.
const NAME: usize = 128;

/// What is read of it is fit to be stored, shown on one line and acted upon: a device is a UUID in small letters, what
/// is asked for stands for itself.
fn authenticate(input: &[u8], _: &mut Random) -> Result<(), String> {
    let Ok(element) = waxwing_xml::scan(input, &Scope::client(), &LIMITS) else { return Ok(()) };
    let Ok(request) = Authenticate::read(&LIMITS, &element) else { return Ok(()) };
    if let Some(agent) = &request.agent {
        for name in [&agent.software, &agent.device] {
            if name.chars().count() > NAME || name.chars().any(char::is_control) {
                return Err(format!("not fit to be shown: {name:?}"));
            }
        }
    }
    if let Some(id) = request.device()
        && (id.len() != 36 || !id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f' | b'-')))
    {
        return Err(format!("no UUID: {id:?}"));
    }
    for (part, name) in [(&request.resume, "resume"), (&request.bind, "bind")] {
        let Some(part) = part else { continue };
        if part.name() != name || !itself(part) {
            return Err(format!("{name}: {:?}", part.bytes().escape_ascii().to_string()));
        }
    }
    Ok(())
}

/// Read once more it is the same.
fn itself(part: &Element) -> bool {
    let again = waxwing_xml::scan(part.bytes(), &Scope::client(), &LIMITS);
    again.is_ok_and(|again| {
        (again.name(), again.ns(), again.bytes()) == (part.name(), part.ns(), part.bytes())
    })
}

const REQUESTS: &[&[u8]] = &[
    b"<authenticate xmlns='urn:xmpp:sasl:2' mechanism='SCRAM-SHA-256'><initial-response>biwsbj11LHI9YQ==</initial-response>\
      <user-agent id='d4565fa7-4d72-4749-b3d3-740edbf87770'><software>S</software><device>D</device></user-agent>\
      <bind xmlns='urn:xmpp:bind:0'><tag>t</tag><enable xmlns='urn:xmpp:sm:3' resume='1' max='9'/>\
      <enable xmlns='urn:xmpp:carbons:2'/><inactive xmlns='urn:xmpp:csi:0'/></bind></authenticate>",
    b"<authenticate xmlns='urn:xmpp:sasl:2' mechanism='HT-SHA-256-NONE'><initial-response>dQBh</initial-response>\
      <user-agent id='D4565FA7-4D72-4749-B3D3-740EDBF87770'/><fast xmlns='urn:xmpp:fast:0' count='7' invalidate='true'/>\
      <request-token xmlns='urn:xmpp:fast:0' mechanism='HT-SHA-256-EXPR'/>\
      <resume xmlns='urn:xmpp:sm:3' previd='p' h='4294967295'/></authenticate>",
    b"<authenticate xmlns='urn:xmpp:sasl:2' mechanism='PLAIN'><config-version xmlns='urn:xmpp:iap:0' value='v'/>\
      <upgrade xmlns='urn:xmpp:sasl:upgrade:0'>UPGR-SCRAM-SHA-256</upgrade></authenticate>",
    b"<s:authenticate xmlns:s='urn:xmpp:sasl:2' xmlns:b='urn:xmpp:bind:0' mechanism='PLAIN'><s:initial-response>=\
      </s:initial-response><b:bind><b:tag>&lt;&#x1F422;</b:tag></b:bind></s:authenticate>",
];

const PIECES: &[&str] = &[
    " xmlns='urn:xmpp:sasl:2'",
    " xmlns='urn:xmpp:bind:0'",
    " xmlns:s='urn:xmpp:sasl:2'",
    "<s:user-agent id='d4565fa7-4d72-4749-b3d3-740edbf87770'>",
    "</s:user-agent>",
    "<software>",
    "</software>",
    "<bind xmlns='urn:xmpp:bind:0'>",
    "</bind>",
    "<resume xmlns='urn:xmpp:sm:3'/>",
    " count='-1'",
    " count='99999999999999999999'",
    " id=''",
    "&#x9;",
    "&#x85;",
    "&#x202E;",
    "====",
    "YQ==",
    "<![CDATA[x]]>",
    "'",
    ">",
    "/>",
];
