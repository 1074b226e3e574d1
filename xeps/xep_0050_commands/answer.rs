//! What an asker is told (XEP-0050 §4).

use waxwing_kernel::Reply;
use waxwing_xml::{Tag, attach};

use crate::commands::COMMANDS;

/// There is a form to fill in.
pub fn executing(node: &str, id: &str, has_previous: bool, last: bool, form: &[u8]) -> Reply {
    let next = if last { "complete" } else { "next" };
    command(node, id, "executing", |out| {
        Tag::new(out, "actions").attr("execute", next).children(|out| {
            if has_previous {
                Tag::new(out, "prev").end_empty();
            }
            Tag::new(out, next).end_empty();
        });
        attach(out, form);
    })
}

pub fn completed(node: &str, id: &str, payload: &[u8], note: Option<&str>) -> Reply {
    command(node, id, "completed", |out| {
        if let Some(note) = note {
            Tag::new(out, "note").attr("type", "info").text(note);
        }
        attach(out, payload);
    })
}

pub fn canceled(node: &str, id: &str) -> Reply {
    command(node, id, "canceled", |_| {})
}

fn command(node: &str, id: &str, status: &str, content: impl FnOnce(&mut Vec<u8>)) -> Reply {
    Reply::written(|out| {
        Tag::new(out, "command")
            .ns(COMMANDS)
            .attr("node", node)
            .attr("sessionid", id)
            .attr("status", status)
            .attr("xml:lang", "en")
            .children(content);
    })
}
