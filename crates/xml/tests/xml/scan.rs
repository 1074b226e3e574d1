//! What scan tells of a frame, what it refuses and with which fault.

use crate::corpus;

use waxwing_xml::{
    Content, Element, Fault, Limits, MAX_NAME, MAX_PREFIXES, Scope, header, ns, scan, scan_front,
};

const LIMITS: Limits = Limits { frame: 65536, depth: 8, attributes: 4 };

fn judge(frame: &str) -> Result<Element, Fault> {
    scan(frame.as_bytes(), &Scope::client(), &LIMITS)
}

fn child_bytes(element: &Element) -> Vec<&str> {
    element.children().iter().map(|child| std::str::from_utf8(child.bytes(element)).unwrap()).collect()
}

#[test]
fn a_message() {
    let limits = Limits { attributes: 64, ..LIMITS };
    let frame = corpus::GOOD[0].as_bytes();
    let message = scan(frame, &Scope::client(), &limits).unwrap();
    assert_eq!(message.bytes(), frame);
    assert!(message.is("message", ns::CLIENT));
    assert_eq!(message.attr("from"), Some("romeo@example.net/orchard"));
    assert_eq!(message.attr("none"), None);
    assert_eq!(message.attr("lang"), None);
    assert_eq!(message.lang(), Some("en"));
    assert_eq!(message.attr_names().collect::<Vec<_>>(), ["from", "to", "type", "id", "xml:lang"]);
    assert!(!message.has_text());
    let names: Vec<_> = message.children().iter().map(|c| (c.name(&message), c.ns(&message))).collect();
    assert_eq!(names[0], ("body", ns::CLIENT));
    assert_eq!(names[2], ("request", "urn:xmpp:receipts"));
    assert_eq!(child_bytes(&message)[2], "<request xmlns='urn:xmpp:receipts'/>");
    let body = message.child("body", ns::CLIENT).unwrap();
    assert_eq!(body.text(&message), "Art thou not Romeo, and a Montague?");
    let origin = message.child("origin-id", "urn:xmpp:sid:0").unwrap();
    assert_eq!(origin.attr(&message, "id").unwrap(), "de305d54-75b4-431b-adb2-eb6b9e546013");
    assert_eq!(origin.attr(&message, "by"), None);
}

#[test]
fn what_came_whole_is_cut_and_judged_at_once() {
    let front = |text: &str, frame| {
        let limits = Limits { frame, ..LIMITS };
        let found = scan_front(text, &Scope::client(), &limits);
        found.map(|(taken, element)| (taken, String::from_utf8(element.bytes().to_vec()).unwrap()))
    };
    assert_eq!(front(" \n<a><b/></a> <c/>", 100), Some((13, "<a><b/></a>".to_owned())));
    assert_eq!(front("<a/>", 4), Some((4, "<a/>".to_owned())));
    for text in ["<a/>", "<a/> ", "<a><b/>", "<a b='c", "<a>\u{1}</a>", "<x:a/>", "</a>", "a", " ", ""] {
        assert_eq!(front(text, 3), None, "{text}");
    }
    for text in ["<a><b/>", "<a b='c", "<a>\u{1}</a>", "<x:a/>", "</stream:stream>", "a", " ", ""] {
        assert_eq!(front(text, 100), None, "{text}");
    }
    let rewritten = "<a xmlns:b='c'><b:d/></a>";
    assert!(front(rewritten, 100).is_none() && judge(rewritten).is_ok());
}

