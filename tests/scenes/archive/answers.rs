//! What else is told of an archive, and what is refused.

use harness::{Server, StanzaExt, ns, scenes};

use crate::ask::{DATA, MAM, RSM, everything, form, page, refused, set, talked};

scenes! {
    ["archive.policy=always"]:
        metadata,
        the_form_says_what_may_be_asked,
        ids_that_are_not_in_the_archive,
        what_cannot_be_understood,
        nobody_elses_archive;
}

async fn metadata(s: &Server) {
    let (mut romeo, _juliet) = talked(s, 3).await;
    let payload = format!("<metadata xmlns='{MAM}'/>");
    let all = everything(&mut romeo).await;
    let answer = romeo.request("get", None, &payload).await;
    let metadata = answer.must("metadata", MAM);
    for (name, found) in [("start", &all.found[0]), ("end", &all.found[2])] {
        let end = metadata.must(name, MAM);
        assert_eq!((end.id(), end.attr("timestamp")), (Some(&*found.id), Some(&*found.stamp)));
    }
    let mut fresh = s.user().await;
    let bare = fresh.bare().to_owned();
    let answer = fresh.get(&bare, &payload).await;
    assert_eq!(answer.must("metadata", MAM).children().count(), 0);
}

async fn the_form_says_what_may_be_asked(s: &Server) {
    let mut romeo = s.user().await;
    let answer = romeo.request("get", None, &format!("<query xmlns='{MAM}'/>")).await;
    let form = answer.must("query", MAM).must("x", DATA);
    assert_eq!(form.kind(), Some("form"));
    let fields: Vec<_> =
        form.children().map(|it| (it.attr("var").expect("var"), it.kind().expect("type"))).collect();
    for field in [
        ("FORM_TYPE", "hidden"),
        ("with", "jid-single"),
        ("start", "text-single"),
        ("end", "text-single"),
        ("before-id", "text-single"),
        ("after-id", "text-single"),
        ("ids", "list-multi"),
        ("include-groupchat", "boolean"),
    ] {
        assert!(fields.contains(&field), "{field:?} in {fields:?}");
    }
    let bare = romeo.bare().to_owned();
    let info = romeo.get(&bare, &format!("<query xmlns='{}'/>", ns::DISCO_INFO)).await;
    let features: Vec<_> =
        info.must("query", ns::DISCO_INFO).children().filter_map(|it| it.attr("var")).collect();
    for feature in [MAM, "urn:xmpp:mam:2#extended", "urn:xmpp:mam:2#groupchat-field", ns::STANZA_ID, RSM] {
        assert!(features.contains(&feature), "{feature}");
    }
    assert!(!features.contains(&"urn:xmpp:mam:2#groupchat-available"));
    for value in ["true", "false"] {
        assert!(page(&mut romeo, &self::form(&[("include-groupchat", &[value])])).await.is_complete());
    }
}

async fn ids_that_are_not_in_the_archive(s: &Server) {
    let (mut romeo, mut juliet) = talked(s, 2).await;
    let theirs = everything(&mut juliet).await.ids().remove(0);
    let own = everything(&mut romeo).await.ids().remove(0);
    for id in [&*theirs, "nonsense", "AAAAAAAAAAAAAAAAAAAAAA", &own.to_lowercase()] {
        for field in ["before-id", "after-id", "ids"] {
            assert_eq!(refused(&mut romeo, &form(&[(field, &[id])])).await, "item-not-found");
        }
        for name in ["before", "after"] {
            assert_eq!(refused(&mut romeo, &set(&format!("<{name}>{id}</{name}>"))).await, "item-not-found");
        }
    }
    assert_eq!(refused(&mut romeo, &form(&[("ids", &[&*own, &*theirs])])).await, "item-not-found");
    romeo.nothing().await;
}

async fn what_cannot_be_understood(s: &Server) {
    let (mut romeo, _juliet) = talked(s, 1).await;
    for (inside, condition) in [
        (form(&[("with", &["a@"])]), "jid-malformed"),
        (form(&[("start", &["now"])]), "bad-request"),
        (form(&[("end", &["2010-01-01"])]), "bad-request"),
        (form(&[("start", &["2010-01-01T00:00:00Z", "2011-01-01T00:00:00Z"])]), "bad-request"),
        (form(&[("with", &["a@b"]), ("with", &["c@d"])]), "bad-request"),
        (form(&[("include-groupchat", &["maybe"])]), "bad-request"),
        (form(&[("{urn:example}field", &["x"])]), "feature-not-implemented"),
        (form(&[("withtext", &[])]), "feature-not-implemented"),
        (form(&[]).replace("submit", "result"), "bad-request"),
        (form(&[]).replace(MAM, "urn:xmpp:mam:1"), "bad-request"),
        (set("<max>many</max>"), "bad-request"),
        (set("<max>-1</max>"), "bad-request"),
        (set("<index>3</index>"), "feature-not-implemented"),
    ] {
        assert_eq!(refused(&mut romeo, &inside).await, condition, "{inside}");
    }
    // An older version of the protocol is another one.
    let old = romeo.request("set", None, "<query xmlns='urn:xmpp:mam:1'/>").await;
    assert_eq!(old.condition(), "service-unavailable");
}

/// The same for somebody's archive and nobody's.
async fn nobody_elses_archive(s: &Server) {
    let (mut romeo, juliet) = talked(s, 2).await;
    let asks = [
        ("set", format!("<query xmlns='{MAM}'/>")),
        ("get", format!("<query xmlns='{MAM}'/>")),
        ("get", format!("<metadata xmlns='{MAM}'/>")),
    ];
    for (kind, payload) in asks {
        let mut errors = Vec::new();
        for to in [juliet.bare(), "nobody@localhost"] {
            errors.push(romeo.request(kind, Some(to), &payload).await.error());
        }
        assert_eq!(errors[0], errors[1]);
        assert_eq!(errors[0].1, "forbidden");
        let host = romeo.request(kind, Some("localhost"), &payload).await;
        assert_eq!(host.condition(), "service-unavailable");
    }
    romeo.nothing().await;
}
