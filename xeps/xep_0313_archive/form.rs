//! The fields of a query's form.

use waxwing_xml::Tag;

use crate::archive::{FULLTEXT_FIELD, MAM};

const DATA: &str = "jabber:x:data";
/// XEP-0122.
const VALIDATE: &str = "http://jabber.org/protocol/xdata-validate";

/// The fields that are understood, with their types.
const FIELDS: &[(&str, &str)] = &[
    ("with", "jid-single"),
    ("start", "text-single"),
    ("end", "text-single"),
    ("before-id", "text-single"),
    ("after-id", "text-single"),
    ("ids", "list-multi"),
    ("include-groupchat", "boolean"),
    (FULLTEXT_FIELD, "text-single"),
];

/// Writes the form that a client fills in.
pub fn write(out: &mut Vec<u8>) {
    Tag::new(out, "x").ns(DATA).attr("type", "form").children(|out| {
        Tag::new(out, "field").attr("type", "hidden").attr("var", "FORM_TYPE").children(|out| {
            Tag::new(out, "value").text(MAM);
        });
        for (var, kind) in FIELDS {
            let field = Tag::new(out, "field").attr("type", kind).attr("var", var);
            if *var != "ids" {
                field.end_empty();
                continue;
            }
            // §4.1.5: any ids, none of which are listed.
            field.children(|out| {
                Tag::new(out, "validate").ns(VALIDATE).attr("datatype", "xs:string").children(|out| {
                    Tag::new(out, "open").end_empty();
                });
            });
        }
    });
}