#[test]
fn a_child_that_is_known_means_what_it_meant_before() {
    let child = "<request xmlns='urn:xmpp:receipts'/>";
    let told = |frame: &str, scope: &Scope| {
        let element = scan(frame.as_bytes(), scope, &LIMITS)?;
        let child = |c: &waxwing_xml::Child| {
            (c.name(&element).to_owned(), c.ns(&element).to_owned(), c.bytes(&element).to_vec())
        };
        assert!(element.children().iter().all(|child| element.may_hold(child.ns(&element))));
        Ok::<_, Fault>(element.children().iter().map(child).collect::<Vec<_>>())
    };
    let expected = ("request".to_owned(), "urn:xmpp:receipts".to_owned(), child.as_bytes().to_vec());
    for before in ["", "<body>a</body>", "text"] {
        for _ in 0..2 {
            let found =
                told(&format!("<message>{before}{child}{child}</message>"), &Scope::client()).unwrap();
            assert!(found.ends_with(&[expected.clone(), expected.clone()]), "{found:?}");
        }
    }
    // Its bytes elsewhere are something else.
    assert!(told(&format!("<message><a b='{child}'/></message>"), &Scope::client()).is_err());
    let inside = told(&format!("<message><a>{child}</a></message>"), &Scope::client()).unwrap();
    assert_eq!(inside.len(), 1);
    assert!(told(&format!("{child}{child}"), &Scope::client()).is_err());
    // What means something else on another stream is not taken from this one.
    let servers = "<request xmlns='jabber:server'/>";
    let frame = format!("<message>{servers}{child}</message>");
    for scope in [Scope::client(), Scope::server(), Scope::client()] {
        let namespace = if scope == Scope::client() { ns::SERVER } else { ns::CLIENT };
        let found = told(&frame, &scope).unwrap();
        assert_eq!((&*found[0].1, &*found[1].1), (namespace, "urn:xmpp:receipts"));
    }
    // A limit that it exceeds still counts.
    let flat = Limits { depth: 1, ..LIMITS };
    assert!(scan(format!("<message>{child}</message>").as_bytes(), &Scope::client(), &flat).is_err());
}

#[test]
fn what_is_not_there_may_be_and_what_is_there_must() {
    let message = judge("<a><b xmlns='urn:xmpp:sid:0'/><c xmlns='urn:xmpp:hints'/><d/></a>").unwrap();
    assert!(["urn:xmpp:sid:0", "urn:xmpp:hints", ns::CLIENT].iter().all(|ns| message.may_hold(ns)));
    assert!(!judge("<a/>").unwrap().may_hold(ns::CLIENT));
}

#[test]
fn faults() {
    for (frame, fault) in corpus::BAD {
        let found = scan(frame, &Scope::client(), &LIMITS).map(|_| ());
        assert_eq!(found, Err(*fault), "{}", frame.escape_ascii());
    }
}

#[test]
fn limits() {
    let policy = |frame: &str| matches!(judge(frame), Err(Fault::PolicyViolation(_)));
    let nested = |depth: usize| "<a>".repeat(depth) + &"</a>".repeat(depth);
    assert!(judge(&nested(8)).is_ok());
    assert!(policy(&nested(9)));
    assert!(judge("<a b='' c='' d='' e=''/>").is_ok());
    assert!(policy("<a b='' c='' d='' e='' f=''/>"));
    assert!(judge(&format!("<{}/>", "a".repeat(MAX_NAME))).is_ok());
    assert!(policy(&format!("<{}/>", "a".repeat(MAX_NAME + 1))));
    assert!(judge(&format!("<a b='{}'/>", "a".repeat(MAX_NAME))).is_ok());
    assert!(policy(&format!("<a b='{}'/>", "a".repeat(MAX_NAME + 1))));
    assert!(judge(&format!("<a>{}</a>", "a".repeat(65536 - 7))).is_ok());
    assert!(policy(&format!("<a>{}</a>", "a".repeat(65536 - 6))));
    let limits = Limits { attributes: 1000, ..LIMITS };
    let prefixes = |n: usize| {
        let declarations: String = (0..n).map(|i| format!(" xmlns:p{i}='u'")).collect();
        scan(format!("<a{declarations}/>").as_bytes(), &Scope::client(), &limits)
    };
    assert!(prefixes(MAX_PREFIXES - 1).is_ok(), "the prefix stream is one of them");
    assert!(matches!(prefixes(MAX_PREFIXES), Err(Fault::PolicyViolation(_))));
}

