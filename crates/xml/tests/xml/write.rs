//! What is written is read back as what was meant, whatever was meant.

use proptest::prelude::*;
use waxwing_xml::{Limits, Scope, Tag, attach, close, scan, stream_end, text};

const LIMITS: Limits = Limits { frame: 1 << 20, depth: 100, attributes: 64 };

fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    write(&mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn elements() {
    assert_eq!(written(|out| Tag::new(out, "a").end_empty()), "<a/>");
    let with = |value| written(|out| Tag::new(out, "a").attr_opt("b", value).end_empty());
    assert_eq!(with(Some("c")), "<a b='c'/>");
    assert_eq!(with(None), "<a/>");
    let open = written(|out| {
        Tag::new(out, "message").attr("to", "x").start();
        attach(out, b"<body>judged</body>");
        close(out, "message");
    });
    assert_eq!(open, "<message to='x'><body>judged</body></message>");
    assert_eq!(written(stream_end), "</stream:stream>");
}

#[test]
fn escapes() {
    assert_eq!(written(|out| text(out, "a<b>&'\"\r\n\t]]>é")), "a&lt;b&gt;&amp;'\"&#13;\n\t]]&gt;é");
    let value = written(|out| Tag::new(out, "a").attr("b", "<>&'\"\r\n\té").end_empty());
    assert_eq!(value, "<a b='&lt;&gt;&amp;&apos;&quot;&#13;&#10;&#9;é'/>");
    assert_eq!(written(|out| text(out, "\0a\u{ffff}\u{1b}")), "\u{fffd}a\u{fffd}\u{fffd}");
}

proptest! {
    #[test]
    fn read_back(value in any::<String>(), content in any::<String>()) {
        let mut out = Vec::new();
        Tag::new(&mut out, "a").attr("b", &value).text(&content);
        let element = scan(&out, &Scope::client(), &LIMITS).unwrap();
        let legal = |text: &str| text.replace(|c: char| {
            c < ' ' && !"\t\r\n".contains(c) || c == '\u{fffe}' || c == '\u{ffff}'
        }, "\u{fffd}");
        prop_assert_eq!(element.attr("b").unwrap(), legal(&value));
        prop_assert_eq!(element.text(), legal(&content));
    }
}
