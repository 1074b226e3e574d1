//! `docs/jids.md`, line by line: how addresses are prepared, and where that differs from RFC 7622.

#![allow(clippy::unwrap_used)]

use jid::Jid;

fn prepared(jid: &str) -> Option<String> {
    Jid::new(jid).ok().map(|jid| jid.to_string())
}

#[track_caller]
fn becomes(jid: &str, expected: &str) {
    assert_eq!(prepared(jid).as_deref(), Some(expected), "{jid:?}");
}

#[track_caller]
fn refused(jid: &str) {
    assert_eq!(prepared(jid), None, "{jid:?}");
}

#[test]
fn compatibility_characters_are_folded_in_localparts_and_resources() {
    becomes("ﬁn@x", "fin@x");
    becomes("Ａlice@x", "alice@x");
    becomes("ⅷ@x", "viii@x");
    becomes("a@x/ﬁ", "a@x/fi");
}

#[test]
fn localparts_are_case_folded_not_lowercased() {
    becomes("straße@x", "strasse@x");
    becomes("Σας@x", "σασ@x");
}

#[test]
fn characters_newer_than_unicode_3_2_are_refused() {
    refused("😀@x");
    refused("a@x/😀");
    refused("a\u{378}@x");
}

#[test]
fn invisible_characters_vanish_from_localparts() {
    becomes("a\u{ad}b@x", "ab@x");
}

#[test]
fn spaces_in_resources_become_ascii_spaces_and_stay_at_the_ends() {
    becomes("a@x/a\u{3000}b", "a@x/a b");
    becomes("a@x/ A b ", "a@x/ A b ");
}

#[test]
fn domains_are_lowercased_mapped_and_lose_their_last_dot() {
    becomes("a@X.ORG.", "a@x.org");
    becomes("a@faß.de", "a@fass.de");
    becomes("a@x_y", "a@x_y");
}

#[test]
fn a_domain_in_ascii_form_is_another_than_its_unicode_form() {
    becomes("a@bücher.example", "a@bücher.example");
    becomes("a@xn--bcher-kva.example", "a@xn--bcher-kva.example");
}

#[test]
fn addresses_may_be_ip_literals_without_a_port() {
    becomes("a@127.0.0.1", "a@127.0.0.1");
    becomes("a@[::1]", "a@[::1]");
    refused("a@[::1");
    refused("a@localhost:5");
}

#[test]
fn empty_parts_spaces_and_forbidden_characters_are_refused() {
    for jid in ["a@x/", "@x", "a b@x", "a&b@x", "a'b@x", "a@-x", "a@x/\u{7f}", "a@x/\u{e000}"] {
        refused(jid);
    }
}

#[test]
fn mixed_directions_are_refused() {
    refused("\u{5d0}a@x");
    refused("a@x/\u{5d0}a");
}

#[test]
fn what_a_client_writes_is_prepared_until_it_stays_the_same() {
    let prepared = waxwing_stanza::prepare("\u{1f11a}b@x").unwrap();
    assert_eq!(prepared.as_str(), "(k)b@x");
    assert_eq!(waxwing_stanza::prepare(prepared.as_str()), Some(prepared));
}

#[test]
fn a_part_is_at_most_1023_bytes() {
    assert!(prepared(&format!("{}@x", "a".repeat(1023))).is_some());
    refused(&format!("{}@x", "a".repeat(1024)));
}