#[test]
fn values_are_resolved() {
    let m = judge("<m id='a&amp;b' to='&#x6a;'>x&lt;<b/>\r\n<![CDATA[&amp;]]></m>").unwrap();
    assert_eq!(m.attr("id"), Some("a&b"));
    assert_eq!(m.attr("to"), Some("j"));
    assert_eq!(m.text(), "x<\n&amp;");
    assert!(m.has_text());
    assert!(!judge("<m>\r\n\t <b>x</b></m>").unwrap().has_text());
}

#[test]
fn children_get_what_they_need() {
    let cases: &[(&str, &[&str])] = &[
        ("<m xmlns:p='u'><p:x/><y/></m>", &["<p:x xmlns:p='u'/>", "<y/>"]),
        ("<m xmlns:p='u&amp;v'><y><z p:n=''/></y></m>", &["<y xmlns:p='u&amp;v'><z p:n=''/></y>"]),
        ("<m xmlns:p='u'><p:x xmlns:p='v'/></m>", &["<p:x xmlns:p='v'/>"]),
        ("<m xmlns='u'><x/><y xmlns='v'/></m>", &["<x xmlns='u'/>", "<y xmlns='v'/>"]),
        ("<m xmlns='u'><p:x xmlns:p='v'><y/></p:x></m>", &["<p:x xmlns='u' xmlns:p='v'><y/></p:x>"]),
        ("<m xmlns=''><x/></m>", &["<x xmlns=''/>"]),
        ("<m xmlns='jabber:client'><x/></m>", &["<x/>"]),
        ("<m><x xmlns='jabber:server'/></m>", &["<x xmlns='jabber:server'/>"]),
        (
            "<stream:features><stream:x/></stream:features>",
            &["<stream:x xmlns:stream='http://etherx.jabber.org/streams'/>"],
        ),
    ];
    for (frame, children) in cases {
        let element = judge(frame).unwrap();
        assert_eq!(child_bytes(&element), *children, "{frame}");
    }
}

#[test]
fn declarations_of_the_stream_header() {
    let head = "<stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' \
                xmlns:db='jabber:server:dialback' xmlns:x='u&amp;v'>";
    let scope = header(head.as_bytes()).unwrap().scope;
    let read = |frame: &str| scan(frame.as_bytes(), &scope, &LIMITS).unwrap();
    let result = read("<db:result from='a' to='b'>key</db:result>");
    assert!(result.is("result", "jabber:server:dialback"));
    assert_eq!(result.text(), "key");
    let message = read("<message><body/><x:y/><s:z xmlns:s='jabber:server'/></message>");
    assert!(message.is("message", ns::CLIENT));
    assert!(message.child("body", ns::CLIENT).is_some());
    assert_eq!(
        child_bytes(&message),
        ["<body/>", "<x:y xmlns:x='u&amp;v'/>", "<s:z xmlns:s='jabber:client'/>"]
    );
}

#[test]
fn a_components_namespace_is_the_clients() {
    let scope = Scope::of(Content::Component);
    let read = |frame: &str| scan(frame.as_bytes(), &scope, &LIMITS).unwrap();
    let message =
        read("<message><body/><f xmlns='urn:f'><message xmlns='jabber:component:accept'/></f></message>");
    assert!(message.is("message", ns::CLIENT) && message.child("body", ns::CLIENT).is_some());
    assert_eq!(child_bytes(&message), ["<body/>", "<f xmlns='urn:f'><message xmlns='jabber:client'/></f>"]);
}

#[test]
fn little_is_not_made_into_much() {
    let uri = "u".repeat(4000);
    let frame = format!("<m xmlns:p='{uri}'>{}</m>", "<p:a/>".repeat(1000));
    assert!(matches!(judge(&frame), Err(Fault::PolicyViolation(_))));
}

#[test]
fn an_element_of_many_children_weighs_more_than_its_text() {
    let plain = judge("<m></m>").unwrap().weight();
    let text = judge(&format!("<m>{}</m>", "x".repeat(4000))).unwrap().weight();
    let children = judge(&format!("<m>{}</m>", "<a/>".repeat(1000))).unwrap().weight();
    assert_eq!(text - plain, 4000);
    assert!(children - text >= 1000 * 20, "{children} and {text}");
}
